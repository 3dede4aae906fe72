/** Calls of EventBridge Scheduler (https://docs.aws.amazon.com/scheduler/latest/APIReference/). */
import type { CreateScheduleCommandInput } from "@aws-sdk/client-scheduler";
import * as aws from "../aws/index.ts";
import { config } from "../config/index.ts";
import { timingOf } from "./definition.ts";
import type { Row } from "./rows.ts";

/** Of a call that Scheduler could not make: an hour, which the sweep's grace covers. */
const retryPolicy = { MaximumEventAgeInSeconds: 3_600, MaximumRetryAttempts: 60 };

/**
 * What Scheduler is to have for a row, all of it: an update sets what is left out to its default.
 * @param now Scheduler refuses a start that is more than five minutes ago, and takes a rate's start for its first time.
 * @returns Undefined when it will never be due again.
 */
export function inputOf(row: Row, now: number): CreateScheduleCommandInput | undefined {
  const timing = timingOf(row);
  const next = timing.next(now);
  if (next === undefined) return undefined;
  const { groupName, roleArn, queueArn, deadLetterQueueArn } = config("Scheduler");
  const startDate = startOf(row, next, now);
  return {
    Name: row.name,
    GroupName: groupName,
    ...(row.description !== "" && { Description: row.description }),
    ScheduleExpression: timing.expression,
    ScheduleExpressionTimezone: timing.zone,
    ...(startDate && { StartDate: startDate }),
    // "Before which it can invoke its target": ours is never due at the end, so a second makes it plain.
    ...(row.endAt && { EndDate: new Date(row.endAt.getTime() - 1_000) }),
    State: row.paused ? "DISABLED" : "ENABLED",
    FlexibleTimeWindow: { Mode: "OFF" },
    ActionAfterCompletion: row.kind === "at" || row.endAt ? "DELETE" : "NONE",
    Target: {
      Arn: queueArn,
      RoleArn: roleArn,
      Input: JSON.stringify({
        schedule: row.name,
        revision: row.revision,
        dueAt: "<aws.scheduler.scheduled-time>",
      }),
      RetryPolicy: retryPolicy,
      DeadLetterConfig: { Arn: deadLetterQueueArn },
    },
  };
}

function startOf(row: Row, next: number, now: number): Date | undefined {
  if (row.kind === "every") return new Date(next);
  // "After which it can begin": ours may be due at the start itself.
  return row.startAt && row.startAt.getTime() > now ? new Date(row.startAt.getTime() - 1_000) : undefined;
}

/** @param known Whether Scheduler is believed to have it; a wrong belief costs one call. */
export async function putSchedule(
  input: CreateScheduleCommandInput,
  known: boolean,
): Promise<"created" | "updated"> {
  const { CreateScheduleCommand, UpdateScheduleCommand } = await import("@aws-sdk/client-scheduler");
  const client = await aws.scheduler(region());
  const create = async () => {
    await client.send(new CreateScheduleCommand(input));
    return "created" as const;
  };
  const update = async () => {
    await client.send(new UpdateScheduleCommand(input));
    return "updated" as const;
  };
  const [first, otherwise, second] = known
    ? ([update, "ResourceNotFoundException", create] as const)
    : ([create, "ConflictException", update] as const);
  try {
    return await first();
  } catch (error) {
    if (!isNamed(error, otherwise)) throw error;
    return second();
  }
}

export async function deleteSchedule(name: string): Promise<void> {
  const { DeleteScheduleCommand } = await import("@aws-sdk/client-scheduler");
  const client = await aws.scheduler(region());
  try {
    await client.send(new DeleteScheduleCommand({ Name: name, GroupName: config("Scheduler").groupName }));
  } catch (error) {
    if (!isNamed(error, "ResourceNotFoundException")) throw error;
  }
}

/** Scheduler will refuse the same again. */
export function isFinal(error: unknown): boolean {
  return isNamed(error, "ValidationException");
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}

/** A schedule lies where its queue does. */
function region(): string {
  return aws.regionOf(config("Scheduler").queueArn);
}
