/** Threads as somebody sees them. */
import * as z from "zod";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import { Reference } from "../id/index.ts";
import { asParameter, sees, visibility } from "../identity/index.ts";
import { type MessageSummary, summaries } from "../messages/index.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { findRoots } from "./merge.ts";

export { type Assignment, assign, type Incoming, type Known } from "./assign.ts";
export { type Arrival, decide, type Owner, type Placement } from "./decide.ts";

export const threadStates = ["open", "quarantined"] as const;

export interface ThreadSummary {
  id: string;
  subject: string;
  state: (typeof threadStates)[number];
  /** Of the visible messages. */
  lastMessageAt: Date;
  messageCount: number;
}

export interface Thread extends ThreadSummary {
  mailboxIds: string[];
  /** Oldest first. */
  messages: MessageSummary[];
  /** Threads that may belong to this one; only those that the actor sees. */
  suggestions: { threadId: string; subject: string; messageId: string }[];
}

export const ListThreads = z.object({
  mailbox: Reference.optional(),
  state: z.enum(threadStates).default("open"),
  /** From the page before. */
  cursor: z.string().max(500).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});

/**
 * A page of threads, last message first: of one mailbox, or of all that the actor sees (for administrators: of all
 * there are, unrouted mail included).
 * @throws VisibleError `not_found` for a mailbox that the actor does not see; `validation` for a cursor not of ours.
 */
export const list = fn(
  ListThreads,
  async ({ mailbox, state, cursor, limit }): Promise<{ threads: ThreadSummary[]; cursor: string | null }> => {
    const visible = await visibility();
    if (mailbox !== undefined && !sees(visible, mailbox)) throw mailboxNotFound();
    const scope = `${state} ${mailbox ?? "*"}`;
    const from = cursor === undefined ? undefined : decodeCursor(cursor, scope);
    const mailboxIds = mailbox === undefined ? asParameter(visible) : [mailbox];
    const rows = await database.use(async ({ query }) => {
      if (mailbox !== undefined) {
        const [known] = await query("select 1 from frontdesk.mailboxes where id = $1", [mailbox]);
        if (!known) throw mailboxNotFound();
      }
      const before = [from?.at ?? null, from?.id ?? null];
      return mailboxIds === null
        ? query<ThreadSummary>(listAll, [state, ...before, limit + 1])
        : query<ThreadSummary>(listByMailbox, [state, ...before, limit + 1, mailboxIds]);
    });
    const threads = rows.slice(0, limit);
    const last = threads.at(-1);
    return {
      threads,
      cursor:
        rows.length > limit && last ? encodeCursor({ at: last.lastMessageAt, id: last.id }, scope) : null,
    };
  },
);

const mailboxNotFound = () => new VisibleError("not_found", "mailbox_not_found", "There is no such mailbox.");

/** One page straight from the index `threads_recent`. */
export const listAll = `
  select id, subject, state, last_message_at as "lastMessageAt", message_count as "messageCount"
    from frontdesk.threads
   where merged_into is null and state = $1
     and ($2::timestamptz is null or (last_message_at, id) < ($2::timestamptz, $3::text))
   order by last_message_at desc, id desc limit $4`;

/**
 * A page of each mailbox from the index `thread_mailboxes_recent`, merged. A thread stands in several of them: it counts
 * where its last visible message is, so that no page repeats it. Its subject is that of the first visible message.
 */
export const listByMailbox = `
  select page.*, seen.subject, seen.count as "messageCount"
    from (
      select t.thread_id as id, t.state, t.last_message_at as "lastMessageAt"
        from unnest($5::text[]) as mailbox (id)
       cross join lateral (
         select tm.* from frontdesk.thread_mailboxes tm
          where tm.mailbox_id = mailbox.id and tm.state = $1
            and ($2::timestamptz is null or (tm.last_message_at, tm.thread_id) < ($2::timestamptz, $3::text))
            and not exists (
              select 1 from frontdesk.thread_mailboxes other
               where other.thread_id = tm.thread_id and other.mailbox_id = any($5) and other.state = $1
                 and (other.last_message_at, other.mailbox_id) > (tm.last_message_at, tm.mailbox_id))
          order by tm.last_message_at desc, tm.thread_id desc limit $4) t
       order by t.last_message_at desc, t.thread_id desc limit $4) page
   cross join lateral (
     select count(*), (array_agg(m.subject order by m.received_at, m.id))[1] as subject
       from frontdesk.messages m
      where m.thread_id = page.id and exists (
        select 1 from frontdesk.message_mailboxes mm where mm.message_id = m.id and mm.mailbox_id = any($5))) seen
   order by page."lastMessageAt" desc, page.id desc`;

const threadNotFound = () => new VisibleError("not_found", "thread_not_found", "There is no such thread.");

/**
 * A thread with its visible messages. A thread that went into another one leads there.
 * @throws VisibleError `not_found` also for a thread of which the actor sees nothing.
 */
export const get = fn(z.object({ threadId: Reference }), async ({ threadId }): Promise<Thread> => {
  const mailboxIds = asParameter(await visibility());
  return database.use(async (handle) => {
    const root = (await findRoots(handle, [threadId])).get(threadId) ?? threadId;
    const [thread] = await handle.query<{ id: string; state: ThreadSummary["state"] }>(
      "select id, state from frontdesk.threads where id = $1",
      [root],
    );
    if (!thread) throw threadNotFound();
    const messages = await summaries(handle, thread.id, mailboxIds);
    const [first] = messages;
    const last = messages.at(-1);
    if (!first || !last) throw threadNotFound();
    const suggestions = await handle.query<Thread["suggestions"][number]>(
      `select other.id as "threadId", first.subject, s.message_id as "messageId"
         from frontdesk.thread_suggestions s
        cross join lateral (
          select case when s.thread_id = $1 then s.into_thread_id else s.thread_id end as id) other
        cross join lateral (
          select m.subject from frontdesk.messages m
           where m.thread_id = other.id and ($2::text[] is null or exists (
             select 1 from frontdesk.message_mailboxes mm where mm.message_id = m.id and mm.mailbox_id = any($2)))
           order by m.received_at, m.id limit 1) first
        where $1 in (s.thread_id, s.into_thread_id)
        order by s.created_at limit 50`,
      [thread.id, mailboxIds],
    );
    return {
      ...thread,
      subject: first.subject,
      lastMessageAt: last.receivedAt,
      messageCount: messages.length,
      mailboxIds: [...new Set(messages.flatMap((message) => message.mailboxIds))].sort(),
      messages,
      suggestions,
    };
  });
});
