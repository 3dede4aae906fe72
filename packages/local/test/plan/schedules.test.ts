import { expect, it } from "vitest";
import type { GraphResource } from "../../src/graph/types.ts";
import { Reader } from "../../src/plan/read.ts";
import { readScheduleGroups, readSchedules } from "../../src/plan/schedules.ts";

const resource = (type: string, inputs: Record<string, unknown>): GraphResource => ({
  urn: `urn:${type}`,
  type: `aws:scheduler/${type}`,
  name: "Nightly",
  region: "eu-west-1",
  custom: true,
  inputs,
  outputs: inputs,
});
const readerOf = (...resources: GraphResource[]) =>
  new Reader({
    app: "app",
    stage: "test",
    accountId: "123456789012",
    homeRegion: "eu-west-1",
    resources,
    functions: {},
    links: {},
    outputs: {},
    unknownTypes: [],
  });

it("schedules and groups of the graph are what CreateSchedule would be sent", () => {
  const reader = readerOf(
    resource("scheduleGroup:ScheduleGroup", { name: "app", tags: { stage: "test" } }),
    resource("schedule:Schedule", {
      name: "nightly",
      groupName: "app",
      scheduleExpression: "cron(0 3 * * ? *)",
      scheduleExpressionTimezone: "Europe/Berlin",
      startDate: "2030-01-01T00:00:00Z",
      flexibleTimeWindow: { mode: "FLEXIBLE", maximumWindowInMinutes: 5 },
      target: {
        arn: "arn:aws:sqs:eu-west-1:123456789012:jobs.fifo",
        roleArn: "arn:aws:iam::123456789012:role/r",
        input: "clean",
        sqsParameters: { messageGroupId: "g" },
        deadLetterConfig: { arn: "arn:aws:sqs:eu-west-1:123456789012:dead" },
        retryPolicy: { maximumRetryAttempts: 0 },
      },
    }),
  );
  expect(readScheduleGroups(reader)).toEqual([{ name: "app", region: "eu-west-1", tags: { stage: "test" } }]);
  expect(readSchedules(reader)).toEqual([
    {
      name: "nightly",
      group: "app",
      region: "eu-west-1",
      input: {
        ScheduleExpression: "cron(0 3 * * ? *)",
        ScheduleExpressionTimezone: "Europe/Berlin",
        StartDate: Date.parse("2030-01-01T00:00:00Z") / 1000,
        FlexibleTimeWindow: { Mode: "FLEXIBLE", MaximumWindowInMinutes: 5 },
        Target: {
          Arn: "arn:aws:sqs:eu-west-1:123456789012:jobs.fifo",
          RoleArn: "arn:aws:iam::123456789012:role/r",
          Input: "clean",
          SqsParameters: { MessageGroupId: "g" },
          DeadLetterConfig: { Arn: "arn:aws:sqs:eu-west-1:123456789012:dead" },
          RetryPolicy: { MaximumRetryAttempts: 0 },
        },
      },
    },
  ]);
});
