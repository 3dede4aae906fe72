/** The embedded Redis: databases, and what goes on between connections. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Duplex } from "node:stream";
import type { Clock } from "../../cloud/clock.ts";
import { NO_LIST, type Reply } from "../resp.ts";
import type { Context } from "./command.ts";
import { Keyspace } from "./keyspace.ts";
import { Exchange } from "./pubsub.ts";
import { Scripts } from "./scripts.ts";
import { Session } from "./session.ts";
import { checkCommand, commands } from "./table.ts";

export interface EngineOptions {
  clock: Clock;
  authToken?: string | undefined;
  /** In cluster mode this one node has all slots; clients are sent to this address. */
  cluster?: { host: string; port: number } | undefined;
}

interface Waiter {
  keys: Set<string>;
  database: Keyspace;
  /** Answers when there is something, and is done then. */
  attempt(): boolean;
}

export class Engine {
  readonly options: EngineOptions;
  /** By name in lower case. */
  readonly commands = commands;
  readonly check = checkCommand;
  readonly databases: Keyspace[];
  readonly exchange = new Exchange();
  readonly scripts = new Scripts();
  readonly sessions = new Set<Session>();
  readonly startedAt: number;
  /** Connections that watch a key, by database and key. */
  readonly #watchers = new Map<string, Set<Session>>();
  readonly #waiters = new Set<Waiter>();
  readonly #written = new Map<Keyspace, Set<string>>();
  #nextId = 1;

  constructor(options: EngineOptions) {
    this.options = options;
    this.startedAt = options.clock.now();
    this.databases = Array.from({ length: options.cluster ? 1 : 16 }, (_, number) => {
      const keyspace: Keyspace = new Keyspace(
        () => options.clock.now(),
        (key) => {
          for (const session of this.#watchers.get(`${number}:${key}`) ?? []) session.disturbed = true;
          if (this.#waiters.size === 0) return;
          const keys = this.#written.get(keyspace) ?? new Set();
          this.#written.set(keyspace, keys.add(key));
        },
      );
      return keyspace;
    });
  }

  /** Connections that wait for a key. */
  get waiting(): number {
    return this.#waiters.size;
  }

  attach(stream: Duplex): void {
    this.sessions.add(new Session(this, stream, this.#nextId++));
  }

  isPassword(text: string): boolean {
    const digest = (value: string) => createHash("sha256").update(value).digest();
    return timingSafeEqual(
      digest(text),
      digest(Buffer.from(this.options.authToken ?? "").toString("latin1")),
    );
  }

  watch(session: Session, key: string): void {
    const id = `${session.database}:${key}`;
    const sessions = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, sessions.add(session));
    session.watched.add(id);
  }
  unwatch(session: Session): void {
    for (const id of session.watched) {
      const sessions = this.#watchers.get(id);
      sessions?.delete(session);
      if (sessions?.size === 0) this.#watchers.delete(id);
    }
    session.watched.clear();
    session.disturbed = false;
  }

  /**
   * Waits until one of the keys has something to take; those that came first are served first.
   * @param timeoutMs 0 waits for ever.
   * @param nothing The answer when the time is over.
   */
  waitFor(
    context: Context,
    keys: string[],
    timeoutMs: number,
    take: () => Reply | undefined,
    nothing: Reply = NO_LIST,
  ): Reply | Promise<Reply> {
    const now = take();
    if (now !== undefined) return now;
    if (!context.mayBlock) return nothing;
    return new Promise<Reply>((resolve, reject) => {
      const done = (settle: () => void) => {
        this.#waiters.delete(waiter);
        cancel();
        context.session.interrupt = undefined;
        settle();
      };
      const waiter: Waiter = {
        keys: new Set(keys),
        database: context.db,
        attempt: () => {
          try {
            const found = take();
            if (found === undefined) return false;
            done(() => resolve(found));
          } catch (error) {
            done(() => reject(error));
          }
          return true;
        },
      };
      const cancel =
        timeoutMs === 0 ? () => {} : this.options.clock.after(timeoutMs, () => done(() => resolve(nothing)));
      context.session.interrupt = () => done(() => resolve(nothing));
      this.#waiters.add(waiter);
    });
  }

  /** After a command: whoever waits for a key that was written. */
  settle(): void {
    while (this.#written.size > 0) {
      const written = new Map(this.#written);
      this.#written.clear();
      for (const [database, keys] of written)
        for (const waiter of [...this.#waiters])
          if (waiter.database === database && [...keys].some((key) => waiter.keys.has(key))) waiter.attempt();
    }
  }

  close(): void {
    for (const session of this.sessions) session.end();
  }
}
