import { Failure, Members, type Reply } from "../resp.ts";
import {
  allKeys,
  at,
  type Command,
  type Context,
  countedKeys,
  firstKey,
  integer,
  scanned,
  syntaxError,
  type Table,
  twoKeys,
} from "./command.ts";
import { pickRandom } from "./hashes.ts";

type Combine = (first: Set<string>, others: Set<string>[]) => Set<string>;
const intersection: Combine = (first, others) =>
  new Set([...first].filter((member) => others.every((other) => other.has(member))));
const union: Combine = (first, others) => new Set([first, ...others].flatMap((set) => [...set]));
const difference: Combine = (first, others) =>
  new Set([...first].filter((member) => !others.some((other) => other.has(member))));

function combined({ db }: Context, keys: string[], combine: Combine): Set<string> {
  const [first = new Set<string>(), ...others] = keys.map((key) => db.read(key, "set") ?? new Set<string>());
  return combine(first, others);
}
function algebra(combine: Combine): Command {
  return { arity: -2, keys: allKeys, run: (context, keys) => new Members(combined(context, keys, combine)) };
}
function algebraInto(combine: Combine): Command {
  return {
    arity: -3,
    keys: allKeys,
    run(context, [to = "", ...keys]) {
      const data = combined(context, keys, combine);
      if (data.size === 0) context.db.delete(to);
      else context.db.set(to, { type: "set", data });
      return data.size;
    },
  };
}

export const setCommands: Table = {
  sadd: {
    arity: -3,
    keys: firstKey,
    run({ db }, [key = "", ...members]) {
      const set = db.open(key, "set");
      const before = set.size;
      for (const member of members) set.add(member);
      const added = set.size - before;
      db.wrote(key);
      return added;
    },
  },
  srem: {
    arity: -3,
    keys: firstKey,
    run({ db }, [key = "", ...members]) {
      const set = db.read(key, "set");
      const removed = members.filter((member) => set?.delete(member)).length;
      if (removed > 0) db.wrote(key);
      return removed;
    },
  },
  smembers: { arity: 2, keys: firstKey, run: ({ db }, [key = ""]) => new Members(db.read(key, "set") ?? []) },
  sismember: {
    arity: 3,
    keys: firstKey,
    run: ({ db }, [key = "", member = ""]) => (db.read(key, "set")?.has(member) ? 1 : 0),
  },
  smismember: {
    arity: -3,
    keys: firstKey,
    run({ db }, [key = "", ...members]) {
      const set = db.read(key, "set");
      return members.map((member) => (set?.has(member) ? 1 : 0));
    },
  },
  scard: { arity: 2, keys: firstKey, run: ({ db }, [key = ""]) => db.read(key, "set")?.size ?? 0 },
  spop: {
    arity: -2,
    keys: firstKey,
    run({ db }, [key = "", count, ...more]): Reply {
      if (more.length > 0) throw syntaxError();
      const wanted = count === undefined ? 1 : integer(count);
      if (wanted < 0) throw new Failure("ERR value is out of range, must be positive");
      const set = db.read(key, "set");
      const picked = pickRandom([...(set ?? [])], wanted);
      for (const member of picked) set?.delete(member);
      if (picked.length > 0) db.wrote(key);
      return count === undefined ? (picked[0] ?? null) : new Members(picked);
    },
  },
  srandmember: {
    arity: -2,
    keys: firstKey,
    run({ db }, [key = "", count, ...more]): Reply {
      if (more.length > 0) throw syntaxError();
      const members = [...(db.read(key, "set") ?? [])];
      return count === undefined ? (pickRandom(members, 1)[0] ?? null) : pickRandom(members, integer(count));
    },
  },
  smove: {
    arity: 4,
    keys: twoKeys,
    run({ db }, [from = "", to = "", member = ""]) {
      const source = db.read(from, "set");
      db.read(to, "set");
      if (!source?.has(member)) return 0;
      source.delete(member);
      db.wrote(from);
      db.open(to, "set").add(member);
      db.wrote(to);
      return 1;
    },
  },
  sinter: algebra(intersection),
  sunion: algebra(union),
  sdiff: algebra(difference),
  sinterstore: algebraInto(intersection),
  sunionstore: algebraInto(union),
  sdiffstore: algebraInto(difference),
  sintercard: {
    arity: -3,
    keys: countedKeys(0),
    run(context, args) {
      const keys = countedKeys(0)(args);
      if (integer(at(args, 0)) < 1) throw new Failure("ERR numkeys should be greater than 0");
      const [option, limit = "0", ...more] = args.slice(1 + keys.length);
      if (more.length > 0 || (option !== undefined && option.toUpperCase() !== "LIMIT")) throw syntaxError();
      const { size } = combined(context, keys, intersection);
      const most = integer(limit);
      return most > 0 ? Math.min(size, most) : size;
    },
  },
  sscan: {
    arity: -3,
    keys: firstKey,
    run: ({ db }, [key = "", ...args]) => [
      "0",
      scanned([...(db.read(key, "set") ?? [])], args, (member) => member),
    ],
  },
};
