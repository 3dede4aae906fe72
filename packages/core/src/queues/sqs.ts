/** What is asked of SQS, each call in its smallest form. Nothing here is called inside a transaction. */
import type { Message } from "@aws-sdk/client-sqs";
import * as aws from "../aws/index.ts";
import { describe } from "../error/index.ts";
import * as log from "../log/index.ts";
import type { WorkQueue } from "./registry.ts";

export async function receive(
  { dead, region }: WorkQueue,
  options: { hideSeconds: number; waitSeconds: number },
): Promise<Message[]> {
  const { ReceiveMessageCommand } = await import("@aws-sdk/client-sqs");
  const { Messages = [] } = await (await aws.sqs(region)).send(
    new ReceiveMessageCommand({
      QueueUrl: dead.url,
      MaxNumberOfMessages: aws.perCall,
      VisibilityTimeout: options.hideSeconds,
      WaitTimeSeconds: options.waitSeconds,
      MessageSystemAttributeNames: ["All"],
    }),
  );
  return Messages;
}

/** Shows messages again. One that cannot be shown comes back by itself when its time is over. */
export function show({ dead }: WorkQueue, handles: readonly string[]): Promise<void> {
  return inTens(handles, async (some) => {
    await aws.changeVisibility(dead, 0, some);
  });
}

/**
 * Deletes messages from the dead-letter queue. SQS answers well to an outdated handle, and deletes nothing: what is left
 * is found by the next look, which has a fresh one.
 */
export function remove(queue: WorkQueue, handles: readonly string[]): Promise<void> {
  return inTens(handles, async (some) => {
    const { DeleteMessageBatchCommand } = await import("@aws-sdk/client-sqs");
    await (await aws.sqs(queue.region)).send(
      new DeleteMessageBatchCommand({
        QueueUrl: queue.dead.url,
        Entries: some.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    );
  });
}

/** What fails is made up for by the next look. */
async function inTens(
  handles: readonly string[],
  call: (some: readonly string[]) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < handles.length; from += aws.perCall)
    try {
      await call(handles.slice(from, from + aws.perCall));
    } catch (error) {
      log.warn("dead letters are left to the next look", { error: describe(error) });
    }
}

export interface Counts {
  visible: number;
  inFlight: number;
  delayed: number;
}

/** As SQS estimates them. */
export async function counts(url: string, region: string): Promise<Counts> {
  const { GetQueueAttributesCommand } = await import("@aws-sdk/client-sqs");
  const { Attributes = {} } = await (await aws.sqs(region)).send(
    new GetQueueAttributesCommand({
      QueueUrl: url,
      AttributeNames: [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
      ],
    }),
  );
  return {
    visible: Number(Attributes.ApproximateNumberOfMessages ?? 0),
    inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
    delayed: Number(Attributes.ApproximateNumberOfMessagesDelayed ?? 0),
  };
}

export interface MoveTask {
  running: boolean;
  status: string;
  /** Only of one that runs. */
  handle: string | undefined;
  moved: number;
  toMove: number;
  failure: string | undefined;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

/** The latest move task of a dead-letter queue, whoever started it. */
export async function latestTask({ dead, region }: WorkQueue): Promise<MoveTask | undefined> {
  const { ListMessageMoveTasksCommand } = await import("@aws-sdk/client-sqs");
  const { Results = [] } = await (await aws.sqs(region)).send(
    new ListMessageMoveTasksCommand({ SourceArn: dead.arn, MaxResults: 1 }),
  );
  const [latest] = Results;
  if (!latest) return undefined;
  return {
    running: latest.Status === "RUNNING" || latest.Status === "CANCELLING",
    status: latest.Status ?? "",
    handle: latest.TaskHandle,
    moved: latest.ApproximateNumberOfMessagesMoved ?? 0,
    toMove: latest.ApproximateNumberOfMessagesToMove ?? 0,
    failure: latest.FailureReason,
    startedAt: latest.StartedTimestamp ?? 0,
  };
}

/**
 * The destination is named: what was sent to the dead-letter queue straight away (a dead job's message, what SNS could
 * not deliver) has no source that SQS would send it back to.
 */
export async function startTask({ work, dead, region }: WorkQueue): Promise<string | undefined> {
  const { StartMessageMoveTaskCommand } = await import("@aws-sdk/client-sqs");
  const { TaskHandle } = await (await aws.sqs(region)).send(
    new StartMessageMoveTaskCommand({ SourceArn: dead.arn, DestinationArn: work.arn }),
  );
  return TaskHandle;
}

export async function cancelTask(region: string, handle: string): Promise<void> {
  const { CancelMessageMoveTaskCommand } = await import("@aws-sdk/client-sqs");
  await (await aws.sqs(region)).send(new CancelMessageMoveTaskCommand({ TaskHandle: handle }));
}
