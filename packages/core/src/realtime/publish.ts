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
  const at = new Date(now());
  await database.use(async (handle) => {
    const counts = new Map<string, number>();
    for (const { topic } of events) counts.set(topic, (counts.get(topic) ?? 0) + 1);
    const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
    const rows = await handle.query<{ topic: string; seq: number }>(
      `insert into frontdesk.topics as t (topic, seq)
       select topic, seq from unnest($1::text[], $2::int8[]) as given (topic, seq) order by topic collate "C"
       on conflict (topic) do update set seq = t.seq + excluded.seq
       returning topic, seq`,
      [sorted.map(([topic]) => topic), sorted.map(([, count]) => count)],
    );
    const next = new Map(rows.map(({ topic, seq }) => [topic, seq - (counts.get(topic) ?? 0)]));
    await database.insertRows(
      handle,
      "events",
      [
        ["topic", "text"],
        ["seq", "int8"],
        ["id", "text"],
        ["type", "text"],
        ["data", "jsonb"],
        ["mailbox_ids", "text[]"],
        ["trace", "text"],
        ["created_at", "timestamptz"],
      ],
      events.map((event) => {
        const seq = (next.get(event.topic) ?? 0) + 1;
        next.set(event.topic, seq);
        return {
          topic: event.topic,
          seq,
          id: id.create("event"),
          type: event.type,
          data: event.data,
          mailbox_ids: event.mailboxIds ?? null,
          trace: event.trace ?? null,
          created_at: at,
        };
      }),
    );
    await database.afterCommit(() => push({ topics: sorted.map(([topic]) => topic) }));
  });
}
