/** Amazon SQS: the queues of the graph, durable, behind the front door and as a port for the other services. */
import { AwsError } from "../../cloud/errors.ts";
import type { AwsService, Cloud, Part, Ports, Principal, SqsPort } from "../../cloud/types.ts";
import { invalidHandle, queueDoesNotExist } from "./errors.ts";
import { checkDraft } from "./input.ts";
import { createMoveTasks } from "./move-tasks.ts";
import { createOperations } from "./operations.ts";
import type { Queue } from "./queue.ts";
import { createQueues } from "./queues.ts";
import { toPort } from "./received.ts";

export function createSqs(cloud: Cloud, _ports: Ports): SqsPort & AwsService & Part {
  const queues = createQueues(cloud);
  const moves = createMoveTasks(cloud, queues.find);
  const operations = createOperations(cloud, queues, moves);

  /** For ports: what the front door does for calls. */
  async function struck<T>(
    operation: string,
    principal: Principal,
    queueArn: string,
    effect: (queue: Queue) => T,
  ): Promise<Awaited<T>> {
    const point = { service: "sqs", operation, resource: queueArn };
    await cloud.faults.strike({ ...point, phase: "before" });
    cloud.authoriser.authorise({ principal, action: `sqs:${operation}`, resource: queueArn });
    const queue = queues.find(queueArn);
    if (!queue) throw queueDoesNotExist();
    const result = await effect(queue);
    await cloud.faults.strike({ ...point, phase: "after" });
    return result;
  }

  return {
    signingNames: ["sqs"],
    async handle(call) {
      if (call.protocol !== "json")
        throw new AwsError(
          "UnsupportedOperation",
          "SQS is spoken here in its JSON protocol only; update the SDK (AWS SDK for JavaScript 3.446 or later).",
        );
      const operation = operations.get(call.operation);
      if (!operation)
        throw new AwsError(
          "UnsupportedOperation",
          `${call.operation.slice(0, 80)} does not exist here: queues, their tags and permissions come from sst.config.ts.`,
        );
      return { body: await operation(call) };
    },

    send: (principal, queueArn, message) =>
      struck("SendMessage", principal, queueArn, (queue) => {
        const draft = checkDraft(queue.spec, {
          body: message.body,
          attributes: message.messageAttributes ?? {},
          senderId: queues.senderId(principal),
          delaySeconds: message.delaySeconds,
          groupId: message.groupId,
          deduplicationId: message.deduplicationId,
          trace: message.trace,
        });
        const [sent] = queue.send([draft]);
        if (!sent) throw new Error("a queue took no message");
        if (sent.added) queues.noteSent(queue, sent.message.id, draft);
        return { messageId: sent.message.id };
      }),
    receive: (principal, queueArn, { max, waitMs, visibilitySeconds, signal }) =>
      struck("ReceiveMessage", principal, queueArn, async (queue) => {
        const messages = await queues.receive(queue, {
          max,
          waitMs,
          visibilityMs: (visibilitySeconds ?? queue.spec.visibilityTimeoutSeconds) * 1000,
          signal,
        });
        return messages.map((message) =>
          toPort(message, queues.writeHandle(queue, message), queue.spec.fifo),
        );
      }),
    delete: (principal, queueArn, receiptHandles) =>
      struck("DeleteMessage", principal, queueArn, (queue) => {
        queues.remove(queue, receiptHandles);
      }),
    changeVisibility: (principal, queueArn, receiptHandle, seconds) =>
      struck("ChangeMessageVisibility", principal, queueArn, (queue) => {
        const receipt = queues.readHandle(queue, receiptHandle);
        if (!receipt) throw invalidHandle(receiptHandle);
        queue.changeVisibility(receipt, receiptHandle, seconds);
      }),
    counts(queueArn) {
      const queue = queues.find(queueArn);
      if (!queue) throw queueDoesNotExist();
      return queue.counts();
    },

    async start() {
      queues.open();
      moves.resume();
    },
    async stop() {
      moves.stop();
      queues.close();
    },
  };
}
