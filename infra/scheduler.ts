/** EventBridge Scheduler: the jobs domain makes schedules at run time, in this stage's group, to the jobs queue. */
import { queues } from "./queues";
import { accountId, stage } from "./stage";

/** One a stage: whoever removes the group removes the stage's schedules, and no other's. */
export const scheduleGroup = new aws.scheduler.ScheduleGroup("ScheduleGroup", {
  name: `${$app.name}-${stage}`,
});

/** What Scheduler may do for us: send to the jobs queue, and what it could not send to that queue's dead letters. */
export const schedulerRole = new aws.iam.Role("SchedulerRole", {
  description: "Lets the stage's schedules send to the jobs queue",
  assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
    statements: [
      {
        actions: ["sts:AssumeRole"],
        principals: [{ type: "Service", identifiers: ["scheduler.amazonaws.com"] }],
        // The source of a schedule's call is its group: another stage's schedules cannot take this role.
        // https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
        conditions: [
          { test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] },
          { test: "ArnEquals", variable: "aws:SourceArn", values: [scheduleGroup.arn] },
        ],
      },
    ],
  }).json,
  inlinePolicies: [
    {
      name: "send-to-jobs",
      policy: aws.iam.getPolicyDocumentOutput({
        statements: [
          {
            actions: ["sqs:SendMessage"],
            resources: [queues.jobs.queue.arn, queues.jobs.deadLetterQueue.arn],
          },
        ],
      }).json,
    },
  ],
});

/** What it takes to make a schedule. */
export const scheduler = new sst.Linkable("Scheduler", {
  properties: {
    groupName: scheduleGroup.name,
    roleArn: schedulerRole.arn,
    queueArn: queues.jobs.queue.arn,
    deadLetterQueueArn: queues.jobs.deadLetterQueue.arn,
  },
});
