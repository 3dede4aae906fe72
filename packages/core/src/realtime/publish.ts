import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import * as id from "../id/index.ts";
import { push } from "./push.ts";

export interface NewEvent {
  topic: string;
  /** e.g. `mail.received` */
  type: string;
  data: Record<string, unknown>;
  /** Mailboxes whose members may read the data; absent: whoever may subscribe. */
  mailboxIds?: readonly string[];
  trace?: string;
}

/**
 * Numbers events and writes them into the open transaction; after its commit they are pushed. Numbers of a topic have
 * no gaps: they are drawn from its row, whose lock lasts until the commit, and a rollback gives them back. Topics are
 * locked in their order, so that two writers cannot wait for each other; call this last in a transaction.
 */
export async function publish(events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  if (!database.inTransaction())
    throw new Error("events are published in the transaction that makes them true");
  const counts = new Map<string, number>();
  for (const { topic } of events) counts.set(topic, (counts.get(topic) ?? 0) + 1);
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  const left = new Map(counts);
  const rows = events.map((event) => {
    const after = (left.get(event.topic) ?? 1) - 1;
    left.set(event.topic, after);
    return { ...event, id: id.create("event"), after };
  });
  await database.use(({ query }) =>
    query(
      `with numbered as (
         insert into frontdesk.topics as t (topic, seq)
         select topic, seq from unnest($1::text[], $2::int8[]) as given (topic, seq) order by topic collate "C"
         on conflict (topic) do update set seq = t.seq + excluded.seq
         returning topic, seq)
       insert into frontdesk.events (topic, seq, id, type, data, mailbox_ids, trace, created_at)
       select topic, n.seq - e.after, e.id, e.type, e.data::jsonb, e.mailbox_ids::text[], e.trace, $10
         from unnest($3::text[], $4::int8[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
           as e (topic, after, id, type, data, mailbox_ids, trace)
         join numbered n using (topic)`,
      [
        sorted.map(([topic]) => topic),
        sorted.map(([, count]) => count),
        rows.map(({ topic }) => topic),
        rows.map(({ after }) => after),
        rows.map((event) => event.id),
        rows.map(({ type }) => type),
        rows.map(({ data }) => JSON.stringify(data)),
        rows.map(({ mailboxIds }) => (mailboxIds ? database.arrayLiteral(mailboxIds) : null)),
        rows.map(({ trace }) => trace ?? null),
        new Date(now()),
      ],
    ),
  );
  await database.afterCommit(() => push({ topics: sorted.map(([topic]) => topic) }));
}
