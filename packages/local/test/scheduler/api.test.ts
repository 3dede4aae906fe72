import {
  ConflictException,
  CreateScheduleCommand,
  CreateScheduleGroupCommand,
  DeleteScheduleCommand,
  DeleteScheduleGroupCommand,
  GetScheduleCommand,
  GetScheduleGroupCommand,
  ListScheduleGroupsCommand,
  ListSchedulesCommand,
  type ListSchedulesCommandInput,
  ListTagsForResourceCommand,
  ResourceNotFoundException,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateScheduleCommand,
  ValidationException,
} from "@aws-sdk/client-scheduler";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { account, region, type Services } from "../support/services.ts";
import {
  deadLetters,
  drain,
  fifo,
  groupArn,
  jobs,
  rest,
  schedule,
  schedulerRole,
  startScheduler,
} from "./support.ts";

let services: Services;
beforeEach(async () => {
  services = await startScheduler();
});
afterEach(() => services.stop());

describe("a schedule", () => {
  it("is told as it was made, with what AWS adds", async () => {
    const client = services.schedulerClient();
    const start = new Date("2030-02-01T00:00:00Z");
    const made = await client.send(
      new CreateScheduleCommand(
        schedule("report", "cron(0 9 ? * MON-FRI *)", {
          ScheduleExpressionTimezone: "Europe/Berlin",
          StartDate: start,
          EndDate: new Date("2031-02-01T00:00:00Z"),
          Description: "each morning",
          FlexibleTimeWindow: { Mode: "FLEXIBLE", MaximumWindowInMinutes: 15 },
          ActionAfterCompletion: "DELETE",
          Target: { DeadLetterConfig: { Arn: deadLetters.arn }, RetryPolicy: { MaximumRetryAttempts: 3 } },
        }),
      ),
    );
    const arn = `arn:aws:scheduler:${region}:${account}:schedule/app/report`;
    expect(made.ScheduleArn).toBe(arn);
    const found = await client.send(new GetScheduleCommand({ Name: "report", GroupName: "app" }));
    expect(found).toMatchObject({
      Arn: arn,
      GroupName: "app",
      Name: "report",
      ScheduleExpression: "cron(0 9 ? * MON-FRI *)",
      ScheduleExpressionTimezone: "Europe/Berlin",
      StartDate: start,
      Description: "each morning",
      State: "ENABLED",
      FlexibleTimeWindow: { Mode: "FLEXIBLE", MaximumWindowInMinutes: 15 },
      ActionAfterCompletion: "DELETE",
      Target: {
        Arn: jobs.arn,
        RoleArn: schedulerRole,
        Input: "report",
        DeadLetterConfig: { Arn: deadLetters.arn },
        RetryPolicy: { MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 86_400 },
      },
    });
    expect(found.CreationDate?.toISOString()).toMatch(/^2030-01-15T10:00/);
    expect(found.LastModificationDate).toEqual(found.CreationDate);
  });

  it("is said anew by an update: what it leaves out goes back to its default", async () => {
    const client = services.schedulerClient();
    await client.send(
      new CreateScheduleCommand(schedule("report", "rate(1 hour)", { Description: "x", State: "DISABLED" })),
    );
    await client.send(new UpdateScheduleCommand(schedule("report", "rate(2 hours)")));
    const found = await client.send(new GetScheduleCommand({ Name: "report", GroupName: "app" }));
    expect(found).toMatchObject({
      ScheduleExpression: "rate(2 hours)",
      State: "ENABLED",
      ActionAfterCompletion: "NONE",
      FlexibleTimeWindow: { Mode: "OFF" },
    });
    expect(found.Description).toBeUndefined();
  });

  it("that was deleted is gone, and its times with it", async () => {
    const client = services.schedulerClient();
    await client.send(new CreateScheduleCommand(schedule("once", "at(2030-01-15T11:00:00)")));
    await client.send(new DeleteScheduleCommand({ Name: "once", GroupName: "app" }));
    const lookUp = client.send(new GetScheduleCommand({ Name: "once", GroupName: "app" }));
    await expect(lookUp).rejects.toThrow(ResourceNotFoundException);
    await expect(lookUp).rejects.toThrow("Schedule once does not exist.");
    services.cloud.clock.advance(2 * 3_600_000);
    await rest();
    expect(await drain(services)).toEqual([]);
  });

  it("is made once by a request that is repeated with its token, and refused to another", async () => {
    const client = services.schedulerClient();
    const first = schedule("report", "rate(1 hour)", { ClientToken: "token-1" });
    await client.send(new CreateScheduleCommand(first));
    const again = await client.send(new CreateScheduleCommand(first));
    expect(again.ScheduleArn).toContain("schedule/app/report");
    const other = client.send(new CreateScheduleCommand({ ...first, ScheduleExpression: "rate(2 hours)" }));
    await expect(other).rejects.toThrow(ConflictException);
    const second = client.send(new CreateScheduleCommand(schedule("report", "rate(1 hour)")));
    await expect(second).rejects.toThrow(ConflictException);
    await expect(second).rejects.toThrow("Schedule report already exists.");
  });

  it("that is deleted twice with one token was deleted", async () => {
    const client = services.schedulerClient();
    await client.send(new CreateScheduleCommand(schedule("report", "rate(1 hour)")));
    const request = { Name: "report", GroupName: "app", ClientToken: "gone" };
    await client.send(new DeleteScheduleCommand(request));
    await client.send(new DeleteScheduleCommand(request));
    await expect(
      client.send(new DeleteScheduleCommand({ ...request, ClientToken: "other" })),
    ).rejects.toThrow(ResourceNotFoundException);
  });

  it("belongs to a group that is there, in its own region", async () => {
    const nowhere = services
      .schedulerClient()
      .send(new CreateScheduleCommand(schedule("x", "rate(1 hour)", { GroupName: "none" })));
    await expect(nowhere).rejects.toThrow("Schedule group none does not exist.");
    const elsewhere = services
      .schedulerClient({ region: "us-east-1" })
      .send(new CreateScheduleCommand(schedule("x", "rate(1 hour)")));
    await expect(elsewhere).rejects.toThrow(ResourceNotFoundException);
  });

  const refused: [what: string, change: Parameters<typeof schedule>, message: string | RegExp][] = [
    ["a name with a space", ["a b", "rate(1 hour)"], /at 'name' failed to satisfy constraint/],
    ["no expression of the three", ["x", "every hour"], "Invalid Schedule Expression every hour."],
    ["a fraction of a second", ["x", "at(2030-01-15T11:00:00.123)"], /^Invalid Schedule Expression/],
    ["a zone in a time", ["x", "at(2030-01-15T11:00:00Z)"], /^Invalid Schedule Expression/],
    ["a day that is not", ["x", "at(2030-02-30T11:00:00)"], /^Invalid Schedule Expression/],
    ["five fields of cron", ["x", "cron(0 9 * * ?)"], /^Invalid Schedule Expression/],
    ["* in both fields for days", ["x", "cron(0 9 * * * *)"], /^Invalid Schedule Expression/],
    ["a rate of seconds", ["x", "rate(30 seconds)"], /^Invalid Schedule Expression/],
    ["a rate of nothing", ["x", "rate(0 hours)"], /^Invalid Schedule Expression/],
    [
      "a zone that is not",
      ["x", "rate(1 hour)", { ScheduleExpressionTimezone: "Europe/Bonn" }],
      /Europe\/Bonn/,
    ],
    ["an offset for a zone", ["x", "rate(1 hour)", { ScheduleExpressionTimezone: "+02:00" }], /\+02:00/],
    [
      "a window of no length",
      ["x", "rate(1 hour)", { FlexibleTimeWindow: { Mode: "FLEXIBLE" } }],
      /MaximumWindow/,
    ],
    [
      "a window of two days",
      ["x", "rate(1 hour)", { FlexibleTimeWindow: { Mode: "FLEXIBLE", MaximumWindowInMinutes: 2880 } }],
      /less than or equal to 1440/,
    ],
    [
      "more retries than AWS makes",
      ["x", "rate(1 hour)", { Target: { RetryPolicy: { MaximumRetryAttempts: 186 } } }],
      /less than or equal to 185/,
    ],
    [
      "an event age under a minute",
      ["x", "rate(1 hour)", { Target: { RetryPolicy: { MaximumEventAgeInSeconds: 59 } } }],
      /greater than or equal to 60/,
    ],
    [
      "an end before the start",
      ["x", "rate(1 hour)", { StartDate: new Date("2031-01-01"), EndDate: new Date("2030-06-01") }],
      /StartDate/,
    ],
    [
      "a target that is no ARN",
      ["x", "rate(1 hour)", { Target: { Arn: "jobs" } }],
      "Provided Arn is not in correct format.",
    ],
    ["a FIFO queue without a group", ["x", "rate(1 hour)", { Target: { Arn: fifo.arn } }], /MessageGroupId/],
    [
      "FIFO dead letters",
      ["x", "rate(1 hour)", { Target: { DeadLetterConfig: { Arn: fifo.arn } } }],
      /target.deadLetterConfig.arn/,
    ],
    [
      "an input for a function that is not JSON",
      [
        "x",
        "rate(1 hour)",
        { Target: { Arn: `arn:aws:lambda:${region}:${account}:function:f`, Input: "x" } },
      ],
      /well-formed JSON/,
    ],
  ];
  it.each(refused)("is refused with %s", async (_what, [name, expression, change], message) => {
    const request = services
      .schedulerClient()
      .send(new CreateScheduleCommand(schedule(name, expression, change)));
    await expect(request).rejects.toThrow(ValidationException);
    await expect(request).rejects.toThrow(message);
  });
});

it("schedules are listed by page, group, prefix and state", async () => {
  const client = services.schedulerClient();
  const names = ["b-2", "a-1", "b-1", "a-2", "c"];
  for (const Name of names)
    await client.send(
      new CreateScheduleCommand(
        schedule(Name, "rate(1 hour)", { State: Name === "c" ? "DISABLED" : "ENABLED" }),
      ),
    );
  const pages: (string | undefined)[][] = [];
  let NextToken: string | undefined;
  do {
    const page = await client.send(new ListSchedulesCommand({ GroupName: "app", MaxResults: 2, NextToken }));
    pages.push((page.Schedules ?? []).map(({ Name }) => Name));
    ({ NextToken } = page);
  } while (NextToken !== undefined);
  expect(pages).toEqual([["a-1", "a-2"], ["b-1", "b-2"], ["c"]]);
  const list = async (input: ListSchedulesCommandInput) =>
    (await client.send(new ListSchedulesCommand(input))).Schedules?.map(({ Name }) => Name);
  expect(await list({ NamePrefix: "b-" })).toEqual(["b-1", "b-2"]);
  expect(await list({ State: "DISABLED" })).toEqual(["c"]);
  expect(await list({ GroupName: "default" })).toEqual([]);
  await expect(list({ GroupName: "none" })).rejects.toThrow(ResourceNotFoundException);
  const { Schedules } = await client.send(new ListSchedulesCommand({ NamePrefix: "c" }));
  expect(Schedules?.[0]).toMatchObject({ GroupName: "app", State: "DISABLED", Target: { Arn: jobs.arn } });
});

describe("schedule groups", () => {
  it("are made, found, listed and deleted with their schedules", async () => {
    const client = services.schedulerClient();
    const { ScheduleGroupArn } = await client.send(new CreateScheduleGroupCommand({ Name: "own" }));
    expect(ScheduleGroupArn).toBe(groupArn.replace("/app", "/own"));
    await expect(client.send(new CreateScheduleGroupCommand({ Name: "own" }))).rejects.toThrow(
      ConflictException,
    );
    expect(await client.send(new GetScheduleGroupCommand({ Name: "own" }))).toMatchObject({
      Name: "own",
      State: "ACTIVE",
    });
    const { ScheduleGroups } = await client.send(new ListScheduleGroupsCommand({}));
    expect(ScheduleGroups?.map(({ Name }) => Name)).toEqual(["app", "default", "own"]);
    await client.send(new DeleteScheduleGroupCommand({ Name: "own" }));
    await expect(client.send(new GetScheduleGroupCommand({ Name: "own" }))).rejects.toThrow(
      ResourceNotFoundException,
    );

    await client.send(new CreateScheduleCommand(schedule("once", "at(2030-01-15T11:00:00)")));
    await client.send(new DeleteScheduleGroupCommand({ Name: "app" }));
    services.cloud.clock.advance(2 * 3_600_000);
    await rest();
    expect(await drain(services)).toEqual([]);
    await expect(client.send(new DeleteScheduleGroupCommand({ Name: "default" }))).rejects.toThrow(
      ValidationException,
    );
  });

  it("have tags, and nothing else has", async () => {
    const client = services.schedulerClient();
    const tags = async () => {
      const { Tags } = await client.send(new ListTagsForResourceCommand({ ResourceArn: groupArn }));
      return Object.fromEntries((Tags ?? []).map(({ Key, Value }) => [Key, Value]));
    };
    expect(await tags()).toEqual({ stage: "test" });
    await client.send(
      new TagResourceCommand({
        ResourceArn: groupArn,
        Tags: [
          { Key: "team", Value: "a" },
          { Key: "cost", Value: "1" },
        ],
      }),
    );
    await client.send(new UntagResourceCommand({ ResourceArn: groupArn, TagKeys: ["stage", "cost"] }));
    expect(await tags()).toEqual({ team: "a" });
    const ResourceArn = groupArn.replace("schedule-group/app", "schedule/app/x");
    await expect(client.send(new ListTagsForResourceCommand({ ResourceArn }))).rejects.toThrow(
      ValidationException,
    );
  });
});
