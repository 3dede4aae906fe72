/** Ranges of sorted sets: by place, by score, by name. */
import { Failure, type Reply, Scored } from "../resp.ts";
import { at, float, integer, slice, syntaxError } from "./command.ts";

export type Member = [name: string, score: number];

/** By score, then by bytes of the name. */
export function sorted(zset: Map<string, number> | undefined): Member[] {
  return [...(zset ?? [])].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : a > b ? 1 : 0));
}

export function byRank(members: Member[], from: string, to: string): Member[] {
  return slice(members, integer(from), integer(to));
}

export function byScore(members: Member[], from: string, to: string): Member[] {
  const [low, high] = [scoreBound(from), scoreBound(to)];
  return members.filter(
    ([, score]) =>
      (low.open ? score > low.value : score >= low.value) &&
      (high.open ? score < high.value : score <= high.value),
  );
}
function scoreBound(text: string) {
  const open = text.startsWith("(");
  return { open, value: float(open ? text.slice(1) : text, "min or max is not a float") };
}

/** Meant for members of equal score, as in Redis. */
export function byLex(members: Member[], from: string, to: string): Member[] {
  const [low, high] = [lexBound(from), lexBound(to)];
  return members.filter(([name]) => above(low, name) && below(high, name));
}
interface LexBound {
  end: "-" | "+" | undefined;
  open: boolean;
  name: string;
}
function lexBound(text: string): LexBound {
  if (text === "-" || text === "+") return { end: text, open: false, name: "" };
  if (!text.startsWith("[") && !text.startsWith("("))
    throw new Failure("ERR min or max not valid string range item");
  return { end: undefined, open: text.startsWith("("), name: text.slice(1) };
}
function above({ end, open, name }: LexBound, candidate: string) {
  if (end) return end === "-";
  return open ? candidate > name : candidate >= name;
}
function below({ end, open, name }: LexBound, candidate: string) {
  if (end) return end === "+";
  return open ? candidate < name : candidate <= name;
}

/** ZRANGE with all its options; the older commands are put in its words. */
export function rangeOf(zset: Map<string, number> | undefined, args: string[]): Reply {
  let [from, to] = [at(args, 0), at(args, 1)];
  const options = new Set<string>();
  let limit: { offset: number; count: number } | undefined;
  for (let index = 2; index < args.length; index++) {
    const option = at(args, index).toUpperCase();
    if (option === "LIMIT") limit = { offset: integer(at(args, ++index)), count: integer(at(args, ++index)) };
    else if (["BYSCORE", "BYLEX", "REV", "WITHSCORES"].includes(option)) options.add(option);
    else throw syntaxError();
  }
  const byPlace = !options.has("BYSCORE") && !options.has("BYLEX");
  if (limit && byPlace)
    throw new Failure(
      "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
    );
  if (options.has("BYLEX") && options.has("WITHSCORES"))
    throw new Failure("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
  if (options.has("BYLEX") && options.has("BYSCORE")) throw syntaxError();
  const reverse = options.has("REV");
  if (reverse && !byPlace) [from, to] = [to, from];
  const members = sorted(zset);
  if (reverse && byPlace) members.reverse();
  let found = byPlace
    ? byRank(members, from, to)
    : options.has("BYLEX")
      ? byLex(members, from, to)
      : byScore(members, from, to);
  if (reverse && !byPlace) found.reverse();
  if (limit)
    found =
      limit.offset < 0
        ? []
        : found.slice(limit.offset, limit.count < 0 ? undefined : limit.offset + limit.count);
  return options.has("WITHSCORES") ? new Scored(found) : found.map(([name]) => name);
}
