/** The messages of a queue in memory: which may be received, which are with a receiver or delayed, and how old they are. */
import { type Available, createFifo, createStandard } from "./available.ts";
import { Heap } from "./heap.ts";
import type { Message, StoredMessage } from "./message.ts";

export class Stock {
  readonly #messages = new Map<string, Message>();
  readonly #available: Available;
  /** In flight or delayed, by the time they may be received. */
  readonly #waiting = new Heap<Message>(
    (a, b) => a.visibleAt < b.visibleAt,
    (message, at) => {
      message.slot = at;
    },
  );
  readonly #ages = new Heap<Message>(
    (a, b) => a.sentAt < b.sentAt,
    (message, at) => {
      message.ageSlot = at;
    },
  );
  #inFlight = 0;

  constructor(fifo: boolean) {
    this.#available = fifo ? createFifo() : createStandard();
  }

  get size(): number {
    return this.#messages.size;
  }
  get visible(): number {
    return this.#available.size;
  }
  get inFlight(): number {
    return this.#inFlight;
  }
  get delayed(): number {
    return this.#waiting.size - this.#inFlight;
  }
  get oldest(): Message | undefined {
    return this.#ages.first;
  }
  /** When the next message that may not be received now may be. */
  get nextDue(): number | undefined {
    return this.#waiting.first?.visibleAt;
  }

  get(id: string): Message | undefined {
    return this.#messages.get(id);
  }
  all(): Iterable<Message> {
    return this.#messages.values();
  }

  put(stored: StoredMessage, now: number): void {
    const state =
      stored.visibleAt <= now ? "ready" : stored.receivedAt === undefined ? "delayed" : "inFlight";
    const message: Message = { ...stored, state, slot: -1, ageSlot: -1 };
    this.#messages.set(message.id, message);
    this.#ages.push(message);
    if (state === "ready") this.#available.add(message);
    else if (state === "delayed") this.#waiting.push(message);
    else this.hold(message);
  }

  /** Makes receivable what is due. */
  promote(now: number): void {
    for (let next = this.#waiting.first; next && next.visibleAt <= now; next = this.#waiting.first) {
      this.#waiting.pop();
      if (next.state === "inFlight") this.#release(next);
      next.state = "ready";
      this.#available.add(next);
    }
  }

  /**
   * Takes out up to `max` messages that may be received.
   * @param accept Says whether the message goes to the receiver, who must `hold` it; otherwise it must be forgotten.
   */
  take(max: number, accept: (message: Message) => boolean): Message[] {
    return this.#available.take(max, accept);
  }
  /** A message that was taken is with its receiver until its `visibleAt`. */
  hold(message: Message): void {
    message.state = "inFlight";
    this.#inFlight += 1;
    this.#available.hold(message);
    this.#waiting.push(message);
  }
  /** A message that was taken is as before. */
  putBack(message: Message): void {
    this.#available.add(message);
  }
  /** A message that was taken is gone. */
  forget(message: Message): void {
    this.#messages.delete(message.id);
    this.#ages.remove(message, message.ageSlot);
  }

  reschedule(message: Message, visibleAt: number): void {
    this.#waiting.remove(message, message.slot);
    message.visibleAt = visibleAt;
    this.#waiting.push(message);
  }
  drop(message: Message): void {
    if (message.state === "ready") this.#available.remove(message);
    else {
      this.#waiting.remove(message, message.slot);
      if (message.state === "inFlight") this.#release(message);
    }
    this.forget(message);
  }
  clear(): void {
    this.#messages.clear();
    this.#available.clear();
    this.#waiting.clear();
    this.#ages.clear();
    this.#inFlight = 0;
  }

  #release(message: Message) {
    this.#inFlight -= 1;
    this.#available.release(message);
  }
}
