import {
  CreateScheduleCommand,
  DeleteScheduleCommand,
  ListSchedulesCommand,
  UpdateScheduleCommand,
  ValidationException,
} from "@aws-sdk/client-scheduler";
import { afterEach, expect, it } from "vitest";
import { account, allow, region, type Services } from "../support/services.ts";
import {
  deadLetters,
  drain,
  groupArn,
  jobs,
  maker,
  moveTo,
  schedule,
  schedulerPlan,
  schedulerRole,
  startScheduler,
  trust,
} from "./support.ts";

let services: Services;
afterEach(() => services.stop());

const when = "at(2030-01-15T11:00:00)";
const make = (name = "x") =>
  services.schedulerClient({ as: maker }).send(new CreateScheduleCommand(schedule(name, when)));

it("who may make schedules and pass the role makes one", async () => {
  services = await startScheduler();
  await make();
  await moveTo(services, "2030-01-15T11:00:00Z");
  expect(await drain(services)).toEqual(["x"]);
  expect(services.iam.denials()).toEqual([]);
});

it("each operation asks for its own action, on the schedule", async () => {
  services = await startScheduler({ plan: schedulerPlan({ makerGrants: [] }) });
  const client = services.schedulerClient({ as: maker });
  const denied = { name: "AccessDeniedException", $metadata: { httpStatusCode: 403 } };
  await expect(make()).rejects.toMatchObject(denied);
  await expect(client.send(new UpdateScheduleCommand(schedule("x", when)))).rejects.toMatchObject(denied);
  await expect(client.send(new DeleteScheduleCommand({ Name: "x", GroupName: "app" }))).rejects.toMatchObject(
    denied,
  );
  await expect(client.send(new ListSchedulesCommand({}))).rejects.toMatchObject(denied);
  const arn = `arn:aws:scheduler:${region}:${account}:schedule/app/x`;
  expect(services.iam.denials().map(({ action, resource }) => [action, resource])).toEqual([
    ["scheduler:CreateSchedule", arn],
    ["scheduler:UpdateSchedule", arn],
    ["scheduler:DeleteSchedule", arn],
    ["scheduler:ListSchedules", "*"],
  ]);
});

it.each([
  ["without a grant", []],
  [
    "granted for another service",
    [
      {
        ...allow("iam:PassRole", schedulerRole),
        Condition: { StringEquals: { "iam:PassedToService": "lambda.amazonaws.com" } },
      },
    ],
  ],
])("the role is not passed %s", async (_what, grants) => {
  services = await startScheduler({
    plan: schedulerPlan({ makerGrants: [allow("scheduler:*", "*"), ...grants] }),
  });
  await expect(make()).rejects.toThrow(
    /is not authorized to perform: iam:PassRole on resource: .*role\/scheduler/,
  );
});

it.each([
  ["another account's schedules", { StringEquals: { "aws:SourceAccount": "999999999999" } }],
  ["another group's", { ArnEquals: { "aws:SourceArn": groupArn.replace("/app", "/other") } }],
  // It is the group that AWS gives, so a condition on schedules is met by none.
  [
    "single schedules",
    { ArnLike: { "aws:SourceArn": `arn:aws:scheduler:${region}:${account}:schedule/app/*` } },
  ],
])("a role that trusts Scheduler for %s only is refused when the schedule is made", async (_what, condition) => {
  services = await startScheduler({ plan: schedulerPlan({ trust: trust(condition) }) });
  await expect(make()).rejects.toThrow(ValidationException);
  await expect(make()).rejects.toThrow(
    "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
  );
});

it("a target is called as the role: what that may not, goes to the dead letters", async () => {
  services = await startScheduler({
    plan: schedulerPlan({ targetGrants: [allow("sqs:SendMessage", deadLetters.arn)] }),
  });
  await services
    .schedulerClient({ as: maker })
    .send(
      new CreateScheduleCommand(
        schedule("x", when, { Target: { DeadLetterConfig: { Arn: deadLetters.arn } } }),
      ),
    );
  await moveTo(services, "2030-01-15T11:00:00Z");
  expect(await drain(services)).toEqual([]);
  expect(await drain(services, deadLetters.arn)).toHaveLength(1);
  expect(services.iam.denials()).toMatchObject([
    { role: schedulerRole, action: "sqs:SendMessage", resource: jobs.arn },
  ]);
});

it("a request without a signature is refused", async () => {
  services = await startScheduler();
  const answer = await fetch(`${services.origin}/schedules`);
  expect(answer.status).toBe(403);
});
