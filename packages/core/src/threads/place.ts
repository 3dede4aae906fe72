/** Puts arriving messages into threads, inside the transaction that stores them. */
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import * as id from "../id/index.ts";
import { decide, type Owner } from "./decide.ts";
import { findRoots, merge } from "./merge.ts";

export interface Incoming {
  messageId: string;
  headerId: string | null;
  references: readonly string[];
  /** Address of From, in lower case. */
  sender: string;
  /** From, To and Cc without our own mailboxes. */
  participants: readonly string[];
  listId: string | undefined;
  /** Whether From may vouch for anything. */
  authentic: boolean;
  /** Of the Workspace domain. */
  insider: boolean;
  /** Kept apart: it neither joins a thread nor lays claim to an identifier. */
  quarantined: boolean;
}

export interface Placed {
  threadId: string;
  /** The thread is made by this message. */
  isNew: boolean;
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

const keysOf = (message: Incoming) =>
  message.quarantined
    ? []
    : [...message.references, ...(message.headerId === null ? [] : [message.headerId])];

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
  const touched = new Set<string>();
  const own = (key: string, threadId: string, arrived: boolean) => {
    owners.set(key, { threadId, arrived });
    touched.add(key);
  };
  const participants = await knownParticipants(handle, involved, messages);

  const alias = new Map<string, string>();
  const resolve = (threadId: string): string => {
    const into = alias.get(threadId);
    return into === undefined ? threadId : resolve(into);
  };
  const placed = new Map<string, Placed>();
  const added: { thread_id: string; participant: string }[] = [];
  const suggestions: { thread_id: string; into_thread_id: string; message_id: string; created_at: Date }[] =
    [];
  const begun = new Map<string, Incoming>();

  for (const message of messages) {
    const { sender, authentic, insider, listId } = message;
    const list = listId === undefined ? undefined : `list:${listId}`;
    const isKnown = (threadId: string) => {
      const members = participants.get(threadId);
      return (
        authentic &&
        (insider || members?.has(sender) === true || (list !== undefined && members?.has(list) === true))
      );
    };
    const owner = (key: string): Owner | undefined => {
      const found = owners.get(key);
      return found && { ...found, threadId: resolve(found.threadId) };
    };
    const decision = message.quarantined
      ? { join: undefined, merge: [], suggest: [] }
      : decide(message, owner, isKnown);
    const threadId = decision.join ?? prospective.get(message.messageId) ?? id.create("thread");
    if (decision.join === undefined) begun.set(threadId, message);

    const members = participants.get(threadId) ?? new Set();
    participants.set(threadId, members);
    for (const from of decision.merge) {
      alias.set(from, threadId);
      for (const member of participants.get(from) ?? []) members.add(member);
    }
    for (const participant of list === undefined ? message.participants : [...message.participants, list]) {
      if (!members.has(participant)) added.push({ thread_id: threadId, participant });
      members.add(participant);
    }
    for (const into of decision.suggest)
      suggestions.push({
        thread_id: threadId,
        into_thread_id: into,
        message_id: message.messageId,
        created_at: now,
      });

    for (const key of keysOf(message)) {
      const found = owners.get(key);
      if (key !== message.headerId) {
        if (!found) own(key, threadId, false);
        continue;
      }
      // The message itself outweighs whoever only referred to it; a second message of the same name does not.
      if (!found?.arrived) own(key, threadId, true);
    }
    placed.set(message.messageId, {
      threadId,
      isNew: decision.join === undefined,
      // A thread that this very batch would have begun was never seen by anybody.
      merged: decision.merge.filter((from) => !begun.has(from)),
    });
  }

  const kept = [...begun].filter(([threadId]) => !alias.has(threadId));
  await insertThreads(handle, kept, make, now);
  for (const [from, into] of alias) if (!begun.has(from)) await merge(handle, from, resolve(into), now);
  await updateKeys(handle, stored, (key) => {
    const owner = owners.get(key);
    if (!owner) return { threadId: null, arrived: false };
    return touched.has(key) ? { threadId: resolve(owner.threadId), arrived: owner.arrived } : undefined;
  });
  await insertParticipants(
    handle,
    added.map((row) => ({ ...row, thread_id: resolve(row.thread_id) })),
  );
  await insertSuggestions(
    handle,
    suggestions.map((row) => ({
      ...row,
      thread_id: resolve(row.thread_id),
      into_thread_id: resolve(row.into_thread_id),
    })),
  );
  for (const [messageId, { threadId, merged, isNew }] of placed) {
    const final = resolve(threadId);
    placed.set(messageId, {
      threadId: final,
      merged,
      isNew: isNew && begun.get(final)?.messageId === messageId,
    });
  }
  return placed;
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

async function insertParticipants(
  handle: Handle,
  rows: readonly { thread_id: string; participant: string }[],
): Promise<void> {
  await database.insertRows(
    handle,
    "thread_participants",
    [
      ["thread_id", "text"],
      ["participant", "text"],
    ],
    rows,
    "on conflict do nothing",
  );
}

async function insertSuggestions(
  handle: Handle,
  rows: readonly { thread_id: string; into_thread_id: string; message_id: string; created_at: Date }[],
): Promise<void> {
  await database.insertRows(
    handle,
    "thread_suggestions",
    [
      ["thread_id", "text"],
      ["into_thread_id", "text"],
      ["message_id", "text"],
      ["created_at", "timestamptz"],
    ],
    rows.filter((row) => row.thread_id !== row.into_thread_id),
    "on conflict do nothing",
  );
}
