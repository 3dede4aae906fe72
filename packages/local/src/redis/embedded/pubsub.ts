/** Publish and subscribe: by channel, by pattern, by shard channel. */
import { Failure, Push, type Reply } from "../resp.ts";
import { type Command, firstKey, glob, type Table } from "./command.ts";
import type { Session } from "./session.ts";

type Kind = "channels" | "patterns" | "shards";
const words = {
  channels: ["subscribe", "unsubscribe"],
  patterns: ["psubscribe", "punsubscribe"],
  shards: ["ssubscribe", "sunsubscribe"],
} as const;

export class Exchange {
  readonly #subscribers: Record<Kind, Map<string, Set<Session>>> = {
    channels: new Map(),
    patterns: new Map(),
    shards: new Map(),
  };

  subscribe(session: Session, kind: Kind, name: string): void {
    const all = this.#subscribers[kind];
    const sessions = all.get(name) ?? new Set();
    all.set(name, sessions.add(session));
    session.subscriptions[kind].add(name);
  }
  unsubscribe(session: Session, kind: Kind, name: string): void {
    session.subscriptions[kind].delete(name);
    const sessions = this.#subscribers[kind].get(name);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#subscribers[kind].delete(name);
  }
  leave(session: Session): void {
    for (const kind of ["channels", "patterns", "shards"] as const)
      for (const name of session.subscriptions[kind]) this.unsubscribe(session, kind, name);
  }
  publish(kind: "channels" | "shards", channel: string, text: string): number {
    let receivers = 0;
    for (const session of this.#subscribers[kind].get(channel) ?? []) {
      session.push(new Push([kind === "channels" ? "message" : "smessage", channel, text]));
      receivers++;
    }
    if (kind === "channels")
      for (const [pattern, sessions] of this.#subscribers.patterns)
        if (glob(pattern)(channel))
          for (const session of sessions) {
            session.push(new Push(["pmessage", pattern, channel, text]));
            receivers++;
          }
    return receivers;
  }
  channels(kind: "channels" | "shards", pattern = "*"): string[] {
    return [...this.#subscribers[kind].keys()].filter(glob(pattern));
  }
  count(kind: Kind, name: string): number {
    return this.#subscribers[kind].get(name)?.size ?? 0;
  }
  get patterns(): number {
    return this.#subscribers.patterns.size;
  }
}

function subscribe(kind: Kind): Command {
  return {
    arity: -2,
    noScript: true,
    ...(kind === "shards" && { keys: firstKey }),
    run({ engine, session }, names) {
      for (const name of names) {
        engine.exchange.subscribe(session, kind, name);
        session.push(new Push([words[kind][0], name, session.subscribed(kind)]));
      }
      return session.answered;
    },
  };
}
function unsubscribe(kind: Kind): Command {
  return {
    arity: -1,
    noScript: true,
    run({ engine, session }, names) {
      const wanted = names.length > 0 ? names : [...session.subscriptions[kind]];
      for (const name of wanted) {
        engine.exchange.unsubscribe(session, kind, name);
        session.push(new Push([words[kind][1], name, session.subscribed(kind)]));
      }
      if (wanted.length === 0) session.push(new Push([words[kind][1], null, session.subscribed(kind)]));
      return session.answered;
    },
  };
}

export const pubsubCommands: Table = {
  subscribe: subscribe("channels"),
  psubscribe: subscribe("patterns"),
  ssubscribe: subscribe("shards"),
  unsubscribe: unsubscribe("channels"),
  punsubscribe: unsubscribe("patterns"),
  sunsubscribe: unsubscribe("shards"),
  publish: {
    arity: 3,
    run: ({ engine }, [channel = "", text = ""]) => engine.exchange.publish("channels", channel, text),
  },
  spublish: {
    arity: 3,
    keys: firstKey,
    run: ({ engine }, [channel = "", text = ""]) => engine.exchange.publish("shards", channel, text),
  },
  pubsub: {
    arity: -2,
    run({ engine: { exchange } }, [subcommand = "", ...args]): Reply {
      switch (subcommand.toUpperCase()) {
        case "CHANNELS":
          return exchange.channels("channels", args[0]);
        case "SHARDCHANNELS":
          return exchange.channels("shards", args[0]);
        case "NUMSUB":
          return args.flatMap((name): Reply[] => [name, exchange.count("channels", name)]);
        case "SHARDNUMSUB":
          return args.flatMap((name): Reply[] => [name, exchange.count("shards", name)]);
        case "NUMPAT":
          return exchange.patterns;
        default:
          throw new Failure(`ERR unknown subcommand '${subcommand}'. Try PUBSUB HELP.`);
      }
    },
  },
};
