/** The operations of SQS's JSON protocol. */
import { AwsError } from "../../cloud/errors.ts";
import type { AwsCall, Cloud } from "../../cloud/types.ts";
import { describeQueue, selectAttributes } from "./attributes.ts";
import {
  invalidHandle,
  invalidParameter,
  invalidValue,
  missingParameter,
  queueDoesNotExist,
} from "./errors.ts";
import { batchEntries, LARGEST_BYTES, neededText, readDraft, text, textList, wholeNumber } from "./input.ts";
import type { Draft } from "./message.ts";
import type { MoveTasks } from "./move-tasks.ts";
import type { Queue, Sent } from "./queue.ts";
import type { Queues } from "./queues.ts";
import { sequenceNumber, toJson } from "./received.ts";
import { elsewhere, entrySize, locate, page, whileConnected } from "./requests.ts";

type Input = Record<string, unknown>;
/** Of the caller on the dead-letter queue, whose messages are moved with the caller's rights. */
const movingActions = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"];
type Operation = (call: AwsCall) => Promise<Input> | Input;

export function createOperations(cloud: Cloud, queues: Queues, moves: MoveTasks): Map<string, Operation> {
  /** The queue a call names, once the caller may do the action on it. */
  function open(call: AwsCall, action: string): Queue {
    const { arn, queue, hint } = locate(cloud, queues, call);
    call.authorise(`sqs:${action}`, arn);
    if (!queue) throw queueDoesNotExist(hint);
    return queue;
  }
  function byArn(call: AwsCall, action: string, arn: string, name: string): Queue {
    call.authorise(`sqs:${action}`, arn);
    const queue = queues.find(arn);
    if (!queue || queue.spec.region !== call.region)
      throw new AwsError(
        "ResourceNotFoundException",
        `The resource that you specified for the ${name} parameter doesn't exist.`,
        404,
      );
    return queue;
  }

  function describeSent(queue: Queue, draft: Draft, { message, added }: Sent): Input {
    if (added) queues.noteSent(queue, message.id, draft);
    return {
      MessageId: message.id,
      MD5OfMessageBody: draft.md5,
      ...(draft.md5OfAttributes !== undefined && { MD5OfMessageAttributes: draft.md5OfAttributes }),
      ...(queue.spec.fifo && { SequenceNumber: sequenceNumber(message.sequence) }),
    };
  }

  function changeVisibility(queue: Queue, entry: Input) {
    const handle = neededText(entry, "ReceiptHandle");
    const seconds = wholeNumber(entry, "VisibilityTimeout", { from: 0, to: 43_200 });
    if (seconds === undefined) throw missingParameter("VisibilityTimeout");
    const receipt = queues.readHandle(queue, handle);
    if (!receipt) throw invalidHandle(handle);
    queue.changeVisibility(receipt, handle, seconds);
  }

  const operations: Record<string, Operation> = {
    SendMessage(call) {
      const queue = open(call, "SendMessage");
      const draft = readDraft(call.input, queue.spec, queues.senderId(call.principal), call.trace);
      const [sent] = queue.send([draft]);
      return sent ? describeSent(queue, draft, sent) : {};
    },

    SendMessageBatch(call) {
      const queue = open(call, "SendMessage");
      const entries = batchEntries(call.input);
      const total = entries.reduce((sum, { entry }) => sum + entrySize(entry), 0);
      if (total > LARGEST_BYTES)
        throw new AwsError(
          "BatchRequestTooLong",
          `Batch requests cannot be longer than ${LARGEST_BYTES} bytes. You have sent ${total} bytes.`,
        );
      const senderId = queues.senderId(call.principal);
      const failed: Input[] = [];
      const drafts = entries.flatMap(({ id, entry }) => {
        try {
          return [{ id, draft: readDraft(entry, queue.spec, senderId, call.trace) }];
        } catch (error) {
          failed.push(failure(id, error));
          return [];
        }
      });
      const sent = queue.send(drafts.map(({ draft }) => draft));
      const successful = drafts.flatMap(({ id, draft }, at) => {
        const one = sent[at];
        return one ? [{ Id: id, ...describeSent(queue, draft, one) }] : [];
      });
      return { Successful: successful, Failed: failed };
    },

    async ReceiveMessage(call) {
      const queue = open(call, "ReceiveMessage");
      const { input } = call;
      const seconds = (name: string, to: number) => wholeNumber(input, name, { from: 0, to });
      const options = {
        max: wholeNumber(input, "MaxNumberOfMessages", { from: 1, to: 10 }) ?? 1,
        waitMs: (seconds("WaitTimeSeconds", 20) ?? queue.spec.receiveWaitSeconds) * 1000,
        visibilityMs: (seconds("VisibilityTimeout", 43_200) ?? queue.spec.visibilityTimeoutSeconds) * 1000,
      };
      const selection = {
        systemNames: [
          ...textList(input, "MessageSystemAttributeNames"),
          ...textList(input, "AttributeNames"),
        ],
        attributeNames: textList(input, "MessageAttributeNames"),
      };
      const messages = await whileConnected(call, (signal) => queues.receive(queue, { ...options, signal }));
      if (messages.length === 0) return {};
      return {
        Messages: messages.map((message) =>
          toJson(message, queues.writeHandle(queue, message), queue.spec.fifo, selection),
        ),
      };
    },

    DeleteMessage(call) {
      const queue = open(call, "DeleteMessage");
      const handle = neededText(call.input, "ReceiptHandle");
      if (queues.remove(queue, [handle])[0] === "expired") throw expired(handle);
      return {};
    },

    DeleteMessageBatch(call) {
      const queue = open(call, "DeleteMessage");
      const failed: Input[] = [];
      const handles = batchEntries(call.input).flatMap(({ id, entry }) => {
        try {
          const handle = neededText(entry, "ReceiptHandle");
          if (!queues.readHandle(queue, handle)) throw invalidHandle(handle);
          return [{ id, handle }];
        } catch (error) {
          failed.push(failure(id, error));
          return [];
        }
      });
      const outcome = queues.remove(
        queue,
        handles.map(({ handle }) => handle),
      );
      const successful: Input[] = [];
      handles.forEach(({ id, handle }, at) => {
        if (outcome[at] === "expired") failed.push(failure(id, expired(handle)));
        else successful.push({ Id: id });
      });
      return { Successful: successful, Failed: failed };
    },

    ChangeMessageVisibility(call) {
      changeVisibility(open(call, "ChangeMessageVisibility"), call.input);
      return {};
    },

    ChangeMessageVisibilityBatch(call) {
      const queue = open(call, "ChangeMessageVisibility");
      const successful: Input[] = [];
      const failed: Input[] = [];
      for (const { id, entry } of batchEntries(call.input)) {
        try {
          changeVisibility(queue, entry);
          successful.push({ Id: id });
        } catch (error) {
          failed.push(failure(id, error));
        }
      }
      return { Successful: successful, Failed: failed };
    },

    GetQueueUrl(call) {
      const name = neededText(call.input, "QueueName");
      const owner = text(call.input, "QueueOwnerAWSAccountId") ?? cloud.plan.accountId;
      const arn = `arn:aws:sqs:${call.region}:${owner}:${name}`;
      call.authorise("sqs:GetQueueUrl", arn);
      const queue = queues.find(arn);
      if (!queue) throw queueDoesNotExist(elsewhere(cloud, call.region, name));
      return { QueueUrl: queue.spec.url };
    },

    GetQueueAttributes(call) {
      const queue = open(call, "GetQueueAttributes");
      const names = textList(call.input, "AttributeNames");
      const selected = selectAttributes(describeQueue(queue, cloud.plan.resourcePolicies), names);
      return Object.keys(selected).length > 0 ? { Attributes: selected } : {};
    },

    SetQueueAttributes(call) {
      const queue = open(call, "SetQueueAttributes");
      const { Attributes: attributes } = call.input;
      if (typeof attributes !== "object" || attributes === null) throw missingParameter("Attributes");
      queues.change(queue, attributes as Input);
      return {};
    },

    ListQueues(call) {
      call.authorise("sqs:ListQueues", "*");
      const prefix = text(call.input, "QueueNamePrefix") ?? "";
      const urls = cloud.plan.queues
        .filter((queue) => queue.region === call.region && queue.name.startsWith(prefix))
        .map(({ url }) => url)
        .sort();
      return page(call.input, "QueueUrls", urls);
    },

    PurgeQueue(call) {
      queues.purge(open(call, "PurgeQueue"));
      return {};
    },

    ListDeadLetterSourceQueues(call) {
      const queue = open(call, "ListDeadLetterSourceQueues");
      const urls = queues
        .all()
        .filter(({ spec }) => spec.redrive?.deadLetterTargetArn === queue.spec.arn)
        .map(({ spec }) => spec.url)
        .sort();
      return page(call.input, "queueUrls", urls);
    },

    ListQueueTags: (call) => ({ Tags: open(call, "ListQueueTags").spec.tags }),

    StartMessageMoveTask(call) {
      const sourceArn = neededText(call.input, "SourceArn");
      const source = byArn(call, "StartMessageMoveTask", sourceArn, "SourceArn");
      const destinationArn = text(call.input, "DestinationArn");
      const rate = wholeNumber(call.input, "MaxNumberOfMessagesPerSecond", { from: 1, to: 500 });
      const feeders = queues.all().filter(({ spec }) => spec.redrive?.deadLetterTargetArn === sourceArn);
      if (feeders.length === 0) throw invalidValue("Source queue must be configured as a Dead Letter Queue.");
      for (const action of movingActions) call.authorise(`sqs:${action}`, sourceArn);
      if (destinationArn === sourceArn)
        throw invalidParameter(destinationArn, "DestinationArn", "Source and destination must differ.");
      const destination =
        destinationArn === undefined
          ? undefined
          : byArn(call, "SendMessage", destinationArn, "DestinationArn");
      if (destination && destination.spec.fifo !== source.spec.fifo)
        throw invalidValue("Source and destination must be of the same type, standard or FIFO.");
      if (!destination) for (const { spec } of feeders) call.authorise("sqs:SendMessage", spec.arn);
      return { TaskHandle: moves.start(source, destination, rate) };
    },

    ListMessageMoveTasks(call) {
      const sourceArn = neededText(call.input, "SourceArn");
      byArn(call, "ListMessageMoveTasks", sourceArn, "SourceArn");
      call.authorise("sqs:GetQueueAttributes", sourceArn);
      const max = wholeNumber(call.input, "MaxResults", { from: 1, to: 10 }) ?? 1;
      return { Results: moves.list(sourceArn, max) };
    },

    CancelMessageMoveTask(call) {
      const handle = neededText(call.input, "TaskHandle");
      const sourceArn = moves.sourceOf(handle);
      for (const action of ["CancelMessageMoveTask", ...movingActions])
        call.authorise(`sqs:${action}`, sourceArn);
      return { ApproximateNumberOfMessagesMoved: moves.cancel(handle) };
    },
  };
  return new Map(Object.entries(operations));
}

function expired(handle: string): AwsError {
  return invalidParameter(handle, "ReceiptHandle", "The receipt handle has expired.");
}

/** One entry of a batch that failed while others may have succeeded. */
function failure(id: string, error: unknown): Input {
  if (!(error instanceof AwsError)) throw error;
  return { Id: id, Code: error.code, Message: error.message, SenderFault: error.status < 500 };
}
