import { Failure, NO_LIST, OK, type Reply } from "../resp.ts";
import {
  allButLast,
  at,
  type Command,
  type Context,
  countedKeys,
  firstKey,
  float,
  integer,
  slice,
  syntaxError,
  type Table,
  twoKeys,
} from "./command.ts";

type End = "LEFT" | "RIGHT";

function push(end: End, onlyExisting: boolean): Command {
  return {
    arity: -3,
    keys: firstKey,
    run({ db }, [key = "", ...items]) {
      if (onlyExisting && !db.read(key, "list")) return 0;
      const list = db.open(key, "list");
      if (end === "RIGHT") for (const item of items) list.push(item);
      else list.unshift(...items.reverse());
      const { length } = list;
      db.wrote(key);
      return length;
    },
  };
}

function popOne({ db }: Context, key: string, end: End): string | undefined {
  const list = db.read(key, "list");
  const item = end === "LEFT" ? list?.shift() : list?.pop();
  if (item !== undefined) db.wrote(key);
  return item;
}

function pop(end: End): Command {
  return {
    arity: -2,
    keys: firstKey,
    run(context, [key = "", count, ...more]) {
      if (more.length > 0) throw syntaxError();
      if (count === undefined) return popOne(context, key, end) ?? null;
      const wanted = integer(count, "value is out of range, must be positive");
      if (wanted < 0) throw new Failure("ERR value is out of range, must be positive");
      const list = context.db.read(key, "list");
      if (!list) return NO_LIST;
      const items =
        end === "LEFT" ? list.splice(0, wanted) : list.splice(Math.max(0, list.length - wanted)).reverse();
      context.db.wrote(key);
      return items;
    },
  };
}

function move(context: Context, from: string, to: string, takeEnd: End, putEnd: End): string | undefined {
  // Its type is checked before anything is taken.
  context.db.read(to, "list");
  const item = popOne(context, from, takeEnd);
  if (item === undefined) return undefined;
  const list = context.db.open(to, "list");
  if (putEnd === "LEFT") list.unshift(item);
  else list.push(item);
  context.db.wrote(to);
  return item;
}

function endOf(text: string): End {
  const end = text.toUpperCase();
  if (end !== "LEFT" && end !== "RIGHT") throw syntaxError();
  return end;
}

/** Seconds, with fractions; 0 waits for ever. */
export function timeoutOf(text: string): number {
  const seconds = float(text, "timeout is not a float or out of range");
  if (seconds < 0) throw new Failure("ERR timeout is negative");
  return seconds * 1000;
}

function blockingPop(end: End): Command {
  return {
    arity: -3,
    keys: allButLast,
    run(context, args) {
      const keys = allButLast(args);
      return context.engine.waitFor(context, keys, timeoutOf(at(args, args.length - 1)), () => {
        for (const key of keys) {
          const item = popOne(context, key, end);
          if (item !== undefined) return [key, item];
        }
        return undefined;
      });
    },
  };
}

/** LMPOP's arguments from `numkeys` on. */
function popFromFirst(context: Context, args: string[]): Reply | undefined {
  const keys = countedKeys(0)(args);
  if (keys.length === 0 || keys.length !== integer(at(args, 0)))
    throw new Failure("ERR numkeys should be greater than 0");
  const [where = "", option, count = "1", ...more] = args.slice(1 + keys.length);
  const end = endOf(where);
  if (more.length > 0 || (option !== undefined && option.toUpperCase() !== "COUNT")) throw syntaxError();
  const wanted = integer(count);
  if (wanted < 1) throw new Failure("ERR count should be greater than 0");
  for (const key of keys) {
    const items: string[] = [];
    while (items.length < wanted) {
      const item = popOne(context, key, end);
      if (item === undefined) break;
      items.push(item);
    }
    if (items.length > 0) return [key, items];
  }
  return undefined;
}

export const listCommands: Table = {
  lpush: push("LEFT", false),
  rpush: push("RIGHT", false),
  lpushx: push("LEFT", true),
  rpushx: push("RIGHT", true),
  lpop: pop("LEFT"),
  rpop: pop("RIGHT"),
  llen: { arity: 2, keys: firstKey, run: ({ db }, [key = ""]) => db.read(key, "list")?.length ?? 0 },
  lrange: {
    arity: 4,
    keys: firstKey,
    run: ({ db }, [key = "", start = "", stop = ""]) =>
      slice(db.read(key, "list") ?? [], integer(start), integer(stop)),
  },
  lindex: {
    arity: 3,
    keys: firstKey,
    run: ({ db }, [key = "", index = ""]) => db.read(key, "list")?.at(integer(index)) ?? null,
  },
  lset: {
    arity: 4,
    keys: firstKey,
    run({ db }, [key = "", index = "", item = ""]) {
      const list = db.read(key, "list");
      if (!list) throw new Failure("ERR no such key");
      const wanted = integer(index);
      const place = wanted < 0 ? list.length + wanted : wanted;
      if (place < 0 || place >= list.length) throw new Failure("ERR index out of range");
      list[place] = item;
      db.wrote(key);
      return OK;
    },
  },
  linsert: {
    arity: 5,
    keys: firstKey,
    run({ db }, [key = "", where = "", pivot = "", item = ""]) {
      const side = where.toUpperCase();
      if (side !== "BEFORE" && side !== "AFTER") throw syntaxError();
      const list = db.read(key, "list");
      if (!list) return 0;
      const place = list.indexOf(pivot);
      if (place < 0) return -1;
      list.splice(side === "BEFORE" ? place : place + 1, 0, item);
      db.wrote(key);
      return list.length;
    },
  },
  lrem: {
    arity: 4,
    keys: firstKey,
    run({ db }, [key = "", count = "", item = ""]) {
      const wanted = integer(count);
      const list = db.read(key, "list") ?? [];
      let removed = 0;
      const limit = wanted === 0 ? list.length : Math.abs(wanted);
      for (
        let step = 0, place = wanted < 0 ? list.length - 1 : 0;
        step < list.length + removed && removed < limit;
        step++
      )
        if (list[place] === item) {
          list.splice(place, 1);
          removed++;
          if (wanted < 0) place--;
        } else place += wanted < 0 ? -1 : 1;
      if (removed > 0) db.wrote(key);
      return removed;
    },
  },
  ltrim: {
    arity: 4,
    keys: firstKey,
    run({ db }, [key = "", start = "", stop = ""]) {
      const [from, to] = [integer(start), integer(stop)];
      const list = db.read(key, "list");
      if (!list) return OK;
      const kept = slice(list, from, to);
      list.splice(0, list.length, ...kept);
      db.wrote(key);
      return OK;
    },
  },
  lpos: {
    arity: -3,
    keys: firstKey,
    run({ db }, [key = "", item = "", ...options]) {
      let [rank, count, longest] = [1, undefined as number | undefined, 0];
      for (let index = 0; index < options.length; index += 2) {
        const option = at(options, index).toUpperCase();
        const value = integer(at(options, index + 1));
        if (value < 0 && (option === "COUNT" || option === "MAXLEN"))
          throw new Failure(`ERR ${option} can't be negative`);
        if (option === "RANK" && value !== 0) rank = value;
        else if (option === "COUNT") count = value;
        else if (option === "MAXLEN") longest = value;
        else throw syntaxError();
      }
      const list = db.read(key, "list") ?? [];
      const places = [...list.keys()];
      if (rank < 0) places.reverse();
      const found = places
        .slice(0, longest === 0 ? undefined : longest)
        .filter((place) => list[place] === item)
        .slice(Math.abs(rank) - 1);
      return count === undefined ? (found[0] ?? null) : found.slice(0, count === 0 ? undefined : count);
    },
  },
  rpoplpush: {
    arity: 3,
    keys: twoKeys,
    run: (context, [from = "", to = ""]) => move(context, from, to, "RIGHT", "LEFT") ?? null,
  },
  lmove: {
    arity: 5,
    keys: twoKeys,
    run: (context, [from = "", to = "", take = "", put = ""]) =>
      move(context, from, to, endOf(take), endOf(put)) ?? null,
  },
  lmpop: {
    arity: -4,
    keys: countedKeys(0),
    run: (context, args) => popFromFirst(context, args) ?? NO_LIST,
  },
  blpop: blockingPop("LEFT"),
  brpop: blockingPop("RIGHT"),
  brpoplpush: {
    arity: 4,
    keys: twoKeys,
    run: (context, [from = "", to = "", timeout = ""]) =>
      context.engine.waitFor(context, [from], timeoutOf(timeout), () =>
        move(context, from, to, "RIGHT", "LEFT"),
      ),
  },
  blmove: {
    arity: 6,
    keys: twoKeys,
    run(context, [from = "", to = "", take = "", put = "", timeout = ""]) {
      const [takeEnd, putEnd] = [endOf(take), endOf(put)];
      return context.engine.waitFor(context, [from], timeoutOf(timeout), () =>
        move(context, from, to, takeEnd, putEnd),
      );
    },
  },
  blmpop: {
    arity: -5,
    keys: countedKeys(1),
    run: (context, [timeout = "", ...args]) =>
      context.engine.waitFor(context, countedKeys(0)(args), timeoutOf(timeout), () =>
        popFromFirst(context, args),
      ),
  },
};
