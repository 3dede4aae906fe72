import type { Handle } from "../database/index.ts";

/**
 * Brings one thread's messages into another. The emptied thread stays and says where they are; identifiers that point
 * to it are left as they are, since others may hold their locks (`findRoots` follows). The caller holds the locks of
 * both threads, and numbers the events.
 */
export async function merge({ query }: Handle, from: string, into: string, now: Date): Promise<void> {
  await query("update frontdesk.messages set thread_id = $2 where thread_id = $1", [from, into]);
  await query(
    `insert into frontdesk.thread_participants (thread_id, participant)
     select $2, participant from frontdesk.thread_participants where thread_id = $1 on conflict do nothing`,
    [from, into],
  );
  await query(
    `insert into frontdesk.thread_mailboxes as m (thread_id, mailbox_id, state, last_message_at, message_count)
     select $2, mailbox_id, state, last_message_at, message_count
       from frontdesk.thread_mailboxes where thread_id = $1
     on conflict (thread_id, mailbox_id) do update set
       last_message_at = greatest(m.last_message_at, excluded.last_message_at),
       message_count = m.message_count + excluded.message_count`,
    [from, into],
  );
  await query(
    `insert into frontdesk.thread_suggestions (thread_id, into_thread_id, message_id, created_at)
     select case when thread_id = $1 then $2 else thread_id end,
            case when into_thread_id = $1 then $2 else into_thread_id end, message_id, created_at
       from frontdesk.thread_suggestions
      where $1 in (thread_id, into_thread_id) and $2 not in (thread_id, into_thread_id)
     on conflict do nothing`,
    [from, into],
  );
  await query("delete from frontdesk.thread_suggestions where $1 in (thread_id, into_thread_id)", [from]);
  await query("delete from frontdesk.thread_participants where thread_id = $1", [from]);
  await query("delete from frontdesk.thread_mailboxes where thread_id = $1", [from]);
  await query(
    `update frontdesk.threads t
        set message_count = t.message_count + f.message_count, updated_at = $3,
            last_message_at = greatest(t.last_message_at, f.last_message_at)
       from frontdesk.threads f where t.id = $2 and f.id = $1`,
    [from, into, now],
  );
  await query(
    "update frontdesk.threads set merged_into = $2, message_count = 0, updated_at = $3 where id = $1",
    [from, into, now],
  );
}

/** Where each thread's messages are now, by its identifier. */
export async function findRoots(
  { query }: Handle,
  threadIds: readonly string[],
): Promise<Map<string, string>> {
  if (threadIds.length === 0) return new Map();
  const rows = await query<{ start: string; id: string }>(
    `with recursive up (start, id, merged_into) as (
       select id, id, merged_into from frontdesk.threads where id = any($1)
       union all
       select up.start, t.id, t.merged_into from up join frontdesk.threads t on t.id = up.merged_into)
     select start, id from up where merged_into is null`,
    [threadIds],
  );
  return new Map(rows.map(({ start, id }) => [start, id]));
}
