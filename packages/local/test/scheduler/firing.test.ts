import {
  CreateScheduleCommand,
  DeleteScheduleCommand,
  GetScheduleCommand,
  ResourceNotFoundException,
  UpdateScheduleCommand,
} from "@aws-sdk/client-scheduler";
import { afterEach, describe, expect, it } from "vitest";
import type { SqsMessage } from "../../src/cloud/types.ts";
import { account, region, type Services } from "../support/services.ts";
import {
  deadLetters,
  drain,
  fifo,
  functionArn,
  jobs,
  moveTo,
  news,
  rest,
  schedule,
  schedulerPlan,
  schedulerRole,
  startScheduler,
} from "./support.ts";

let services: Services;
afterEach(() => services.stop());

const make = (...given: Parameters<typeof schedule>) =>
  services.schedulerClient().send(new CreateScheduleCommand(schedule(...given)));
const find = (Name: string) =>
  services.schedulerClient().send(new GetScheduleCommand({ Name, GroupName: "app" }));
const receive = async (queueArn: string): Promise<SqsMessage[]> =>
  services.sqs.receive({ kind: "developer" }, queueArn, { max: 10, waitMs: 0 });

describe("a schedule of one time", () => {
  it("sends its input when it is due, once, and stays", async () => {
    services = await startScheduler();
    await make("once", "at(2030-01-15T12:00:00)", { ScheduleExpressionTimezone: "Europe/Berlin" });
    await moveTo(services, "2030-01-15T10:59:00Z");
    expect(await drain(services)).toEqual([]);
    await moveTo(services, "2030-01-15T11:00:00Z");
    expect(await drain(services)).toEqual(["once"]);
    await moveTo(services, "2030-01-17T11:00:00Z");
    expect(await drain(services)).toEqual([]);
    expect((await find("once")).State).toBe("ENABLED");
  });

  it("is gone once it has run, where it was made to go", async () => {
    services = await startScheduler();
    await make("once", "at(2030-01-15T11:00:00)", { ActionAfterCompletion: "DELETE" });
    await moveTo(services, "2030-01-15T11:00:00Z");
    expect(await drain(services)).toEqual(["once"]);
    await expect(find("once")).rejects.toThrow(ResourceNotFoundException);
  });

  it("whose time has passed already is due at once", async () => {
    services = await startScheduler();
    await make("late", "at(2030-01-15T09:59:00)");
    await rest();
    expect(await drain(services)).toEqual(["late"]);
  });

  it("runs again when it is given another time, not when it is said anew", async () => {
    services = await startScheduler();
    const client = services.schedulerClient();
    await make("once", "at(2030-01-15T11:00:00)");
    await moveTo(services, "2030-01-15T11:00:00Z");
    await client.send(new UpdateScheduleCommand(schedule("once", "at(2030-01-15T11:00:00)")));
    await rest();
    expect(await drain(services)).toEqual(["once"]);
    await client.send(new UpdateScheduleCommand(schedule("once", "at(2030-01-15T12:00:00)")));
    await moveTo(services, "2030-01-15T12:00:00Z");
    expect(await drain(services)).toEqual(["once"]);
  });
});

describe("a recurring schedule", () => {
  it("with a rate is due at once and then in its rhythm, with a start from there", async () => {
    services = await startScheduler();
    await make("now", "rate(1 hour)");
    await make("later", "rate(1 hour)", { StartDate: new Date("2030-01-15T10:30:00Z") });
    await rest();
    expect(await drain(services)).toEqual(["now"]);
    await moveTo(services, "2030-01-15T10:30:00Z");
    expect(await drain(services)).toEqual(["later"]);
    await moveTo(services, "2030-01-15T11:45:00Z");
    expect((await drain(services)).sort()).toEqual(["later", "now"]);
  });

  it("ends with its end, and goes where it was made to go", async () => {
    services = await startScheduler();
    await make("daily", "cron(0 12 * * ? *)", {
      Target: { Input: "<aws.scheduler.scheduled-time>" },
      EndDate: new Date("2030-01-17T18:00:00Z"),
      ActionAfterCompletion: "DELETE",
    });
    await moveTo(services, "2030-02-15T00:00:00Z");
    expect(await drain(services)).toEqual([
      "2030-01-15T12:00:00Z",
      "2030-01-16T12:00:00Z",
      "2030-01-17T12:00:00Z",
    ]);
    await expect(find("daily")).rejects.toThrow(ResourceNotFoundException);
  });

  it.each([
    // Forward on 10 March 2030, back on 3 November.
    ["America/Toronto", "2030-03-09T00:00:00Z", ["2030-03-09T14:00:00Z", "2030-03-10T13:00:00Z"]],
    ["America/Toronto", "2030-11-02T00:00:00Z", ["2030-11-02T13:00:00Z", "2030-11-03T14:00:00Z"]],
    // Forward on 31 March, back on 27 October.
    ["Europe/Berlin", "2030-03-30T00:00:00Z", ["2030-03-30T08:00:00Z", "2030-03-31T07:00:00Z"]],
    ["Europe/Berlin", "2030-10-26T00:00:00Z", ["2030-10-26T07:00:00Z", "2030-10-27T08:00:00Z"]],
  ])("of nine in the morning in %s stays at nine on the clock after %s", async (zone, time, expected) => {
    services = await startScheduler({ time });
    await make("nine", "cron(0 9 * * ? *)", {
      ScheduleExpressionTimezone: zone,
      Target: { Input: "<aws.scheduler.scheduled-time>" },
    });
    services.cloud.clock.advance(2 * 86_400_000);
    await rest();
    expect(await drain(services)).toEqual(expected);
  });

  it("that is disabled does nothing, and makes up for nothing when it is enabled", async () => {
    services = await startScheduler();
    await make("hourly", "rate(1 hour)", { State: "DISABLED" });
    await moveTo(services, "2030-01-15T14:30:00Z");
    expect(await drain(services)).toEqual([]);
    await services.schedulerClient().send(new UpdateScheduleCommand(schedule("hourly", "rate(1 hour)")));
    await rest();
    expect(await drain(services)).toEqual([]);
    await moveTo(services, "2030-01-15T15:30:00Z");
    expect(await drain(services)).toEqual(["hourly"]);
  });

  it("makes up for what falls due while the clock is moved on, up to a bound", async () => {
    services = await startScheduler();
    await make("minutely", "cron(* * * * ? *)");
    await moveTo(services, "2030-01-15T10:05:30Z");
    expect(await drain(services)).toHaveLength(5);
    await moveTo(services, "2030-02-15T10:00:30Z");
    expect(await drain(services)).toHaveLength(100);
    expect(services.logs.join()).toContain("due more than 100 times at once");
    await moveTo(services, "2030-02-15T10:01:30Z");
    expect(await drain(services)).toHaveLength(1);
  });

  it("with a flexible window runs within it, for the time that it was due", async () => {
    services = await startScheduler();
    await make("about", "cron(0 12 * * ? *)", {
      FlexibleTimeWindow: { Mode: "FLEXIBLE", MaximumWindowInMinutes: 60 },
      Target: { Input: "<aws.scheduler.scheduled-time>" },
    });
    await moveTo(services, "2030-01-15T12:00:00Z");
    expect(await drain(services)).toEqual([]);
    await moveTo(services, "2030-01-15T13:00:00Z");
    expect(await drain(services)).toEqual(["2030-01-15T12:00:00Z"]);
  });
});

describe("a target", () => {
  it("gets its input with the keywords replaced, under the role's session", async () => {
    services = await startScheduler();
    const Input =
      "<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.scheduler.execution-id> <aws.scheduler.attempt-number>";
    await make("words", "at(2030-01-15T11:00:00)", { Target: { Input } });
    await moveTo(services, "2030-01-15T11:00:00Z");
    const [message] = await receive(jobs.arn);
    expect(message?.body).toMatch(
      new RegExp(
        `^arn:aws:scheduler:${region}:${account}:schedule/app/words 2030-01-15T11:00:00Z [0-9a-f]{16} 1$`,
      ),
    );
    expect(message?.attributes.SenderId).toMatch(/^AROA\w{17}:[0-9a-f]{32}$/);
  });

  it("may be a FIFO queue, a topic, a function, or a call in Scheduler's universal form", async () => {
    services = await startScheduler();
    const when = "at(2030-01-15T11:00:00)";
    await make("fifo", when, { Target: { Arn: fifo.arn, SqsParameters: { MessageGroupId: "g" } } });
    await make("topic", when, { Target: { Arn: news.arn } });
    await make("function", when, { Target: { Arn: functionArn, Input: '{"a":1}' } });
    await make("default", when, { Target: { Arn: functionArn, Input: undefined } });
    await make("universal", when, {
      Target: {
        Arn: "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
        Input: JSON.stringify({ QueueUrl: jobs.url, MessageBody: "universal", DelaySeconds: 5 }),
      },
    });
    await moveTo(services, "2030-01-15T11:00:00Z");
    // An id by its content is what the FIFO queue would need.
    expect(services.logs.join()).toContain("schedule fifo could not reach");
    expect(
      services.observations.some(({ kind, resource }) => kind === "sns.publish" && resource === news.arn),
    ).toBe(true);
    const role = { kind: "role", roleArn: schedulerRole };
    expect(services.invocations.events).toMatchObject([
      { functionArn, event: { a: 1 }, principal: role },
      {
        functionArn,
        event: {
          source: "aws.scheduler",
          "detail-type": "Scheduled Event",
          time: "2030-01-15T11:00:00Z",
          resources: [`arn:aws:scheduler:${region}:${account}:schedule/app/default`],
        },
      },
    ]);
    expect(services.sqs.counts(jobs.arn).delayed).toBe(1);
  });

  it("that does not run here is named when the schedule is made and when it is due", async () => {
    services = await startScheduler();
    await make("machine", "at(2030-01-15T11:00:00)", {
      Target: { Arn: `arn:aws:states:${region}:${account}:stateMachine:m`, Input: "{}" },
    });
    expect(services.logs.join()).toContain("not run here");
    await moveTo(services, "2030-01-15T11:00:00Z");
    expect(services.logs).toHaveLength(2);
  });
});

describe("what cannot be delivered", () => {
  const failing = (times: number) =>
    services.cloud.faults.add({
      service: "sqs",
      operation: "SendMessage",
      resource: jobs.arn,
      times,
      effect: { error: { code: "ServiceUnavailable", status: 503, message: "away" } },
    });

  it("is tried again, and says which attempt it is", async () => {
    services = await startScheduler();
    failing(2);
    await make("again", "at(2030-01-15T11:00:00)", { Target: { Input: "<aws.scheduler.attempt-number>" } });
    await moveTo(services, "2030-01-15T11:00:00Z");
    expect(await drain(services)).toEqual([]);
    services.cloud.clock.advance(1000);
    await rest();
    services.cloud.clock.advance(2000);
    await rest();
    expect(await drain(services)).toEqual(["3"]);
  });

  it("goes to the dead letters after its retries, with what AWS says of it", async () => {
    services = await startScheduler();
    failing(2);
    await make("dead", "at(2030-01-15T11:00:00)", {
      Target: { DeadLetterConfig: { Arn: deadLetters.arn }, RetryPolicy: { MaximumRetryAttempts: 1 } },
    });
    await moveTo(services, "2030-01-15T11:00:00Z");
    services.cloud.clock.advance(1000);
    await rest();
    const [message] = await receive(deadLetters.arn);
    expect(JSON.parse(message?.body ?? "")).toEqual({ MessageBody: "dead", QueueUrl: jobs.url });
    const attributes = Object.fromEntries(
      Object.entries(message?.messageAttributes ?? {}).map(([name, { stringValue }]) => [name, stringValue]),
    );
    expect(attributes).toEqual({
      ERROR_CODE: "ServiceUnavailable",
      ERROR_MESSAGE: "away",
      EXECUTION_ID: expect.stringMatching(/^[0-9a-f]{16}$/),
      EXHAUSTED_RETRY_CONDITION: "MaximumRetryAttempts",
      IS_PAYLOAD_TRUNCATED: "false",
      RETRY_ATTEMPTS: "1",
      SCHEDULED_TIME: "2030-01-15T11:00:00Z",
      SCHEDULE_ARN: `arn:aws:scheduler:${region}:${account}:schedule/app/dead`,
      TARGET_ARN: "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
    });
  });

  it("goes there when it is too old, too", async () => {
    services = await startScheduler();
    failing(100);
    await make("old", "at(2030-01-15T11:00:00)", {
      Target: { DeadLetterConfig: { Arn: deadLetters.arn }, RetryPolicy: { MaximumEventAgeInSeconds: 60 } },
    });
    await moveTo(services, "2030-01-15T11:00:00Z");
    await moveTo(services, "2030-01-15T11:02:00Z");
    const [message] = await receive(deadLetters.arn);
    expect(message?.messageAttributes.EXHAUSTED_RETRY_CONDITION?.stringValue).toBe(
      "MaximumEventAgeInSeconds",
    );
  });

  it("goes there at once when no retry would help, and its one time is over", async () => {
    services = await startScheduler();
    await make("nowhere", "at(2030-01-15T11:00:00)", {
      ActionAfterCompletion: "DELETE",
      Target: { Arn: `${jobs.arn}-none`, DeadLetterConfig: { Arn: deadLetters.arn } },
    });
    await moveTo(services, "2030-01-15T11:00:00Z");
    const [message] = await receive(deadLetters.arn);
    expect(message?.messageAttributes.ERROR_CODE?.stringValue).toBe("AccessDenied");
    expect(message?.messageAttributes.EXHAUSTED_RETRY_CONDITION).toBeUndefined();
    await expect(find("nowhere")).rejects.toThrow(ResourceNotFoundException);
  });
});

it("what is being retried is given up with its schedule", async () => {
  services = await startScheduler();
  services.cloud.faults.add({
    service: "sqs",
    operation: "SendMessage",
    effect: { error: { code: "ServiceUnavailable", status: 503 } },
  });
  await make("again", "at(2030-01-15T11:00:00)");
  await moveTo(services, "2030-01-15T11:00:00Z");
  await services.schedulerClient().send(new DeleteScheduleCommand({ Name: "again", GroupName: "app" }));
  await moveTo(services, "2030-01-15T12:00:00Z");
  expect(await drain(services)).toEqual([]);
});

describe("over a restart", () => {
  it("schedules that were made at run time go on, and times of one that passed meanwhile count as late", async () => {
    services = await startScheduler();
    await make("once", "at(2030-01-15T12:00:00)");
    await make("hourly", "cron(0 * * * ? *)");
    const late = {
      DeadLetterConfig: { Arn: deadLetters.arn },
      RetryPolicy: { MaximumEventAgeInSeconds: 3600 },
    };
    await make("too-late", "at(2030-01-15T10:30:00)", { ActionAfterCompletion: "DELETE", Target: late });
    await services.stop({ keep: true });
    const { folder } = services;

    services = await startScheduler({ folder, time: "2030-01-15T12:30:00Z" });
    await rest();
    expect(await drain(services)).toEqual(["once"]);
    const [message] = await receive(deadLetters.arn);
    expect(message?.messageAttributes.EXHAUSTED_RETRY_CONDITION?.stringValue).toBe(
      "MaximumEventAgeInSeconds",
    );
    await expect(find("too-late")).rejects.toThrow(ResourceNotFoundException);
    await moveTo(services, "2030-01-15T13:00:00Z");
    expect(await drain(services)).toEqual(["hourly"]);
  });

  it("what was being retried is tried again", async () => {
    services = await startScheduler();
    services.cloud.faults.add({
      service: "sqs",
      operation: "SendMessage",
      effect: { error: { code: "ServiceUnavailable", status: 503 } },
    });
    await make("again", "at(2030-01-15T11:00:00)", { ActionAfterCompletion: "DELETE" });
    await moveTo(services, "2030-01-15T11:00:00Z");
    await services.stop({ keep: true });
    services = await startScheduler({ folder: services.folder, time: "2030-01-15T11:00:05Z" });
    await rest();
    expect(await drain(services)).toEqual(["again"]);
    await expect(find("again")).rejects.toThrow(ResourceNotFoundException);
  });

  it("the graph's schedules are as the graph says, and those it no longer has are gone", async () => {
    const spec = {
      name: "planned",
      group: "app",
      region,
      input: {
        ScheduleExpression: "cron(0 * * * ? *)",
        FlexibleTimeWindow: { Mode: "OFF" },
        Target: { Arn: jobs.arn, RoleArn: schedulerRole, Input: "planned" },
      },
    };
    services = await startScheduler({ plan: schedulerPlan({ schedules: [spec] }) });
    await moveTo(services, "2030-01-15T11:00:00Z");
    expect(await drain(services)).toEqual(["planned"]);
    await services.stop({ keep: true });
    const { folder } = services;
    const changed = { ...spec, input: { ...spec.input, Description: "changed" } };
    services = await startScheduler({ folder, plan: schedulerPlan({ schedules: [changed] }) });
    expect((await find("planned")).Description).toBe("changed");
    await services.stop({ keep: true });
    services = await startScheduler({ folder });
    await expect(find("planned")).rejects.toThrow(ResourceNotFoundException);
  });
});
