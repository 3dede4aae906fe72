import { optionalText, property, type Reader, record, text, textRecord, toNumber, toText } from "./read.ts";
import type { ScheduleGroupSpec, ScheduleSpec } from "./types.ts";

export function readScheduleGroups(reader: Reader): ScheduleGroupSpec[] {
  return reader.all("aws:scheduler/scheduleGroup:ScheduleGroup").map((resource) => ({
    name: text(resource, "name"),
    region: resource.region,
    tags: textRecord(property(resource, "tags")),
  }));
}

/** Schedules in the words of Scheduler's own API, which is how they are made. */
export function readSchedules(reader: Reader): ScheduleSpec[] {
  return reader.all("aws:scheduler/schedule:Schedule").map((resource) => {
    const target = record(property(resource, "target"));
    const window = record(property(resource, "flexibleTimeWindow"));
    return {
      name: text(resource, "name"),
      group: optionalText(resource, "groupName") ?? "default",
      region: resource.region,
      input: present({
        ScheduleExpression: text(resource, "scheduleExpression"),
        ScheduleExpressionTimezone: optionalText(resource, "scheduleExpressionTimezone"),
        StartDate: seconds(optionalText(resource, "startDate")),
        EndDate: seconds(optionalText(resource, "endDate")),
        Description: optionalText(resource, "description"),
        State: optionalText(resource, "state"),
        KmsKeyArn: optionalText(resource, "kmsKeyArn"),
        ActionAfterCompletion: optionalText(resource, "actionAfterCompletion"),
        FlexibleTimeWindow: present({
          Mode: window.mode,
          MaximumWindowInMinutes: toNumber(window.maximumWindowInMinutes),
        }),
        Target: readTarget(target),
      }),
    };
  });
}

function readTarget(target: Record<string, unknown>) {
  const deadLetters = toText(record(target.deadLetterConfig).arn);
  const group = toText(record(target.sqsParameters).messageGroupId);
  const retries = record(target.retryPolicy);
  return present({
    Arn: target.arn,
    RoleArn: target.roleArn,
    Input: toText(target.input),
    DeadLetterConfig: deadLetters && { Arn: deadLetters },
    SqsParameters: group && { MessageGroupId: group },
    RetryPolicy: present({
      MaximumEventAgeInSeconds: toNumber(retries.maximumEventAgeInSeconds),
      MaximumRetryAttempts: toNumber(retries.maximumRetryAttempts),
    }),
  });
}

/** `2026-01-01T00:00:00Z` */
function seconds(date: string | undefined): number | undefined {
  return date === undefined ? undefined : Date.parse(date) / 1000;
}
function present(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
