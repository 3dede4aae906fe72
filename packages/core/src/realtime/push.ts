/**
 * Brings connections up to their topics. What is owed is the distance between `subscriptions.sent_seq` and
 * `topics.seq`, so there is nothing to lose: whoever comes next, writer or sweep, sees what is still to be sent.
 * A connection is served by one process at a time (a lease), which keeps its order and sends each event once; a crash
 * between the post and its record sends it again, with the same topic and number.
 */
import { randomUUID } from "node:crypto";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { describe } from "../error/index.ts";
import { fault } from "../faults/index.ts";
import * as log from "../log/index.ts";
import { backoffMs, inParallel } from "../outbox/schedule.ts";
import { post } from "./post.ts";
import { eventFor, type StoredEvent } from "./protocol.ts";

export interface PushOptions {
  /** Connections that lag behind on one of these topics ... */
  topics?: readonly string[];
  /** ... and these, on whatever topic. Neither given: all that lag. */
  connectionIds?: readonly string[];
}

const leaseMs = 30_000;
/** Stop early enough to write down what was sent. */
const marginMs = 10_000;
const connectionsAtOnce = 100;
const postsAtOnce = 32;
/** Of one topic to one connection, before others have their turn. */
const eventsAtOnce = 100;

interface Claimed {
  id: string;
  failures: number;
  /** Null: sees everything. */
  mailboxIds: string[] | null;
}
type Owed = StoredEvent & { connectionId: string; from: number };
interface Outcome {
  id: string;
  /** By topic, the number before and after. */
  sent: Map<string, { from: number; seq: number }>;
  result: "ok" | "failed" | "gone";
  failures: number;
}

/** @returns How many messages were posted. */
export async function push(options: PushOptions = {}): Promise<number> {
  const by = randomUUID();
  const all = options.topics === undefined && options.connectionIds === undefined;
  const served = new Set(options.connectionIds);
  let posted = 0;
  for (;;) {
    const until = now() + leaseMs;
    const claimed = await claim(by, until, all ? null : (options.topics ?? []), all ? null : [...served]);
    if (claimed.length === 0) return posted;
    const owed = await read(claimed);
    const outcomes: Outcome[] = [];
    await inParallel(postsAtOnce, claimed, async (connection) => {
      const events = owed.get(connection.id) ?? [];
      const outcome = await serve(connection, events, until - marginMs);
      outcomes.push(outcome);
      for (const { from, seq } of outcome.sent.values()) posted += seq - from;
    });
    await fault("realtime.pushed");
    // Whoever found a connection leased has gone away; what they wanted to send, on any topic, is ours to look for.
    await record(by, outcomes);
    for (const { id } of claimed) served.add(id);
  }
}

async function claim(
  by: string,
  until: number,
  topics: readonly string[] | null,
  connectionIds: readonly string[] | null,
): Promise<Claimed[]> {
  return database.use(({ query }) =>
    query<Claimed>(
      `with due as (
         select c.id from frontdesk.connections c
          where (c.leased_until is null or c.leased_until <= $1) and (c.retry_at is null or c.retry_at <= $1)
            and exists (
              select 1 from frontdesk.subscriptions s join frontdesk.topics t on t.topic = s.topic
               where s.connection_id = c.id and s.sent_seq < t.seq
                 and ($4::text[] is null or s.topic = any($4) or c.id = any($5)))
          limit $6 for update of c skip locked)
       update frontdesk.connections c set leased_by = $2, leased_until = $3 from due where c.id = due.id
       returning c.id, c.failures,
         case when 'admin' = any(c.roles) then null
              else array(select m.mailbox_id from frontdesk.mailbox_members m
                           join frontdesk.users u on u.email = m.email where u.id = c.user_id)
         end as "mailboxIds"`,
      [new Date(now()), by, new Date(until), topics, connectionIds, connectionsAtOnce],
    ),
  );
}

async function read(claimed: readonly Claimed[]): Promise<Map<string, Owed[]>> {
  const rows = await database.use(({ query }) =>
    query<Owed>(
      `select s.connection_id as "connectionId", s.sent_seq as "from", e.topic, e.seq, e.type, e.data,
              e.mailbox_ids as "mailboxIds", e.trace
         from frontdesk.subscriptions s
        cross join lateral (
          select * from frontdesk.events e where e.topic = s.topic and e.seq > s.sent_seq order by e.seq limit $2) e
        where s.connection_id = any($1)
        order by s.connection_id, e.topic, e.seq`,
      [claimed.map(({ id }) => id), eventsAtOnce],
    ),
  );
  return Map.groupBy(rows, (row) => row.connectionId);
}

async function serve(connection: Claimed, events: readonly Owed[], until: number): Promise<Outcome> {
  const outcome: Outcome = {
    id: connection.id,
    sent: new Map(),
    result: "ok",
    failures: connection.failures,
  };
  for (const event of events) {
    if (now() > until) break;
    try {
      if ((await post(connection.id, eventFor(event, connection.mailboxIds))) === "gone")
        return { ...outcome, result: "gone" };
      outcome.sent.set(event.topic, { from: event.from, seq: event.seq });
    } catch (error) {
      log.warn("a push failed and will be tried again", {
        connection: connection.id,
        topic: event.topic,
        seq: event.seq,
        trace: event.trace,
        error: describe(error),
      });
      return { ...outcome, result: "failed", failures: connection.failures + 1 };
    }
  }
  return outcome;
}

async function record(by: string, outcomes: readonly Outcome[]): Promise<void> {
  const sent = outcomes.flatMap(({ id, sent }) =>
    [...sent].map(([topic, { from, seq }]) => ({ id, topic, from, seq })),
  );
  const kept = outcomes.filter(({ result }) => result !== "gone");
  const gone = outcomes.filter(({ result }) => result === "gone").map(({ id }) => id);
  const retryAt = ({ result, failures }: Outcome) =>
    result === "ok" ? null : new Date(now() + Math.min(60_000, backoffMs(failures)));
  await database.use(({ query }) =>
    query(
      // A client may have asked for a replay meanwhile: what was set back stays set back.
      `with noted as (
         update frontdesk.subscriptions s set sent_seq = g.seq
           from unnest($1::text[], $2::text[], $3::int8[], $4::int8[]) as g (id, topic, before, seq)
          where s.connection_id = g.id and s.topic = g.topic and s.sent_seq = g.before),
       removed as (delete from frontdesk.connections where id = any($9))
       update frontdesk.connections c
          set leased_by = null, leased_until = null, failures = g.failures, retry_at = g.retry_at
         from unnest($5::text[], $6::int4[], $7::timestamptz[]) as g (id, failures, retry_at)
        where c.id = g.id and c.leased_by = $8`,
      [
        sent.map(({ id }) => id),
        sent.map(({ topic }) => topic),
        sent.map(({ from }) => from),
        sent.map(({ seq }) => seq),
        kept.map(({ id }) => id),
        kept.map(({ result, failures }) => (result === "ok" ? 0 : failures)),
        kept.map(retryAt),
        by,
        gone,
      ],
    ),
  );
}
