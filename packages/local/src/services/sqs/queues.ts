/** All queues of a run, and what sending, receiving and deleting leave to be seen. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { AwsError } from "../../cloud/errors.ts";
import type { Cloud, Principal } from "../../cloud/types.ts";
import { identify, uniqueId } from "../../iam/principal.ts";
import type { QueueSpec } from "../../plan/types.ts";
import { changeAttributes } from "./attributes.ts";
import { invalidHandle } from "./errors.ts";
import type { Draft, Message } from "./message.ts";
import { Queue } from "./queue.ts";
import { createReceipts, type Receipt } from "./receipt.ts";

export interface Queues {
  find(queueArn: string): Queue | undefined;
  all(): Queue[];
  receive(queue: Queue, options: Parameters<Queue["receive"]>[0]): Promise<Message[]>;
  /** @returns per handle, whether it was too late; what is gone already counts as deleted. */
  remove(queue: Queue, handles: string[]): ("gone" | "expired")[];
  purge(queue: Queue): void;
  change(queue: Queue, attributes: Record<string, unknown>): void;
  noteSent(queue: Queue, messageId: string, draft: Draft): void;
  writeHandle(queue: Queue, message: Message): string;
  readHandle(queue: Queue, handle: string): Receipt | undefined;
  senderId(principal: Principal): string;
  open(): void;
  close(): void;
}

const ATTRIBUTES = "sqs/attributes";
const PURGE_INTERVAL_MS = 60_000;
/** Attributes set while running hold until the program gives the queue others, as on AWS until the next deployment. */
type Changes = Record<string, { base: string; attributes: Record<string, unknown> }>;

export function createQueues(cloud: Cloud): Queues {
  const { clock, observer } = cloud;
  const folder = (region: string) => cloud.state.folder("sqs", region);
  const queues = new Map(
    cloud.plan.queues.map((spec) => {
      const queue = new Queue(spec, {
        clock,
        file: join(folder(spec.region), `${spec.name}.jsonl`),
        find: (arn) => queues.get(arn)?.queue,
        onDeadLetter: (message, target) =>
          observer.record("sqs.deadletter", target.spec.arn, message.trace, {
            messageId: message.id,
            source: spec.arn,
            receiveCount: message.receiveCount,
          }),
      });
      return [spec.arn, { queue, base: spec, receipts: createReceipts(spec.arn), purgedAt: -Infinity }];
    }),
  );
  let changes: Changes = {};

  function entry(queue: Queue) {
    const found = queues.get(queue.spec.arn);
    if (!found) throw new Error(`${queue.spec.arn} is no queue of this run`);
    return found;
  }
  const specOf = (arn: string) => queues.get(arn)?.queue.spec;

  return {
    find: (arn) => queues.get(arn)?.queue,
    all: () => [...queues.values()].map(({ queue }) => queue),

    async receive(queue, options) {
      const messages = await queue.receive(options);
      if (messages.length > 0)
        observer.record("sqs.receive", queue.spec.arn, traces(messages), {
          messageIds: messages.map(({ id }) => id),
        });
      return messages;
    },
    remove(queue, handles) {
      const { receipts } = entry(queue);
      const named = handles.map((handle) => {
        const receipt = receipts.read(handle);
        if (!receipt) throw invalidHandle(handle);
        return receipt;
      });
      const outcome = queue.delete(named);
      const deleted = outcome.filter((one) => typeof one === "object");
      if (deleted.length > 0)
        observer.record("sqs.delete", queue.spec.arn, traces(deleted), {
          messageIds: deleted.map(({ id }) => id),
        });
      return outcome.map((one) => (one === "outdated" && queue.spec.fifo ? "expired" : "gone"));
    },
    purge(queue) {
      const known = entry(queue);
      if (clock.now() - known.purgedAt < PURGE_INTERVAL_MS)
        throw new AwsError(
          "PurgeQueueInProgress",
          `Only one PurgeQueue operation on ${queue.spec.name} is allowed every 60 seconds.`,
          403,
        );
      known.purgedAt = clock.now();
      queue.purge();
    },
    change(queue, attributes) {
      queue.spec = changeAttributes(queue.spec, attributes, specOf);
      const { base } = entry(queue);
      const before = changes[queue.spec.arn]?.attributes;
      changes[queue.spec.arn] = { base: fingerprint(base), attributes: { ...before, ...attributes } };
      cloud.state.write(ATTRIBUTES, changes);
      queue.refresh();
    },
    noteSent(queue, messageId, { body, trace }) {
      observer.record("sqs.send", queue.spec.arn, trace, { messageId, bytes: Buffer.byteLength(body) });
    },
    writeHandle: (queue, { id, receiveCount }) =>
      entry(queue).receipts.write({ messageId: id, receive: receiveCount }),
    readHandle: (queue, handle) => entry(queue).receipts.read(handle),
    senderId(principal) {
      const { roleId, service } = identify(principal);
      if (principal.kind === "role") return `${roleId}:${principal.sessionName}`;
      return service === undefined ? principal.kind : uniqueId("AIDA", service);
    },
    open() {
      const kept = cloud.state.read<Changes>(ATTRIBUTES, {});
      changes = {};
      for (const { queue, base } of queues.values()) {
        const change = kept[base.arn];
        if (change?.base === fingerprint(base)) {
          queue.spec = changeAttributes(base, change.attributes, specOf);
          changes[base.arn] = change;
        }
      }
      for (const { queue } of queues.values()) queue.open();
    },
    close() {
      for (const { queue } of queues.values()) queue.close();
    },
  };
}

function traces(messages: Message[]): string[] {
  return messages.flatMap(({ trace }) => (trace === undefined ? [] : [trace]));
}
function fingerprint(spec: QueueSpec): string {
  return createHash("sha256").update(JSON.stringify(spec)).digest("hex");
}
