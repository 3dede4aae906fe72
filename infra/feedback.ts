/**
 * What SES tells about mail that was sent: topic -> queue -> function, so that the burst after a bulk send waits in the
 * queue and not on the database.
 */
import { mailEventsTopic } from "./outbound";
import { queuePolicy, queues } from "./queues";

const { queue, deadLetterQueue } = queues.mailEvents;
const source = { service: "sns.amazonaws.com", sourceArn: mailEventsTopic.arn } as const;
const policy = queuePolicy("MailEventsQueuePolicy", queue, [source]);
// What SNS gives up on: events come once, and nobody sweeps for those that were lost.
const deadLetterPolicy = queuePolicy("MailEventsDeadLetterQueuePolicy", deadLetterQueue, [source]);

new aws.sns.TopicSubscription(
  "MailEventsSubscription",
  {
    topic: mailEventsTopic.arn,
    protocol: "sqs",
    endpoint: queue.arn,
    rawMessageDelivery: false,
    redrivePolicy: $jsonStringify({ deadLetterTargetArn: deadLetterQueue.arn }),
  },
  { dependsOn: [policy, deadLetterPolicy] },
);
