/** A cloud with a queue, its dead letters, and a role that schedules take on; the clock is the test's. */
import type { CreateScheduleCommandInput } from "@aws-sdk/client-scheduler";
import type { Cloud, Principal } from "../../src/cloud/types.ts";
import type { Plan, PolicyDocument, PolicyStatement, RoleSpec } from "../../src/plan/types.ts";
import {
  account,
  allow,
  planOf,
  queueSpec,
  region,
  type Services,
  settled,
  startServices,
  topicSpec,
} from "../support/services.ts";

export const groupArn = `arn:aws:scheduler:${region}:${account}:schedule-group/app`;
export const schedulerRole = `arn:aws:iam::${account}:role/scheduler`;
export const makerRole = `arn:aws:iam::${account}:role/maker`;
/** Who makes schedules. */
export const maker: Principal = { kind: "role", roleArn: makerRole, sessionName: "maker-fn" };
export const jobs = queueSpec("jobs");
export const fifo = queueSpec("jobs.fifo");
export const deadLetters = queueSpec("dead");
export const news = topicSpec("news");
export const functionArn = `arn:aws:lambda:${region}:${account}:function:sweep`;

export function trust(condition: PolicyStatement["Condition"]): PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: "scheduler.amazonaws.com" },
        Action: "sts:AssumeRole",
        ...(condition && { Condition: condition }),
      },
    ],
  };
}
const role = (arn: string, trusted: PolicyDocument, grants: PolicyStatement[]): RoleSpec => ({
  arn,
  name: arn.slice(arn.lastIndexOf("/") + 1),
  trust: trusted,
  policies: [{ name: "own", document: { Version: "2012-10-17", Statement: grants } }],
});

export function schedulerPlan(
  change: Partial<Plan> & {
    trust?: PolicyDocument;
    targetGrants?: PolicyStatement[];
    makerGrants?: PolicyStatement[];
  } = {},
): Plan {
  const { trust: trusted, targetGrants, makerGrants, ...rest } = change;
  return planOf({
    queues: [jobs, fifo, deadLetters],
    topics: [news],
    scheduleGroups: [{ name: "app", region, tags: { stage: "test" } }],
    roles: [
      role(
        schedulerRole,
        trusted ??
          trust({
            StringEquals: { "aws:SourceAccount": account },
            ArnEquals: { "aws:SourceArn": groupArn },
          }),
        targetGrants ?? [
          allow("sqs:SendMessage", [jobs.arn, fifo.arn, deadLetters.arn]),
          allow("sns:Publish", news.arn),
          allow("lambda:InvokeFunction", functionArn),
        ],
      ),
      role(
        makerRole,
        trust(undefined),
        makerGrants ?? [
          allow("scheduler:*", `arn:aws:scheduler:${region}:${account}:schedule/app/*`),
          {
            ...allow("iam:PassRole", schedulerRole),
            Condition: { StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } },
          },
        ],
      ),
    ],
    ...rest,
  });
}

/** Sets the clock before anything starts. The machine's own pace goes on. */
export const at = (time: string) => (cloud: Cloud) =>
  cloud.clock.advance(Date.parse(time) - cloud.clock.now());

export const startScheduler = (options: { plan?: Plan; folder?: string; time?: string } = {}) =>
  startServices(options.plan ?? schedulerPlan(), {
    ...(options.folder !== undefined && { folder: options.folder }),
    arrange: at(options.time ?? "2030-01-15T10:00:00Z"),
  });

/** What CreateSchedule takes, with all that is needed. */
export function schedule(
  name: string,
  expression: string,
  change: Partial<Omit<CreateScheduleCommandInput, "Target">> & {
    Target?: Partial<CreateScheduleCommandInput["Target"]>;
  } = {},
): CreateScheduleCommandInput {
  return {
    Name: name,
    GroupName: "app",
    ScheduleExpression: expression,
    FlexibleTimeWindow: { Mode: "OFF" },
    ...change,
    Target: { Arn: jobs.arn, RoleArn: schedulerRole, Input: name, ...change.Target },
  };
}

/** Moves the clock to a time, and resolves when what that began has come to rest. */
export async function moveTo(services: Services, time: string): Promise<void> {
  services.cloud.clock.advance(Date.parse(time) - services.cloud.clock.now());
  await rest();
}
/** Deliveries begin by a timer of no time. */
export async function rest(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await settled();
  }
}

/** Takes the bodies that are in a queue, oldest first. */
export async function drain(services: Services, queueArn = jobs.arn): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const messages = await services.sqs.receive({ kind: "developer" }, queueArn, { max: 10, waitMs: 0 });
    if (messages.length === 0) return bodies;
    bodies.push(...messages.map(({ body }) => body));
    await services.sqs.delete(
      { kind: "developer" },
      queueArn,
      messages.map(({ receiptHandle }) => receiptHandle),
    );
  }
}
