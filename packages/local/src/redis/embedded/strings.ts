import { Failure, OK, type Reply } from "../resp.ts";
import {
  allKeys,
  alternateKeys,
  at,
  type Command,
  type Context,
  firstKey,
  float,
  integer,
  plainNumber,
  syntaxError,
  type Table,
} from "./command.ts";

const LONGEST = 512 * 1024 * 1024;
const tooLong = () => new Failure("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
const text = (data: string) => ({ type: "string" as const, data });

const expiryUnits: Record<string, [unit: number, absolute: boolean]> = {
  EX: [1000, false],
  PX: [1, false],
  EXAT: [1000, true],
  PXAT: [1, true],
};
function expiryTime(command: string, option: string, amount: string, now: number): number {
  const [unit, absolute] = expiryUnits[option] ?? [1, false];
  const value = integer(amount) * unit;
  if (value <= 0 || !Number.isSafeInteger(value))
    throw new Failure(`ERR invalid expire time in '${command}' command`);
  return value + (absolute ? 0 : now);
}

function set({ db, now }: Context, [key = "", data = "", ...options]: string[]): Reply {
  const flags = new Set<string>();
  let expiresAt: number | undefined;
  for (let index = 0; index < options.length; index++) {
    const option = at(options, index).toUpperCase();
    if (expiryUnits[option]) {
      if (expiresAt !== undefined || flags.has("KEEPTTL")) throw syntaxError();
      expiresAt = expiryTime("set", option, at(options, ++index), now());
    } else if (["NX", "XX", "GET", "KEEPTTL"].includes(option)) flags.add(option);
    else throw syntaxError();
  }
  if ((flags.has("NX") && flags.has("XX")) || (flags.has("KEEPTTL") && expiresAt !== undefined))
    throw syntaxError();
  const old = flags.has("GET") ? (db.read(key, "string") ?? null) : undefined;
  const refused = (flags.has("NX") && db.has(key)) || (flags.has("XX") && !db.has(key));
  if (!refused) db.set(key, text(data), { keepExpiry: flags.has("KEEPTTL"), expiresAt });
  if (old !== undefined) return old;
  return refused ? null : OK;
}

function setExpiring(name: string, option: string): Command {
  return {
    arity: 4,
    keys: firstKey,
    run({ db, now }, [key = "", amount = "", data = ""]) {
      db.set(key, text(data), { expiresAt: expiryTime(name, option, amount, now()) });
      return OK;
    },
  };
}

function increment({ db }: Context, key: string, by: number): number {
  const current = integer(db.read(key, "string") ?? "0");
  const next = current + by;
  if (!Number.isFinite(next) || Math.abs(next) > 2 ** 63)
    throw new Failure("ERR increment or decrement would overflow");
  db.set(key, text(String(next)), { keepExpiry: true });
  return next;
}

function setMany({ db }: Context, args: string[], onlyNew: boolean, name: string): boolean {
  if (args.length % 2 !== 0) throw new Failure(`ERR wrong number of arguments for '${name}' command`);
  if (onlyNew && alternateKeys(args).some((key) => db.has(key))) return false;
  for (let index = 0; index < args.length; index += 2) db.set(at(args, index), text(at(args, index + 1)));
  return true;
}

/** End inclusive, both may count from the back; a start before the beginning is the beginning. */
function range(data: string, start: number, end: number): string {
  const from = Math.max(0, start < 0 ? data.length + start : start);
  const to = Math.max(0, end < 0 ? data.length + end : end);
  return from > to || data === "" ? "" : data.slice(from, to + 1);
}
const getRange: Command = {
  arity: 4,
  keys: firstKey,
  run: ({ db }, [key = "", start = "", end = ""]) => {
    const [from, to] = [integer(start), integer(end)];
    return range(db.read(key, "string") ?? "", from, to);
  },
};

function bitAt(offset: string): number {
  const value = integer(offset, "bit offset is not an integer or out of range");
  if (value < 0 || value >= LONGEST * 8)
    throw new Failure("ERR bit offset is not an integer or out of range");
  return value;
}

export const stringCommands: Table = {
  get: { arity: 2, keys: firstKey, run: ({ db }, [key = ""]) => db.read(key, "string") ?? null },
  set: { arity: -3, keys: firstKey, run: set },
  setnx: {
    arity: 3,
    keys: firstKey,
    run({ db }, [key = "", data = ""]) {
      if (db.has(key)) return 0;
      db.set(key, text(data));
      return 1;
    },
  },
  setex: setExpiring("setex", "EX"),
  psetex: setExpiring("psetex", "PX"),
  getset: {
    arity: 3,
    keys: firstKey,
    run({ db }, [key = "", data = ""]) {
      const old = db.read(key, "string") ?? null;
      db.set(key, text(data));
      return old;
    },
  },
  getdel: {
    arity: 2,
    keys: firstKey,
    run({ db }, [key = ""]) {
      const old = db.read(key, "string") ?? null;
      db.delete(key);
      return old;
    },
  },
  getex: {
    arity: -2,
    keys: firstKey,
    run({ db, now }, [key = "", option, amount, ...more]) {
      const old = db.read(key, "string") ?? null;
      if (option === undefined) return old;
      const name = option.toUpperCase();
      if (more.length > 0 || (name === "PERSIST") !== (amount === undefined)) throw syntaxError();
      if (name === "PERSIST") db.expire(key, undefined);
      else if (expiryUnits[name]) db.expire(key, expiryTime("getex", name, amount ?? "", now()));
      else throw syntaxError();
      return old;
    },
  },
  mget: {
    arity: -2,
    keys: allKeys,
    run: ({ db }, keys) =>
      keys.map((key) => {
        const value = db.get(key);
        return value?.type === "string" ? value.data : null;
      }),
  },
  mset: {
    arity: -3,
    keys: alternateKeys,
    run(context, args) {
      setMany(context, args, false, "mset");
      return OK;
    },
  },
  msetnx: {
    arity: -3,
    keys: alternateKeys,
    run: (context, args) => (setMany(context, args, true, "msetnx") ? 1 : 0),
  },
  incr: { arity: 2, keys: firstKey, run: (context, [key = ""]) => increment(context, key, 1) },
  decr: { arity: 2, keys: firstKey, run: (context, [key = ""]) => increment(context, key, -1) },
  incrby: {
    arity: 3,
    keys: firstKey,
    run: (context, [key = "", by = ""]) => increment(context, key, integer(by)),
  },
  decrby: {
    arity: 3,
    keys: firstKey,
    run: (context, [key = "", by = ""]) => increment(context, key, -integer(by)),
  },
  incrbyfloat: {
    arity: 3,
    keys: firstKey,
    run({ db }, [key = "", by = ""]) {
      const next = float(db.read(key, "string") ?? "0") + float(by);
      if (!Number.isFinite(next)) throw new Failure("ERR increment would produce NaN or Infinity");
      const data = plainNumber(next);
      db.set(key, text(data), { keepExpiry: true });
      return data;
    },
  },
  append: {
    arity: 3,
    keys: firstKey,
    run({ db }, [key = "", more = ""]) {
      const data = (db.read(key, "string") ?? "") + more;
      if (data.length > LONGEST) throw tooLong();
      db.set(key, text(data), { keepExpiry: true });
      return data.length;
    },
  },
  strlen: { arity: 2, keys: firstKey, run: ({ db }, [key = ""]) => db.read(key, "string")?.length ?? 0 },
  getrange: getRange,
  substr: getRange,
  setrange: {
    arity: 4,
    keys: firstKey,
    run({ db }, [key = "", offset = "", piece = ""]) {
      const from = integer(offset);
      if (from < 0) throw new Failure("ERR offset is out of range");
      const old = db.read(key, "string") ?? "";
      if (piece === "") return old.length;
      if (from + piece.length > LONGEST) throw tooLong();
      const data = old.slice(0, from).padEnd(from, "\0") + piece + old.slice(from + piece.length);
      db.set(key, text(data), { keepExpiry: true });
      return data.length;
    },
  },
  getbit: {
    arity: 3,
    keys: firstKey,
    run({ db }, [key = "", offset = ""]) {
      const bit = bitAt(offset);
      const byte = (db.read(key, "string") ?? "").charCodeAt(bit >> 3);
      return Number.isNaN(byte) ? 0 : (byte >> (7 - (bit & 7))) & 1;
    },
  },
  setbit: {
    arity: 4,
    keys: firstKey,
    run({ db }, [key = "", offset = "", on = ""]) {
      const bit = bitAt(offset);
      if (on !== "0" && on !== "1") throw new Failure("ERR bit is not an integer or out of range");
      const at = Math.floor(bit / 8);
      const old = (db.read(key, "string") ?? "").padEnd(at + 1, "\0");
      const mask = 1 << (7 - (bit & 7));
      const byte = old.charCodeAt(at);
      const changed = String.fromCharCode(on === "1" ? byte | mask : byte & ~mask);
      db.set(key, text(old.slice(0, at) + changed + old.slice(at + 1)), { keepExpiry: true });
      return byte & mask ? 1 : 0;
    },
  },
  bitcount: {
    arity: -2,
    keys: firstKey,
    run({ db }, [key = "", start, end, ...more]) {
      if ((start === undefined) !== (end === undefined) || more.length > 0) throw syntaxError();
      const data = range(db.read(key, "string") ?? "", integer(start ?? "0"), integer(end ?? "-1"));
      let bits = 0;
      for (const char of data) for (let byte = char.charCodeAt(0); byte; byte &= byte - 1) bits++;
      return bits;
    },
  },
};
