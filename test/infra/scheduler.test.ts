import { describe, expect, test } from "vitest";
import { graphOf, stages } from "./support/graphs.ts";
import { one, statements, text } from "./support/read.ts";

describe.each(stages)("stage %s", (stage) => {
  test("a schedule group is the stage's own", async () => {
    const group = one(await graphOf(stage), "aws:scheduler/scheduleGroup:ScheduleGroup");
    expect(group.inputs.name).toBe(`frontdesk-${stage}`);
  });

  test("only schedules of that group, in this account, take the role that sends to the jobs queue", async () => {
    const graph = await graphOf(stage);
    const group = one(graph, "aws:scheduler/scheduleGroup:ScheduleGroup");
    const role = one(graph, "role", "SchedulerRole");
    expect(statements(role.inputs.assumeRolePolicy)).toEqual([
      {
        Effect: "Allow",
        Principal: { Service: "scheduler.amazonaws.com" },
        Action: "sts:AssumeRole",
        Condition: {
          StringEquals: { "aws:SourceAccount": "123456789012" },
          ArnEquals: { "aws:SourceArn": text(group, "arn") },
        },
      },
    ]);
    const [inline, ...others] = role.inputs.inlinePolicies as { policy: string }[];
    expect(others).toEqual([]);
    expect(statements(inline?.policy)).toEqual([
      {
        Effect: "Allow",
        Action: "sqs:SendMessage",
        Resource: ["JobsQueueQueue", "JobsDeadLetterQueueQueue"].map((name) =>
          text(one(graph, "queue", name), "arn"),
        ),
      },
    ]);
  });

  test("the link has what it takes to make a schedule, and no right to", async () => {
    const graph = await graphOf(stage);
    expect(graph.links.Scheduler).toEqual({
      type: "sst.sst.Linkable",
      groupName: `frontdesk-${stage}`,
      roleArn: text(one(graph, "role", "SchedulerRole"), "arn"),
      queueArn: text(one(graph, "queue", "JobsQueueQueue"), "arn"),
      deadLetterQueueArn: text(one(graph, "queue", "JobsDeadLetterQueueQueue"), "arn"),
    });
  });
});
