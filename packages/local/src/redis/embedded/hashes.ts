import { Failure, OK, Pairs, type Reply } from "../resp.ts";
import {
  at,
  type Context,
  firstKey,
  float,
  integer,
  plainNumber,
  scanned,
  syntaxError,
  type Table,
} from "./command.ts";

function setFields({ db }: Context, name: string, key: string, fields: string[]): number {
  if (fields.length === 0 || fields.length % 2 !== 0)
    throw new Failure(`ERR wrong number of arguments for '${name}' command`);
  const hash = db.open(key, "hash");
  let added = 0;
  for (let index = 0; index < fields.length; index += 2) {
    const field = at(fields, index);
    if (!hash.has(field)) added++;
    hash.set(field, at(fields, index + 1));
  }
  db.wrote(key);
  return added;
}

/** The field's next value; the hash is made only when the number holds. */
function addTo({ db }: Context, key: string, field: string, next: (current: string) => string): string {
  const value = next(db.read(key, "hash")?.get(field) ?? "0");
  db.open(key, "hash").set(field, value);
  db.wrote(key);
  return value;
}

/** With a count: that many different ones; negative: that many, repeated or not. */
export function pickRandom<T>(items: T[], count: number): T[] {
  if (items.length === 0) return [];
  if (count < 0)
    return Array.from({ length: -count }, () => items[Math.floor(Math.random() * items.length)] as T);
  const rest = [...items];
  const picked: T[] = [];
  while (picked.length < count && rest.length > 0)
    picked.push(...rest.splice(Math.floor(Math.random() * rest.length), 1));
  return picked;
}

export const hashCommands: Table = {
  hset: {
    arity: -4,
    keys: firstKey,
    run: (context, [key = "", ...fields]) => setFields(context, "hset", key, fields),
  },
  hmset: {
    arity: -4,
    keys: firstKey,
    run(context, [key = "", ...fields]) {
      setFields(context, "hmset", key, fields);
      return OK;
    },
  },
  hsetnx: {
    arity: 4,
    keys: firstKey,
    run: (context, [key = "", field = "", value = ""]) =>
      context.db.read(key, "hash")?.has(field) ? 0 : setFields(context, "hsetnx", key, [field, value]),
  },
  hget: {
    arity: 3,
    keys: firstKey,
    run: ({ db }, [key = "", field = ""]) => db.read(key, "hash")?.get(field) ?? null,
  },
  hmget: {
    arity: -3,
    keys: firstKey,
    run({ db }, [key = "", ...fields]) {
      const hash = db.read(key, "hash");
      return fields.map((field) => hash?.get(field) ?? null);
    },
  },
  hgetall: { arity: 2, keys: firstKey, run: ({ db }, [key = ""]) => new Pairs(db.read(key, "hash") ?? []) },
  hdel: {
    arity: -3,
    keys: firstKey,
    run({ db }, [key = "", ...fields]) {
      const hash = db.read(key, "hash");
      const removed = fields.filter((field) => hash?.delete(field)).length;
      if (removed > 0) db.wrote(key);
      return removed;
    },
  },
  hexists: {
    arity: 3,
    keys: firstKey,
    run: ({ db }, [key = "", field = ""]) => (db.read(key, "hash")?.has(field) ? 1 : 0),
  },
  hlen: { arity: 2, keys: firstKey, run: ({ db }, [key = ""]) => db.read(key, "hash")?.size ?? 0 },
  hkeys: { arity: 2, keys: firstKey, run: ({ db }, [key = ""]) => [...(db.read(key, "hash")?.keys() ?? [])] },
  hvals: {
    arity: 2,
    keys: firstKey,
    run: ({ db }, [key = ""]) => [...(db.read(key, "hash")?.values() ?? [])],
  },
  hstrlen: {
    arity: 3,
    keys: firstKey,
    run: ({ db }, [key = "", field = ""]) => db.read(key, "hash")?.get(field)?.length ?? 0,
  },
  hincrby: {
    arity: 4,
    keys: firstKey,
    run: (context, [key = "", field = "", by = ""]) =>
      Number(
        addTo(context, key, field, (current) =>
          String(integer(current, "hash value is not an integer") + integer(by)),
        ),
      ),
  },
  hincrbyfloat: {
    arity: 4,
    keys: firstKey,
    run: (context, [key = "", field = "", by = ""]) =>
      addTo(context, key, field, (current) =>
        plainNumber(float(current, "hash value is not a float") + float(by)),
      ),
  },
  hscan: {
    arity: -3,
    keys: firstKey,
    run({ db }, [key = "", ...args]) {
      const entries = scanned([...(db.read(key, "hash") ?? [])], args, ([field]) => field);
      return ["0", entries.flat()];
    },
  },
  hrandfield: {
    arity: -2,
    keys: firstKey,
    run({ db }, [key = "", count, option, ...more]): Reply {
      const entries = [...(db.read(key, "hash") ?? [])];
      if (count === undefined) return pickRandom(entries, 1)[0]?.[0] ?? null;
      if (more.length > 0 || (option !== undefined && option.toUpperCase() !== "WITHVALUES"))
        throw syntaxError();
      const picked = pickRandom(entries, integer(count));
      return option === undefined ? picked.map(([field]) => field) : picked.flat();
    },
  },
};
