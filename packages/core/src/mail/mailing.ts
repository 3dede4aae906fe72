/** Which mailboxes show a message, and what that makes of its thread in their lists. */
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import type { NewEvent } from "../realtime/index.ts";
import type { Placed } from "../threads/place.ts";
import { announce } from "./events.ts";
import type { RecipientSource } from "./routing.ts";
import type { Draft } from "./store.ts";

interface ThreadMailbox {
  thread_id: string;
  mailbox_id: string;
  state: string;
  last_message_at: Date;
  message_count: number;
}

/**
 * New messages counted into their threads, and into the mailboxes' views of them.
 * @param begun Threads that are made with their counts.
 */
export function counts(
  drafts: readonly Draft[],
  placed: ReadonlyMap<string, Placed>,
  begun: ReadonlySet<string>,
  at: Date,
): database.Statement[] {
  const threads = new Map<string, { count: number; last: Date; open: boolean }>();
  const rows: ThreadMailbox[] = [];
  for (const { raw, mailboxIds, quarantined } of drafts) {
    const threadId = placed.get(raw.messageId)?.threadId;
    if (threadId === undefined) continue;
    const before = threads.get(threadId);
    threads.set(threadId, {
      count: (before?.count ?? 0) + 1,
      last: before && before.last > raw.receivedAt ? before.last : raw.receivedAt,
      open: before?.open === true || !quarantined,
    });
    for (const mailboxId of mailboxIds)
      rows.push({
        thread_id: threadId,
        mailbox_id: mailboxId,
        state: quarantined ? "quarantined" : "open",
        last_message_at: raw.receivedAt,
        message_count: 1,
      });
  }
  const sorted = [...threads].filter(([id]) => !begun.has(id)).sort(([a], [b]) => (a < b ? -1 : 1));
  const known = {
    text: `update frontdesk.threads t
        set message_count = t.message_count + g.count, updated_at = $5,
            last_message_at = greatest(t.last_message_at, g.last),
            state = case when g.open then 'open' else t.state end
       from unnest($1::text[], $2::int4[], $3::timestamptz[], $4::bool[]) as g (id, count, last, open)
      where t.id = g.id`,
    values: [
      sorted.map(([id]) => id),
      sorted.map(([, { count }]) => count),
      sorted.map(([, { last }]) => last),
      sorted.map(([, { open }]) => open),
      at,
    ],
  };
  return [...(sorted.length > 0 ? [known] : []), ...threadMailboxes(rows)];
}

/** Rows of one thread and mailbox are added up first: a statement may touch each row once. */
function threadMailboxes(rows: readonly ThreadMailbox[]): database.Statement[] {
  const merged = new Map<string, ThreadMailbox>();
  for (const row of rows) {
    const name = `${row.thread_id} ${row.mailbox_id}`;
    const before = merged.get(name);
    merged.set(
      name,
      before
        ? {
            ...before,
            last_message_at:
              before.last_message_at > row.last_message_at ? before.last_message_at : row.last_message_at,
            message_count: before.message_count + row.message_count,
          }
        : row,
    );
  }
  return database.insertion(
    "thread_mailboxes as m",
    [
      ["thread_id", "text"],
      ["mailbox_id", "text"],
      ["state", "text"],
      ["last_message_at", "timestamptz"],
      ["message_count", "int4"],
    ],
    [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row),
    `on conflict (thread_id, mailbox_id) do update set
       state = case when excluded.state = 'open' then 'open' else m.state end,
       last_message_at = greatest(m.last_message_at, excluded.last_message_at),
       message_count = m.message_count + excluded.message_count`,
  );
}

/** A stored message that further mailboxes are to show. */
export interface Addition {
  messageId: string;
  mailboxIds: readonly string[];
  source: RecipientSource;
  trace: string;
}

interface StoredMessage {
  id: string;
  threadId: string;
  state: "delivered" | "quarantined";
  threadState: string;
  subject: string;
  fromAddress: string;
  fromName: string;
  receivedAt: Date;
}

/**
 * Shows stored messages in further mailboxes.
 * @returns The events of those mailboxes that did not have the message; the others know it already.
 */
export async function addToMailboxes(
  handle: Handle,
  additions: readonly Addition[],
  at: Date,
): Promise<NewEvent[]> {
  const wanted = additions.flatMap(({ messageId, mailboxIds, source }) =>
    mailboxIds.map((mailboxId) => ({ message_id: messageId, mailbox_id: mailboxId, source, created_at: at })),
  );
  if (wanted.length === 0) return [];
  const added = await database.insertRows<
    (typeof wanted)[number],
    { message_id: string; mailbox_id: string }
  >(
    handle,
    "message_mailboxes",
    [
      ["message_id", "text"],
      ["mailbox_id", "text"],
      ["source", "text"],
      ["created_at", "timestamptz"],
    ],
    wanted,
    "on conflict do nothing returning message_id, mailbox_id",
  );
  if (added.length === 0) return [];
  const byMessage = Map.groupBy(added, (row) => row.message_id);
  const messages = await lockMessages(handle, [...byMessage.keys()]);
  await handle.query(
    "update frontdesk.messages set flags = array_remove(flags, 'unrouted') where id = any($1) and 'unrouted' = any(flags)",
    [[...byMessage.keys()]],
  );
  const rows: ThreadMailbox[] = [];
  const events: NewEvent[] = [];
  for (const message of messages) {
    const mailboxIds = (byMessage.get(message.id) ?? []).map((row) => row.mailbox_id).sort();
    for (const mailboxId of mailboxIds)
      rows.push({
        thread_id: message.threadId,
        mailbox_id: mailboxId,
        state: message.threadState,
        last_message_at: message.receivedAt,
        message_count: 1,
      });
    events.push(
      ...announce({
        type: message.state === "quarantined" ? "mail.quarantined" : "mail.received",
        messageId: message.id,
        threadId: message.threadId,
        mailboxIds,
        subject: message.subject,
        from: { address: message.fromAddress, name: message.fromName },
        receivedAt: message.receivedAt,
        state: message.state,
        trace: additions.find(({ messageId }) => messageId === message.id)?.trace ?? "",
        mergedThreadIds: [],
        topics: mailboxIds.map((mailboxId) => `mailbox:${mailboxId}`),
      }),
    );
  }
  await database.together(handle, threadMailboxes(rows));
  return events;
}

/** Locks the messages' threads, so that a merge does not carry them away meanwhile, and reads where they are. */
async function lockMessages({ query }: Handle, ids: readonly string[]): Promise<StoredMessage[]> {
  await query(
    `select 1 from frontdesk.threads where id in (select thread_id from frontdesk.messages where id = any($1))
      order by id for no key update`,
    [ids],
  );
  return query<StoredMessage>(
    `select m.id, m.thread_id as "threadId", m.state, t.state as "threadState", m.subject,
            m.from_address as "fromAddress", m.from_name as "fromName", m.received_at as "receivedAt"
       from frontdesk.messages m join frontdesk.threads t on t.id = m.thread_id
      where m.id = any($1) order by m.id`,
    [ids],
  );
}
