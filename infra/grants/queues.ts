import type { Grant, Named } from "./grant";

/** Lets an event source mapping take messages from a queue. */
export const consume = (queue: Named): Grant => ({
  actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
  resources: [queue.arn],
});

/** Lets a consumer say when a message comes again: at once when it gives up on it (core/src/failures), later to wait. */
export const showAgain = (queue: Named): Grant => ({
  actions: ["sqs:ChangeMessageVisibility"],
  resources: [queue.arn],
});

export const sendTo = (...queues: Named[]): Grant => ({
  actions: ["sqs:SendMessage"],
  resources: queues.map(({ arn }) => arn),
});

/** How many messages wait, and since when the oldest does. */
export const readDepth = (...queues: Named[]): Grant => ({
  actions: ["sqs:GetQueueAttributes"],
  resources: queues.map(({ arn }) => arn),
});

/**
 * Look at dead letters, give up on chosen ones, and send all of them back: StartMessageMoveTask takes its messages with
 * the caller's rights, and needs `sendTo` the queue that they go to.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
 */
export const redrive = (...deadLetterQueues: Named[]): Grant => ({
  actions: [
    "sqs:ReceiveMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:StartMessageMoveTask",
    "sqs:ListMessageMoveTasks",
    "sqs:CancelMessageMoveTask",
  ],
  resources: deadLetterQueues.map(({ arn }) => arn),
});
