/** Receivers that wait for a message ("long polling"), first come first served. */
import type { Clock } from "../../cloud/clock.ts";
import type { Message } from "./message.ts";

interface Waiter {
  max: number;
  visibilityMs: number;
  resolve(messages: Message[]): void;
  reject(error: unknown): void;
}

export interface Supply {
  take(max: number, visibilityMs: number): Message[];
  /** When the next delayed or held message may be received. */
  nextDue(): number | undefined;
}

export class Waiters {
  readonly #clock: Clock;
  readonly #supply: Supply;
  readonly #waiting = new Set<Waiter>();
  #alarm: { due: number; cancel: () => void } | undefined;

  constructor(clock: Clock, supply: Supply) {
    this.#clock = clock;
    this.#supply = supply;
  }

  /** Resolves with the first messages that come, or with none after `waitMs` or when the signal aborts. */
  wait(options: {
    max: number;
    waitMs: number;
    visibilityMs: number;
    signal?: AbortSignal | undefined;
  }): Promise<Message[]> {
    return new Promise((resolve, reject) => {
      const { max, visibilityMs, signal } = options;
      const leave = () => {
        this.#waiting.delete(waiter);
        cancel();
        signal?.removeEventListener("abort", giveUp);
      };
      const giveUp = () => waiter.resolve([]);
      const waiter: Waiter = {
        max,
        visibilityMs,
        resolve(messages) {
          leave();
          resolve(messages);
        },
        reject(error) {
          leave();
          reject(error);
        },
      };
      const cancel = this.#clock.after(options.waitMs, giveUp);
      signal?.addEventListener("abort", giveUp, { once: true });
      this.#waiting.add(waiter);
      this.#arm();
    });
  }

  /** To be called whenever a message may have become receivable, or the next one's time has changed. */
  serve(): void {
    for (const waiter of this.#waiting) {
      try {
        const messages = this.#supply.take(waiter.max, waiter.visibilityMs);
        if (messages.length === 0) break;
        waiter.resolve(messages);
      } catch (error) {
        waiter.reject(error);
      }
    }
    this.#arm();
  }

  stop(): void {
    for (const waiter of this.#waiting) waiter.resolve([]);
    this.#alarm?.cancel();
    this.#alarm = undefined;
  }

  #arm() {
    const due = this.#waiting.size > 0 ? this.#supply.nextDue() : undefined;
    if (this.#alarm?.due === due) return;
    this.#alarm?.cancel();
    this.#alarm =
      due === undefined
        ? undefined
        : {
            due,
            cancel: this.#clock.after(due - this.#clock.now(), () => {
              this.#alarm = undefined;
              this.serve();
            }),
          };
  }
}
