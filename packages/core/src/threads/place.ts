/** Puts arriving messages into threads, inside the transaction that stores them. */
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import * as id from "../id/index.ts";
import { assign, type Incoming, keysOf } from "./assign.ts";
import type { Owner } from "./decide.ts";
import { findRoots, merge } from "./merge.ts";

export type { Incoming } from "./assign.ts";

export interface Placed {
  threadId: string;
  /** Threads that this message brought into `threadId`. */
  merged: string[];
}

export interface KeyLock {
  owners: Map<string, Owner>;
  /** What the rows say now, to write only what changes. */
  stored: Map<string, { threadId: string | null; arrived: boolean }>;
  /** A thread for each message that will turn out to begin one. */
  prospective: Map<string, string>;
}

/**
 * Locks every identifier that the messages name, whether it is known or not, and reads whom they belong to. Two
 * deliveries of one conversation meet here and go on one after the other. New identifiers are entered at once under
 * the thread that the message would begin: most do, and then the row is written once.
 */
export async function lockKeys({ query }: Handle, messages: readonly Incoming[]): Promise<KeyLock> {
  const prospective = new Map(messages.map(({ messageId }) => [messageId, id.create("thread")]));
  const wanted = new Map<string, { threadId: string | null; arrived: boolean }>();
  const own = new Set(messages.map(({ headerId }) => headerId));
  for (const message of messages) {
    const threadId = prospective.get(message.messageId) ?? null;
    for (const key of keysOf(message))
      if (!wanted.has(key)) wanted.set(key, { threadId, arrived: own.has(key) });
  }
  const lock: KeyLock = { owners: new Map(), stored: new Map(), prospective };
  if (wanted.size === 0) return lock;
  const sorted = [...wanted].sort(([a], [b]) => (a < b ? -1 : 1));
  await query(
    `insert into frontdesk.thread_keys (header_id, thread_id, arrived)
     select * from unnest($1::text[], $2::text[], $3::bool[]) as given (header_id, thread_id, arrived)
      order by header_id collate "C"
     on conflict (header_id) do nothing`,
    [
      sorted.map(([key]) => key),
      sorted.map(([, { threadId }]) => threadId),
      sorted.map(([, { arrived }]) => arrived),
    ],
  );
  const rows = await query<{ key: string; threadId: string | null; arrived: boolean }>(
    `select header_id as key, thread_id as "threadId", arrived from frontdesk.thread_keys
      where header_id = any($1) order by header_id collate "C" for no key update`,
    [sorted.map(([key]) => key)],
  );
  const ours = new Set(prospective.values());
  for (const { key, threadId, arrived } of rows) {
    lock.stored.set(key, { threadId, arrived });
    if (threadId !== null && !ours.has(threadId)) lock.owners.set(key, { threadId, arrived });
  }
  return lock;
}

/**
 * Decides and writes threads, identifiers, participants, merges and suggestions. Counts and mailboxes of the threads
 * are the caller's, which knows the messages.
 * @param messages In the order of their arrival; those that are stored already left out.
 */
export async function place(
  handle: Handle,
  messages: readonly Incoming[],
  lock: KeyLock,
  make: (message: Incoming) => { subject: string; receivedAt: Date },
  now: Date,
): Promise<Map<string, Placed>> {
  const { owners, stored, prospective } = lock;
  const involved = await lockRoots(handle, owners);
  const result = assign(messages, {
    owners,
    participants: await knownParticipants(handle, involved, messages),
    newThread: ({ messageId }) => prospective.get(messageId) ?? id.create("thread"),
  });

  await insertThreads(handle, [...result.begun], make, now);
  for (const { from, into } of result.merges) await merge(handle, from, into, now);
  await updateKeys(handle, stored, (key) => {
    const claimed = result.claimed.get(key);
    // Nobody claims what was entered for a message that turned out to be a copy.
    return claimed ?? (owners.has(key) ? undefined : { threadId: null, arrived: false });
  });
  await database.insertRows(
    handle,
    "thread_participants",
    [
      ["thread_id", "text"],
      ["participant", "text"],
    ],
    result.joined.map(({ threadId, participant }) => ({ thread_id: threadId, participant })),
    "on conflict do nothing",
  );
  await database.insertRows(
    handle,
    "thread_suggestions",
    [
      ["thread_id", "text"],
      ["into_thread_id", "text"],
      ["message_id", "text"],
      ["created_at", "timestamptz"],
    ],
    result.suggestions.map(({ threadId, intoThreadId, messageId }) => ({
      thread_id: threadId,
      into_thread_id: intoThreadId,
      message_id: messageId,
      created_at: now,
    })),
    "on conflict do nothing",
  );
  return result.placed;
}

/**
 * Locks the threads that the identifiers lead to, in one order for everybody, and points the identifiers at them. When
 * one was merged away while its lock was waited for, all locks are given back and the search begins anew: taking
 * one more on top would be out of order, and two who do so wait for each other.
 */
async function lockRoots(handle: Handle, owners: Map<string, Owner>): Promise<Set<string>> {
  const { query } = handle;
  for (;;) {
    const named = new Set([...owners.values()].map(({ threadId }) => threadId));
    if (named.size === 0) return named;
    const roots = await findRoots(handle, [...named]);
    await query("savepoint threads");
    const locked = await query<{ merged: boolean }>(
      `select merged_into is not null as merged from frontdesk.threads
        where id = any($1) order by id collate "C" for no key update`,
      [[...new Set(roots.values())]],
    );
    if (locked.some(({ merged }) => merged)) {
      await query("rollback to savepoint threads");
      continue;
    }
    await query("release savepoint threads");
    for (const [key, owner] of owners) {
      const threadId = roots.get(owner.threadId);
      if (threadId === undefined) owners.delete(key);
      else owners.set(key, { ...owner, threadId });
    }
    return new Set(roots.values());
  }
}

/** Of all who take part, those who may be asked about. */
async function knownParticipants(
  { query }: Handle,
  threadIds: ReadonlySet<string>,
  messages: readonly Incoming[],
): Promise<Map<string, Set<string>>> {
  const known = new Map<string, Set<string>>();
  if (threadIds.size === 0) return known;
  const asked = new Set(
    messages.flatMap(({ sender, listId, participants }) => [
      sender,
      ...(listId === undefined ? [] : [`list:${listId}`]),
      ...participants,
    ]),
  );
  const rows = await query<{ threadId: string; participant: string }>(
    `select thread_id as "threadId", participant from frontdesk.thread_participants
      where thread_id = any($1) and participant = any($2)`,
    [[...threadIds], [...asked]],
  );
  for (const { threadId, participant } of rows) {
    const members = known.get(threadId) ?? new Set();
    members.add(participant);
    known.set(threadId, members);
  }
  return known;
}

async function insertThreads(
  handle: Handle,
  threads: readonly [string, Incoming][],
  make: (message: Incoming) => { subject: string; receivedAt: Date },
  now: Date,
): Promise<void> {
  const rows = threads.map(([threadId, message]) => {
    const { subject, receivedAt } = make(message);
    return {
      id: threadId,
      subject,
      state: message.quarantined ? "quarantined" : "open",
      last_message_at: receivedAt,
      message_count: 0,
      created_at: now,
      updated_at: now,
    };
  });
  await database.insertRows(
    handle,
    "threads",
    [
      ["id", "text"],
      ["subject", "text"],
      ["state", "text"],
      ["last_message_at", "timestamptz"],
      ["message_count", "int4"],
      ["created_at", "timestamptz"],
      ["updated_at", "timestamptz"],
    ],
    rows,
  );
}

/** @param final What a row shall say; undefined: what it says. */
async function updateKeys(
  { query }: Handle,
  stored: KeyLock["stored"],
  final: (key: string) => { threadId: string | null; arrived: boolean } | undefined,
): Promise<void> {
  const changed = [...stored].flatMap(([key, row]) => {
    const wanted = final(key);
    const same = !wanted || (wanted.threadId === row.threadId && wanted.arrived === row.arrived);
    return same ? [] : [{ key, ...wanted }];
  });
  if (changed.length === 0) return;
  await query(
    `update frontdesk.thread_keys k set thread_id = g.thread_id, arrived = g.arrived
       from unnest($1::text[], $2::text[], $3::bool[]) as g (header_id, thread_id, arrived)
      where k.header_id = g.header_id`,
    [
      changed.map(({ key }) => key),
      changed.map(({ threadId }) => threadId),
      changed.map(({ arrived }) => arrived),
    ],
  );
}
