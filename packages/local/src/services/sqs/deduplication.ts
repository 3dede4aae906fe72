/**
 * What a FIFO queue was sent within the last five minutes, messages that are gone included.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
 */
export interface Remembered {
  id: string;
  sequence: number;
  at: number;
}

const INTERVAL_MS = 5 * 60_000;

export class Deduplication {
  /** In the order of their times, nearly: messages of another queue may be older. */
  readonly #known = new Map<string, Remembered>();

  get size(): number {
    return this.#known.size;
  }
  find(id: string, now: number): Remembered | undefined {
    const known = this.#known.get(id);
    return known && known.at > now - INTERVAL_MS ? known : undefined;
  }
  remember(id: string, { id: messageId, sequence, at }: Remembered): void {
    this.#known.delete(id);
    this.#known.set(id, { id: messageId, sequence, at });
  }
  /** Drops what is older than the interval. */
  forget(now: number): void {
    for (const [id, { at }] of this.#known) {
      if (at > now - INTERVAL_MS) return;
      this.#known.delete(id);
    }
  }
  [Symbol.iterator](): IterableIterator<[string, Remembered]> {
    return this.#known.entries();
  }
}
