/** One connection to the embedded Redis: what it said, what it is told, and what it is in the middle of. */
import type { Duplex } from "node:stream";
import { encode, Failure, ProtocolError, type Push, type Reply, RequestParser, Status } from "../resp.ts";
import { keySlot } from "./cluster.ts";
import type { Context } from "./command.ts";
import type { Engine } from "./engine.ts";

/** Commands that are heard before a password was given. */
const beforeLogin = new Set(["auth", "hello", "quit", "reset"]);
/** What a subscriber may say in version 2 of the protocol, which cannot tell answers from messages. */
const whileSubscribed = new Set([
  ...["subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe"],
  ...["ping", "quit", "reset"],
]);
/** What is not put off in a transaction. */
const notQueued = new Set(["multi", "exec", "discard", "watch", "unwatch", "quit", "reset"]);

const queued = new Status("QUEUED");

export class Session {
  readonly id: number;
  readonly engine: Engine;
  /** The answer of a command that has answered by `push`. */
  readonly answered: Reply[] = [];
  readonly subscriptions = {
    channels: new Set<string>(),
    patterns: new Set<string>(),
    shards: new Set<string>(),
  };
  readonly watched = new Set<string>();
  version: 2 | 3 = 2;
  name = "";
  database = 0;
  authenticated: boolean;
  /** Commands put off until EXEC; undefined outside a transaction. */
  queue: string[][] | undefined;
  /** A queued command was refused: EXEC will be too. */
  spoilt = false;
  /** A watched key has changed. */
  disturbed = false;
  /** Ends a wait that is under way. */
  interrupt: (() => void) | undefined;
  readonly #stream: Duplex;
  readonly #parser = new RequestParser();
  readonly #requests: string[][] = [];
  #running = false;
  #ended = false;
  #output = "";

  constructor(engine: Engine, stream: Duplex, id: number) {
    this.engine = engine;
    this.id = id;
    this.#stream = stream;
    this.authenticated = engine.options.authToken === undefined;
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("error", () => {});
    stream.on("close", () => this.#leave());
  }

  /** What the server says unasked, in the order of its answers. */
  push(push: Push): void {
    this.#output += encode(push, this.version);
    if (!this.#running) this.#flush();
  }
  subscribed(kind: "channels" | "patterns" | "shards"): number {
    const { channels, patterns, shards } = this.subscriptions;
    return kind === "shards" ? shards.size : channels.size + patterns.size;
  }
  /** Flushes what was answered, and closes. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.interrupt?.();
    this.#flush();
    this.#stream.end(() => this.#stream.destroy());
  }
  /** As after connecting. */
  reset(): void {
    this.queue = undefined;
    this.spoilt = false;
    this.engine.unwatch(this);
    this.engine.exchange.leave(this);
    this.version = 2;
    this.name = "";
    this.database = 0;
    this.authenticated = this.engine.options.authToken === undefined;
  }

  #leave() {
    this.#ended = true;
    this.#requests.length = 0;
    this.interrupt?.();
    this.engine.unwatch(this);
    this.engine.exchange.leave(this);
    this.engine.sessions.delete(this);
  }

  #receive(chunk: Buffer) {
    if (this.#ended) return;
    try {
      this.#requests.push(...this.#parser.feed(chunk));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#output += encode(new Failure(`ERR ${error.message}`), 2);
      return this.end();
    }
    // A client that sends without reading the answers is not listened to until it does.
    if (this.#running && this.#requests.length > 10_000) this.#stream.pause();
    void this.#run();
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    for (let request = this.#requests.shift(); request && !this.#ended; request = this.#requests.shift()) {
      const reply = this.#answer(request);
      if (reply instanceof Promise) {
        this.#flush();
        this.#write(await reply);
      } else this.#write(reply);
      if (this.#output.length > 256 * 1024 && this.#flush()) await this.#drained();
    }
    this.#running = false;
    this.#flush();
    if (this.#stream.isPaused()) this.#stream.resume();
  }

  #write(reply: Reply) {
    if (reply !== this.answered) this.#output += encode(reply, this.version);
  }
  /** @returns Whether the client is slow to read. */
  #flush(): boolean {
    if (this.#output === "" || !this.#stream.writable) return false;
    const output = Buffer.from(this.#output, "latin1");
    this.#output = "";
    return !this.#stream.write(output);
  }
  #drained() {
    return new Promise<void>((resolve) => {
      if (this.#stream.destroyed) return resolve();
      const done = () => {
        this.#stream.off("drain", done);
        this.#stream.off("close", done);
        resolve();
      };
      this.#stream.on("drain", done);
      this.#stream.on("close", done);
    });
  }

  #answer([name = "", ...args]: string[]): Reply | Promise<Reply> {
    const word = name.toLowerCase();
    try {
      this.#check(name, args);
    } catch (error) {
      if (this.queue) this.spoilt = true;
      return asFailure(error);
    }
    if (this.queue && !notQueued.has(word)) {
      this.queue.push([word, ...args]);
      return queued;
    }
    return this.execute(word, args, true);
  }

  /** @throws Failure for what may not be said now. */
  #check(name: string, args: string[]) {
    const word = name.toLowerCase();
    if (!this.authenticated && !beforeLogin.has(word)) throw new Failure("NOAUTH Authentication required.");
    this.engine.check(name, args);
    const { channels, patterns, shards } = this.subscriptions;
    if (this.version === 2 && channels.size + patterns.size + shards.size > 0 && !whileSubscribed.has(word))
      throw new Failure(
        `ERR Can't execute '${word}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
      );
    if (this.engine.options.cluster) {
      const slots = new Set((this.engine.commands.get(word)?.keys?.(args) ?? []).map(keySlot));
      if (slots.size > 1) throw new Failure("CROSSSLOT Keys in request don't hash to the same slot");
    }
  }

  /** Runs a command that has been checked. */
  execute(word: string, args: string[], mayBlock: boolean): Reply | Promise<Reply> {
    const command = this.engine.commands.get(word);
    const db = this.engine.databases[this.database];
    if (!command || !db) return new Failure(`ERR unknown command '${word}'`);
    const context: Context = {
      db,
      engine: this.engine,
      session: this,
      now: () => this.engine.options.clock.now(),
      mayBlock,
    };
    try {
      const reply = command.run(context, args);
      if (mayBlock) this.engine.settle();
      return reply instanceof Promise ? reply.catch(asFailure) : reply;
    } catch (error) {
      if (mayBlock) this.engine.settle();
      return asFailure(error);
    }
  }
}

/** A mistake of ours must not end the server either. */
function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure(`ERR internal error: ${(error as Error).message}`);
}
