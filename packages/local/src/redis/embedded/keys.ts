import { Failure, OK, type Reply, Status } from "../resp.ts";
import {
  allKeys,
  at,
  type Command,
  type Context,
  firstKey,
  glob,
  integer,
  scanned,
  syntaxError,
  type Table,
  takeFlags,
  twoKeys,
} from "./command.ts";
import type { Value } from "./keyspace.ts";

const count = (keys: string[], happens: (key: string) => boolean) => keys.filter(happens).length;

/** @param unit Milliseconds of a number given. @param absolute Since 1970, else from now. */
function expire(name: string, unit: number, absolute: boolean): Command {
  return {
    arity: -3,
    keys: firstKey,
    run({ db, now }, [key = "", amount = "", ...options]) {
      const when = integer(amount) * unit + (absolute ? 0 : now());
      if (!Number.isSafeInteger(when)) throw new Failure(`ERR invalid expire time in '${name}' command`);
      const flags = takeFlags(
        options,
        ["NX", "XX", "GT", "LT"],
        (option) => new Failure(`ERR Unsupported option ${option}`),
      );
      if (flags.has("NX") && flags.size > 1)
        throw new Failure("ERR NX and XX, GT or LT options at the same time are not compatible");
      if (flags.has("GT") && flags.has("LT"))
        throw new Failure("ERR GT and LT options at the same time are not compatible");
      if (!db.has(key)) return 0;
      const current = db.expiresAt(key);
      if (flags.has("NX") && current !== undefined) return 0;
      if (flags.has("XX") && current === undefined) return 0;
      // What does not expire counts as expiring at the end of time.
      if (flags.has("GT") && (current === undefined || when <= current)) return 0;
      if (flags.has("LT") && current !== undefined && when >= current) return 0;
      db.expire(key, when);
      return 1;
    },
  };
}
function timeToLive(unit: number, absolute: boolean): Command {
  return {
    arity: 2,
    keys: firstKey,
    run({ db, now }, [key = ""]) {
      if (!db.has(key)) return -2;
      const when = db.expiresAt(key);
      if (when === undefined) return -1;
      return absolute ? Math.floor(when / unit) : Math.round((when - now()) / unit);
    },
  };
}

function rename({ db }: Context, from: string, to: string, onlyNew: boolean): Reply {
  const value = db.get(from);
  if (!value) throw new Failure("ERR no such key");
  if (onlyNew && db.has(to)) return 0;
  const expiresAt = db.expiresAt(from);
  db.delete(from);
  db.set(to, value, { expiresAt });
  return onlyNew ? 1 : OK;
}

export function copyOf(value: Value): Value {
  switch (value.type) {
    case "string":
      return { ...value };
    case "list":
      return { type: "list", data: [...value.data] };
    case "set":
      return { type: "set", data: new Set(value.data) };
    case "hash":
      return { type: "hash", data: new Map(value.data) };
    case "zset":
      return { type: "zset", data: new Map(value.data) };
  }
}

const remove: Command = {
  arity: -2,
  keys: allKeys,
  run: ({ db }, keys) => count(keys, (key) => db.delete(key)),
};
const exists: Command = {
  arity: -2,
  keys: allKeys,
  run: ({ db }, keys) => count(keys, (key) => db.has(key)),
};

export const keyCommands: Table = {
  del: remove,
  unlink: remove,
  exists,
  touch: exists,
  expire: expire("expire", 1000, false),
  pexpire: expire("pexpire", 1, false),
  expireat: expire("expireat", 1000, true),
  pexpireat: expire("pexpireat", 1, true),
  ttl: timeToLive(1000, false),
  pttl: timeToLive(1, false),
  expiretime: timeToLive(1000, true),
  pexpiretime: timeToLive(1, true),
  persist: {
    arity: 2,
    keys: firstKey,
    run({ db }, [key = ""]) {
      if (db.expiresAt(key) === undefined) return 0;
      db.expire(key, undefined);
      return 1;
    },
  },
  type: { arity: 2, keys: firstKey, run: ({ db }, [key = ""]) => new Status(db.get(key)?.type ?? "none") },
  keys: { arity: 2, run: ({ db }, [pattern = ""]) => db.keys().filter(glob(pattern)) },
  scan: {
    arity: -2,
    run({ db }, args) {
      const type = args.findIndex((arg, index) => index % 2 === 1 && arg.toUpperCase() === "TYPE");
      const wanted = type < 0 ? undefined : at(args, type + 1).toLowerCase();
      const keys = scanned(db.keys(), args, (key) => key);
      return ["0", wanted === undefined ? keys : keys.filter((key) => db.get(key)?.type === wanted)];
    },
  },
  rename: {
    arity: 3,
    keys: twoKeys,
    run: (context, [from = "", to = ""]) => rename(context, from, to, false),
  },
  renamenx: {
    arity: 3,
    keys: twoKeys,
    run: (context, [from = "", to = ""]) => rename(context, from, to, true),
  },
  copy: {
    arity: -3,
    keys: twoKeys,
    run({ db }, [from = "", to = "", ...options]) {
      const replace = takeFlags(options, ["REPLACE"]).has("REPLACE");
      const value = db.get(from);
      if (!value || (db.has(to) && !replace)) return 0;
      db.set(to, copyOf(value), { expiresAt: db.expiresAt(from) });
      return 1;
    },
  },
  randomkey: {
    arity: 1,
    run({ db }) {
      const keys = db.keys();
      return keys[Math.floor(Math.random() * keys.length)] ?? null;
    },
  },
  dbsize: { arity: 1, run: ({ db }) => db.keys().length },
  flushdb: {
    arity: -1,
    run({ db }, args) {
      takeFlags(args, ["ASYNC", "SYNC"]);
      db.clear();
      return OK;
    },
  },
  flushall: {
    arity: -1,
    run({ engine }, args) {
      takeFlags(args, ["ASYNC", "SYNC"]);
      for (const database of engine.databases) database.clear();
      return OK;
    },
  },
  object: {
    arity: -2,
    keys: (args) => args.slice(1, 2),
    run({ db }, [subcommand = "", key]) {
      const value = key === undefined ? undefined : db.get(key);
      if (subcommand.toUpperCase() === "ENCODING") return value ? encoding(value) : null;
      if (["REFCOUNT", "IDLETIME", "FREQ"].includes(subcommand.toUpperCase())) {
        if (!value) return null;
        return subcommand.toUpperCase() === "REFCOUNT" ? 1 : 0;
      }
      throw syntaxError();
    },
  },
};

/** By the limits of redis.conf's defaults. */
function encoding(value: Value): string {
  switch (value.type) {
    case "string":
      if (/^-?(0|[1-9]\d{0,17})$/.test(value.data)) return "int";
      return value.data.length <= 44 ? "embstr" : "raw";
    case "list":
      return value.data.length <= 128 ? "listpack" : "quicklist";
    case "set":
      return value.data.size <= 128 ? "listpack" : "hashtable";
    case "hash":
      return value.data.size <= 128 ? "listpack" : "hashtable";
    case "zset":
      return value.data.size <= 128 ? "listpack" : "skiplist";
  }
}
