import { Double, Failure, formatDouble, type Reply, Scored } from "../resp.ts";
import {
  allButLast,
  at,
  type Command,
  type Context,
  countedKeys,
  firstKey,
  float,
  integer,
  scanned,
  syntaxError,
  type Table,
} from "./command.ts";
import { pickRandom } from "./hashes.ts";
import { timeoutOf } from "./lists.ts";
import { byLex, byRank, byScore, type Member, rangeOf, sorted } from "./sorted-ranges.ts";

const flagNames = ["NX", "XX", "GT", "LT", "CH", "INCR"];

function add({ db }: Context, [key = "", ...args]: string[]): Reply {
  const flags = new Set<string>();
  while (args[0] !== undefined && flagNames.includes(args[0].toUpperCase()))
    flags.add((args.shift() ?? "").toUpperCase());
  if (args.length === 0 || args.length % 2 !== 0) throw syntaxError();
  if (flags.has("NX") && flags.has("XX"))
    throw new Failure("ERR XX and NX options at the same time are not compatible");
  if (flags.has("NX") && (flags.has("GT") || flags.has("LT")))
    throw new Failure("ERR GT, LT, and/or NX options at the same time are not compatible");
  if (flags.has("GT") && flags.has("LT"))
    throw new Failure("ERR GT, LT, and/or NX options at the same time are not compatible");
  const increment = flags.has("INCR");
  if (increment && args.length > 2)
    throw new Failure("ERR INCR option supports a single increment-element pair");
  // All scores are read before the first is written.
  const pairs: Member[] = [];
  for (let index = 0; index < args.length; index += 2)
    pairs.push([at(args, index + 1), float(at(args, index))]);

  if (flags.has("XX") && !db.read(key, "zset")) return increment ? null : 0;
  const zset = db.open(key, "zset");
  let [added, changed, result] = [0, 0, null as number | null];
  for (const [member, score] of pairs) {
    const current = zset.get(member);
    const next = increment ? (current ?? 0) + score : score;
    if (Number.isNaN(next)) {
      db.wrote(key);
      throw new Failure("ERR resulting score is not a number (NaN)");
    }
    const refused =
      current === undefined
        ? flags.has("XX")
        : flags.has("NX") || (flags.has("GT") && next <= current) || (flags.has("LT") && next >= current);
    if (refused) continue;
    if (current === undefined) added++;
    else if (current !== next) changed++;
    zset.set(member, next);
    result = next;
  }
  db.wrote(key);
  if (increment) return result === null ? null : new Double(result);
  return flags.has("CH") ? added + changed : added;
}

function rank(reverse: boolean): Command {
  return {
    arity: -3,
    keys: firstKey,
    run({ db }, [key = "", member = "", option, ...more]) {
      if (more.length > 0 || (option !== undefined && option.toUpperCase() !== "WITHSCORE"))
        throw syntaxError();
      const zset = db.read(key, "zset");
      const score = zset?.get(member);
      if (!zset || score === undefined) return null;
      const place = sorted(zset).findIndex(([name]) => name === member);
      const value = reverse ? zset.size - 1 - place : place;
      return option === undefined ? value : [value, new Double(score)];
    },
  };
}

function removeAll({ db }: Context, key: string, members: Member[]): number {
  const zset = db.read(key, "zset");
  for (const [member] of members) zset?.delete(member);
  if (members.length > 0) db.wrote(key);
  return members.length;
}
function removeRange(select: (members: Member[], from: string, to: string) => Member[]): Command {
  return {
    arity: 4,
    keys: firstKey,
    run: (context, [key = "", from = "", to = ""]) =>
      removeAll(context, key, select(sorted(context.db.read(key, "zset")), from, to)),
  };
}
function countRange(select: (members: Member[], from: string, to: string) => Member[]): Command {
  return {
    arity: 4,
    keys: firstKey,
    run: ({ db }, [key = "", from = "", to = ""]) => select(sorted(db.read(key, "zset")), from, to).length,
  };
}

function popEnds(context: Context, key: string, highest: boolean, count: number): Member[] {
  const members = sorted(context.db.read(key, "zset"));
  if (highest) members.reverse();
  const taken = members.slice(0, count);
  removeAll(context, key, taken);
  return taken;
}
function pop(highest: boolean): Command {
  return {
    arity: -2,
    keys: firstKey,
    run(context, [key = "", count = "1", ...more]) {
      const wanted = integer(count);
      if (more.length > 0) throw syntaxError();
      if (wanted < 0) throw new Failure("ERR value is out of range, must be positive");
      return new Scored(popEnds(context, key, highest, wanted));
    },
  };
}
function blockingPop(highest: boolean): Command {
  return {
    arity: -3,
    keys: allButLast,
    run(context, args) {
      const keys = allButLast(args);
      return context.engine.waitFor(context, keys, timeoutOf(at(args, args.length - 1)), () => {
        for (const key of keys) {
          const [taken] = popEnds(context, key, highest, 1);
          if (taken) return [key, taken[0], new Double(taken[1])];
        }
        return undefined;
      });
    },
  };
}

/** A plain set counts as one whose scores are all 1. */
function scoresOf({ db }: Context, key: string): Map<string, number> {
  const value = db.get(key);
  if (value?.type === "set") return new Map([...value.data].map((member) => [member, 1]));
  return db.read(key, "zset") ?? new Map();
}

function combine(
  context: Context,
  name: string,
  args: string[],
  onlyCommon: boolean,
): { members: Map<string, number>; rest: string[] } {
  const number = integer(at(args, 0));
  if (number < 1) throw new Failure(`ERR at least 1 input key is needed for '${name}' command`);
  const keys = args.slice(1, 1 + number);
  if (keys.length !== number) throw syntaxError();
  let weights = keys.map(() => 1);
  let aggregate = "SUM";
  const rest = args.slice(1 + number);
  for (
    let option = rest[0]?.toUpperCase();
    option === "WEIGHTS" || option === "AGGREGATE";
    option = rest[0]?.toUpperCase()
  )
    if (option === "WEIGHTS")
      weights = rest
        .splice(0, 1 + number)
        .slice(1)
        .map((weight) => float(weight, "weight value is not a float"));
    else aggregate = at(rest.splice(0, 2), 1).toUpperCase();
  if (weights.length !== number || !["SUM", "MIN", "MAX"].includes(aggregate)) throw syntaxError();
  const sources = keys.map((key) => scoresOf(context, key));
  const members = new Map<string, number>();
  for (const [index, source] of sources.entries())
    for (const [member, score] of source) {
      if (onlyCommon && !sources.every((other) => other.has(member))) continue;
      const weighted = score * (weights[index] ?? 1);
      const current = members.get(member);
      if (current === undefined) members.set(member, weighted);
      else if (aggregate === "SUM") members.set(member, current + weighted);
      else
        members.set(member, aggregate === "MIN" ? Math.min(current, weighted) : Math.max(current, weighted));
    }
  return { members, rest };
}
function combineInto(name: string, onlyCommon: boolean): Command {
  return {
    arity: -4,
    keys: (args) => [...args.slice(0, 1), ...countedKeys(1)(args)],
    run(context, [to = "", ...args]) {
      const { members, rest } = combine(context, name, args, onlyCommon);
      if (rest.length > 0) throw syntaxError();
      if (members.size === 0) context.db.delete(to);
      else context.db.set(to, { type: "zset", data: members });
      return members.size;
    },
  };
}
function combined(name: string, onlyCommon: boolean): Command {
  return {
    arity: -3,
    keys: countedKeys(0),
    run(context, args) {
      const { members, rest } = combine(context, name, args, onlyCommon);
      return withScores(sorted(members), rest);
    },
  };
}
function withScores(members: Member[], [option, ...more]: string[]): Reply {
  if (more.length > 0 || (option !== undefined && option.toUpperCase() !== "WITHSCORES")) throw syntaxError();
  return option === undefined ? members.map(([member]) => member) : new Scored(members);
}

export const sortedSetCommands: Table = {
  zadd: { arity: -4, keys: firstKey, run: add },
  zincrby: {
    arity: 4,
    keys: firstKey,
    run: (context, [key = "", by = "", member = ""]) => add(context, [key, "INCR", by, member]),
  },
  zrem: {
    arity: -3,
    keys: firstKey,
    run({ db }, [key = "", ...members]) {
      const zset = db.read(key, "zset");
      const removed = members.filter((member) => zset?.delete(member)).length;
      if (removed > 0) db.wrote(key);
      return removed;
    },
  },
  zscore: {
    arity: 3,
    keys: firstKey,
    run({ db }, [key = "", member = ""]) {
      const score = db.read(key, "zset")?.get(member);
      return score === undefined ? null : new Double(score);
    },
  },
  zmscore: {
    arity: -3,
    keys: firstKey,
    run({ db }, [key = "", ...members]) {
      const zset = db.read(key, "zset");
      return members.map((member) => {
        const score = zset?.get(member);
        return score === undefined ? null : new Double(score);
      });
    },
  },
  zcard: { arity: 2, keys: firstKey, run: ({ db }, [key = ""]) => db.read(key, "zset")?.size ?? 0 },
  zrank: rank(false),
  zrevrank: rank(true),
  zrange: {
    arity: -4,
    keys: firstKey,
    run: ({ db }, [key = "", ...args]) => rangeOf(db.read(key, "zset"), args),
  },
  zrevrange: {
    arity: -4,
    keys: firstKey,
    run: ({ db }, [key = "", from = "", to = "", ...more]) =>
      rangeOf(db.read(key, "zset"), [from, to, "REV", ...more]),
  },
  zrangebyscore: {
    arity: -4,
    keys: firstKey,
    run: ({ db }, [key = "", from = "", to = "", ...more]) =>
      rangeOf(db.read(key, "zset"), [from, to, "BYSCORE", ...more]),
  },
  zrevrangebyscore: {
    arity: -4,
    keys: firstKey,
    run: ({ db }, [key = "", from = "", to = "", ...more]) =>
      rangeOf(db.read(key, "zset"), [from, to, "BYSCORE", "REV", ...more]),
  },
  zrangebylex: {
    arity: -4,
    keys: firstKey,
    run: ({ db }, [key = "", from = "", to = "", ...more]) =>
      rangeOf(db.read(key, "zset"), [from, to, "BYLEX", ...more]),
  },
  zrevrangebylex: {
    arity: -4,
    keys: firstKey,
    run: ({ db }, [key = "", from = "", to = "", ...more]) =>
      rangeOf(db.read(key, "zset"), [from, to, "BYLEX", "REV", ...more]),
  },
  zcount: countRange(byScore),
  zlexcount: countRange(byLex),
  zremrangebyrank: removeRange(byRank),
  zremrangebyscore: removeRange(byScore),
  zremrangebylex: removeRange(byLex),
  zpopmin: pop(false),
  zpopmax: pop(true),
  bzpopmin: blockingPop(false),
  bzpopmax: blockingPop(true),
  zunionstore: combineInto("zunionstore", false),
  zinterstore: combineInto("zinterstore", true),
  zunion: combined("zunion", false),
  zinter: combined("zinter", true),
  zrandmember: {
    arity: -2,
    keys: firstKey,
    run({ db }, [key = "", count, ...more]) {
      const members = [...(db.read(key, "zset") ?? [])];
      if (count === undefined) return pickRandom(members, 1)[0]?.[0] ?? null;
      return withScores(pickRandom(members, integer(count)), more);
    },
  },
  zscan: {
    arity: -3,
    keys: firstKey,
    run({ db }, [key = "", ...args]) {
      const members = scanned(sorted(db.read(key, "zset")), args, ([member]) => member);
      return ["0", members.flatMap(([member, score]) => [member, formatDouble(score)])];
    },
  },
};
