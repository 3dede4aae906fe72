/**
 * One queue: its messages in memory and in a journal. Sending, receiving, deleting and changing the visibility of a
 * message cost O(log n) with n messages in the queue; nothing is scanned.
 */
import { randomUUID } from "node:crypto";
import type { Clock } from "../../cloud/clock.ts";
import { AwsError } from "../../cloud/errors.ts";
import { type Journal, openJournal } from "../../cloud/journal.ts";
import type { QueueSpec } from "../../plan/types.ts";
import { Deduplication } from "./deduplication.ts";
import { invalidParameter } from "./errors.ts";
import type { Draft, Message, StoredMessage } from "./message.ts";
import type { Receipt } from "./receipt.ts";
import { fromRecord, type JournalRecord, toRecord } from "./record.ts";
import { Stock } from "./stock.ts";
import { Waiters } from "./waiters.ts";

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const IN_FLIGHT_LIMIT = 120_000;
export const LONGEST_VISIBILITY_SECONDS = 43_200;

export interface QueueOptions {
  clock: Clock;
  /** Of the journal. */
  file: string;
  /** Where a queue's redrive policy leads. Undefined: nowhere, and the message stays. */
  find(queueArn: string): Queue | undefined;
  /** A message has become a dead letter. */
  onDeadLetter(message: Message, target: Queue): void;
}

export interface Sent {
  message: Pick<StoredMessage, "id" | "sequence">;
  /** False: a FIFO queue has had it within five minutes. */
  added: boolean;
}

export class Queue {
  /** Replaced as a whole by SetQueueAttributes. */
  spec: QueueSpec;
  readonly #options: QueueOptions;
  readonly #clock: Clock;
  readonly #stock: Stock;
  readonly #recent = new Deduplication();
  readonly #waiters: Waiters;
  #sequence = 0;
  #journal: Journal | undefined;

  constructor(spec: QueueSpec, options: QueueOptions) {
    this.spec = spec;
    this.#options = options;
    this.#clock = options.clock;
    this.#stock = new Stock(spec.fifo);
    this.#waiters = new Waiters(options.clock, {
      take: (max, visibilityMs) => this.#take(max, visibilityMs),
      nextDue: () => this.#stock.nextDue,
    });
  }

  open(): void {
    const kept = new Map<string, StoredMessage>();
    this.#journal = openJournal(this.#options.file, {
      replay: (record) => this.#replay(kept, record as JournalRecord),
      snapshot: () => this.#snapshot(),
      live: () => this.#stock.size + this.#recent.size,
    });
    for (const stored of kept.values()) this.#stock.put(stored, this.#clock.now());
  }

  close(): void {
    this.#waiters.stop();
    this.#journal?.close();
  }

  /** The messages arrive together or not at all. */
  send(drafts: Draft[]): Sent[] {
    const now = this.#clock.now();
    this.#recent.forget(now);
    const added: StoredMessage[] = [];
    const inBatch = new Map<string, StoredMessage>();
    const sent = drafts.map((draft): Sent => {
      const { deduplicationId } = draft;
      const known =
        deduplicationId && (this.#recent.find(deduplicationId, now) ?? inBatch.get(deduplicationId));
      if (known) return { message: known, added: false };
      this.#sequence = Math.max(this.#sequence + 1, now * 1000);
      const stored: StoredMessage = {
        id: randomUUID(),
        sequence: this.#sequence,
        body: draft.body,
        md5: draft.md5,
        attributes: draft.attributes,
        senderId: draft.senderId,
        sentAt: now,
        visibleAt: now + (draft.delaySeconds ?? this.spec.delaySeconds) * 1000,
        receiveCount: 0,
        receivesHere: 0,
        ...(draft.groupId !== undefined && { groupId: draft.groupId }),
        ...(deduplicationId !== undefined && { deduplicationId }),
        ...(draft.trace !== undefined && { trace: draft.trace }),
      };
      if (deduplicationId) inBatch.set(deduplicationId, stored);
      added.push(stored);
      return { message: stored, added: true };
    });
    this.#add(added);
    for (const [id, { id: messageId, sequence }] of inBatch)
      this.#recent.remember(id, { id: messageId, sequence, at: now });
    return sent;
  }

  /** Takes a message that another queue has given up; it keeps its id. A second time it is not added again. */
  adopt(message: StoredMessage, change: Partial<StoredMessage>): void {
    if (this.#stock.get(message.id)) return;
    this.#sequence = Math.max(this.#sequence + 1, this.#clock.now() * 1000);
    this.#add([
      {
        ...message,
        sequence: this.#sequence,
        visibleAt: this.#clock.now(),
        receivesHere: 0,
        firstReceivedAt: undefined,
        receivedAt: undefined,
        ...change,
      },
    ]);
  }

  /**
   * @param options.waitMs How long to wait for the first message.
   * @throws AwsError OverLimit.
   */
  async receive(options: {
    max: number;
    waitMs: number;
    visibilityMs: number;
    signal?: AbortSignal | undefined;
  }): Promise<Message[]> {
    const messages = this.#take(options.max, options.visibilityMs);
    if (messages.length > 0 || options.waitMs <= 0 || options.signal?.aborted) return messages;
    return this.#waiters.wait(options);
  }

  /**
   * Deletes what the receipts name. An outdated receipt deletes nothing.
   * @returns per receipt, the message as it was, or why it is still there.
   */
  delete(receipts: Receipt[]): (Message | "gone" | "outdated")[] {
    const now = this.#clock.now();
    const gone = new Set<Message>();
    const outcome = receipts.map(({ messageId, receive }) => {
      const message = this.#stock.get(messageId);
      if (!message || gone.has(message)) return "gone";
      if (message.receiveCount !== receive) return "outdated";
      // A FIFO message whose visibility timeout has ended may be in another's hands next.
      if (this.spec.fifo && !isHeld(message, now)) return "outdated";
      gone.add(message);
      return message;
    });
    this.#write([...gone].map(({ id }): JournalRecord => ["d", id]));
    for (const message of gone) this.#stock.drop(message);
    // A message group may have become free.
    if (gone.size > 0) this.#waiters.serve();
    return outcome;
  }

  /** @throws AwsError InvalidParameterValue, MessageNotInflight. */
  changeVisibility({ messageId, receive }: Receipt, handle: string, seconds: number): void {
    const now = this.#clock.now();
    const message = this.#stock.get(messageId);
    if (!message || message.receiveCount !== receive)
      throw invalidParameter(
        handle,
        "ReceiptHandle",
        "Message does not exist or is not available for visibility timeout change.",
      );
    if (!isHeld(message, now))
      throw new AwsError("MessageNotInflight", "The message referred to isn't in flight.");
    const visibleAt = now + seconds * 1000;
    if (visibleAt - (message.receivedAt ?? now) > LONGEST_VISIBILITY_SECONDS * 1000)
      throw invalidParameter(
        seconds,
        "VisibilityTimeout",
        `Total VisibilityTimeout for the message is beyond the limit [${LONGEST_VISIBILITY_SECONDS} seconds]`,
      );
    this.#write([["v", messageId, visibleAt]]);
    this.#stock.reschedule(message, visibleAt);
    this.#waiters.serve();
  }

  purge(): void {
    this.#write([["p"]]);
    this.#stock.clear();
  }

  /** Hands over up to `max` messages that may be received, for good; ends at the first that is not accepted. */
  withdraw(max: number, accept: (message: Message) => boolean): void {
    this.#promote(this.#clock.now());
    let left = max;
    const kept = this.#stock.take(1, (message) => {
      if (left === 0 || !accept(message)) return true;
      left -= 1;
      this.#write([["d", message.id]]);
      this.#stock.forget(message);
      return false;
    });
    for (const message of kept) this.#stock.putBack(message);
  }

  counts(): { visible: number; inFlight: number; delayed: number; oldestAgeMs: number } {
    const now = this.#clock.now();
    this.#promote(now);
    const { visible, inFlight, delayed, oldest } = this.#stock;
    return { visible, inFlight, delayed, oldestAgeMs: oldest ? now - oldest.sentAt : 0 };
  }

  /** After a change of the spec: what it shortens takes effect now. */
  refresh(): void {
    this.#waiters.serve();
  }

  #take(max: number, visibilityMs: number): Message[] {
    const now = this.#clock.now();
    this.#promote(now);
    const { redrive } = this.spec;
    const found = redrive && this.#options.find(redrive.deadLetterTargetArn);
    const target = found === this ? undefined : found;
    const { inFlight, visible } = this.#stock;
    if (inFlight >= IN_FLIGHT_LIMIT && visible > 0)
      throw new AwsError("OverLimit", `Too many messages in flight: the limit is ${IN_FLIGHT_LIMIT}.`, 403);
    const room = Math.min(max, IN_FLIGHT_LIMIT - inFlight);
    const taken = this.#stock.take(room, (message) => {
      if (redrive && target && message.receivesHere >= redrive.maxReceiveCount) {
        this.#giveUp(message, target);
        return false;
      }
      message.receiveCount += 1;
      message.receivesHere += 1;
      message.firstReceivedAt ??= now;
      message.receivedAt = now;
      message.visibleAt = now + visibilityMs;
      this.#stock.hold(message);
      return true;
    });
    this.#write(taken.map(({ id, visibleAt }): JournalRecord => ["r", id, now, visibleAt]));
    return taken;
  }

  /** First into the other queue, then out of this one: a kill in between leaves it in both, not in none. */
  #giveUp(message: Message, target: Queue) {
    target.adopt(message, {
      deadLetterSource: this.spec.arn,
      // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
      sentAt: this.spec.fifo ? this.#clock.now() : message.sentAt,
    });
    this.#write([["d", message.id]]);
    this.#stock.forget(message);
    this.#options.onDeadLetter(message, target);
  }

  #add(messages: StoredMessage[]) {
    if (messages.length === 0) return;
    this.#write(messages.map(toRecord));
    for (const message of messages) this.#stock.put(message, this.#clock.now());
    this.#waiters.serve();
  }

  /** What is due becomes receivable; what is too old is dropped. */
  #promote(now: number) {
    this.#stock.promote(now);
    const since = now - this.spec.retentionSeconds * 1000;
    for (let { oldest } = this.#stock; oldest && oldest.sentAt <= since; { oldest } = this.#stock) {
      this.#write([["d", oldest.id]]);
      this.#stock.drop(oldest);
    }
  }

  #write(records: JournalRecord[]) {
    if (!this.#journal) throw new Error(`queue ${this.spec.name} is not open`);
    this.#journal.append(...records);
  }

  #replay(kept: Map<string, StoredMessage>, record: JournalRecord) {
    switch (record[0]) {
      case "m": {
        const message = fromRecord(record);
        kept.set(message.id, message);
        this.#sequence = Math.max(this.#sequence, message.sequence);
        if (message.deduplicationId && this.spec.fifo)
          this.#recent.remember(message.deduplicationId, { ...message, at: message.sentAt });
        break;
      }
      case "r": {
        const message = kept.get(record[1]);
        if (!message) break;
        message.receiveCount += 1;
        message.receivesHere += 1;
        message.firstReceivedAt ??= record[2];
        message.receivedAt = record[2];
        message.visibleAt = record[3];
        break;
      }
      case "v": {
        const message = kept.get(record[1]);
        if (message) message.visibleAt = record[2];
        break;
      }
      case "d":
        kept.delete(record[1]);
        break;
      case "p":
        kept.clear();
        break;
      case "k":
        this.#recent.remember(record[1], { id: record[2], sequence: record[3], at: record[4] });
        break;
    }
  }

  *#snapshot(): Iterable<JournalRecord> {
    // The memory of what was sent comes first: a message replayed after it says the same again.
    for (const [key, { id, sequence, at }] of this.#recent) yield ["k", key, id, sequence, at];
    for (const message of this.#stock.all()) yield toRecord(message);
  }
}

/** Whether a receiver has it. Its visibility timeout may have ended without anybody having looked. */
function isHeld(message: Message, now: number): boolean {
  return message.state === "inFlight" && message.visibleAt > now;
}
