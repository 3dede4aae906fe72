/**
 * Limits. A job whose type is limited is born blocked, and is let in when there is room. Room is what the limit leaves
 * beside the rows that hold a place, counted under a lock of the lane that lasts as long as the transaction: there is no
 * counter that could drift. Jobs that do not fit stand in a line of their own, so nobody scans over them.
 *
 * A job goes through its key's lane, then through its type's, and holds its place in the first while it waits in the
 * second: all take them in this order, so none waits for another in a circle.
 */
import { afterCommit, type Handle, transaction, use } from "../database/index.ts";
import { enter } from "./line.ts";
import { find } from "./registry.ts";

/** Of a row, or of many. */
export interface Lanes {
  typeLane: string | null;
  keyLane: string | null;
}

/** Once the transaction has committed, lets in whoever finds room in these lanes. What a crash leaves, the sweep lets in. */
export async function admitLater(of: readonly Lanes[]): Promise<void> {
  const limited = of.filter(({ typeLane, keyLane }) => typeLane !== null || keyLane !== null);
  if (limited.length > 0) await afterCommit(() => admit(limited));
}

/** @returns How many jobs were queued. */
export async function admit(of: readonly Lanes[]): Promise<number> {
  const keyLanes = named(of, "keyLane");
  const typeLanes = new Set(named(of, "typeLane"));
  for (const lane of keyLanes) typeLanes.add(typeOf(lane));
  let queued = 0;
  // A lane a transaction: whoever holds one lock waits for no other.
  for (const lane of keyLanes) queued += await fill("key", lane);
  for (const lane of [...typeLanes].sort()) queued += await fill("type", lane);
  return queued;
}

/** Every lane in which somebody waits. */
export async function admitAll(): Promise<number> {
  const waiting = await use(({ query }) =>
    query<{ lane: string }>(
      // One probe of the index a lane, however many wait in it.
      `with recursive lanes as (
         (select waits_in as lane from frontdesk.jobs
           where state in ('queued', 'blocked') and waits_in > '' order by waits_in limit 1)
         union all
         select (select waits_in from frontdesk.jobs
                  where state in ('queued', 'blocked') and waits_in > l.lane order by waits_in limit 1)
           from lanes l where l.lane is not null)
       select lane from lanes where lane is not null`,
    ),
  );
  return admit(
    waiting.map(({ lane }) => ({
      keyLane: lane.includes("/") ? lane : null,
      typeLane: typeOf(lane),
    })),
  );
}

const named = (of: readonly Lanes[], which: keyof Lanes) =>
  [...new Set(of.flatMap((lanes) => lanes[which] ?? []))].sort();

/** Key lanes are `<type>/<key>`, type lanes `<type>`. */
const typeOf = (lane: string) => lane.split("/", 1)[0] ?? lane;

/** Lets in what there is room for, at most this many a transaction: a limit that is gone must not move 100,000 at once. */
const mostAtOnce = 500;

async function fill(kind: "key" | "type", lane: string): Promise<number> {
  const { concurrency } = find(typeOf(lane)) ?? {};
  const limit = kind === "key" ? concurrency?.perKey : concurrency?.total;
  let queued = 0;
  for (;;) {
    const moved = await transaction((handle) => fillOnce(handle, kind, lane, limit), { repeatable: true });
    queued += moved.queued;
    if (moved.count < mostAtOnce) return queued;
  }
}

async function fillOnce(
  handle: Handle,
  kind: "key" | "type",
  lane: string,
  limit: number | undefined,
): Promise<{ count: number; queued: number }> {
  await handle.query("select pg_advisory_xact_lock(hashtextextended($1, 5202))", [lane]);
  const held = limit === undefined ? 0 : await places(handle, kind, lane, limit);
  const room = Math.min(mostAtOnce, (limit ?? Number.POSITIVE_INFINITY) - held);
  if (room <= 0) return { count: 0, queued: 0 };
  const next = await handle.query<{ id: string }>(
    `select id from frontdesk.jobs
      where state in ('queued', 'blocked') and waits_in = $1 order by priority desc, turn, id limit $2 for update`,
    [lane, room],
  );
  const moved = await enter(
    handle,
    next.map(({ id }) => id),
    ["blocked"],
    kind === "key" ? "past its key" : "past its type",
  );
  return { count: next.length, queued: moved.filter(({ state }) => state === "queued").length };
}

/** Counted no further than the limit. */
async function places({ query }: Handle, kind: "key" | "type", lane: string, limit: number): Promise<number> {
  const [row] = await query<{ held: number }>(
    kind === "key"
      ? `select count(*) as held from (
           select 1 from frontdesk.jobs
            where key_lane = $1 and key_lane is not null and state in ('queued', 'running', 'blocked')
              and waits_in <> key_lane limit $2) h`
      : `select count(*) as held from (
           select 1 from frontdesk.jobs
            where type_lane = $1 and type_lane is not null and state in ('queued', 'running') limit $2) h`,
    [lane, limit],
  );
  return row?.held ?? 0;
}
