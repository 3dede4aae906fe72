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
  stored: Map<string, KeyRow>;
  /** A thread for each message that may turn out to begin one. */
  prospective: Map<string, string>;
}

interface KeyRow {
  threadId: string | null;
  arrived: boolean;
}

/**
 * Locks every identifier that the messages name, whether it is known or not, and reads whom they belong to. Two
 * deliveries of one conversation meet here and go on one after the other. New identifiers are entered at once under
 * the thread that they will most likely belong to, so that most rows are written once.
 */
export async function lockKeys({ query }: Handle, messages: readonly Incoming[]): Promise<KeyLock> {
  const keys = [...new Set(messages.flatMap(keysOf))].sort();
  const lock: KeyLock = { owners: new Map(), stored: new Map(), prospective: new Map() };
  const before =
    keys.length === 0
      ? []
      : await query<{ key: string; threadId: string | null }>(
          `select header_id as key, thread_id as "threadId" from frontdesk.thread_keys where header_id = any($1)`,
          [keys],
        );
  const guesses = guess(messages, new Map(before.map((row) => [row.key, row.threadId])));
  lock.prospective = guesses.prospective;
  if (keys.length === 0) return lock;

  const known = new Set(before.map(({ key }) => key));
  const own = new Set(messages.map(({ headerId }) => headerId));
  const take = (rows: readonly TakenKey[]) => {
    for (const { key, threadId, arrived, entered } of rows) {
      lock.stored.set(key, { threadId, arrived });
      // What was entered here is a guess, and nobody's yet.
      if (!entered && threadId !== null) lock.owners.set(key, { threadId, arrived });
    }
  };
  const missing = keys.filter((key) => !known.has(key));
  take(
    await query<TakenKey>(enterAndLock, [
      missing,
      missing.map((key) => guesses.byKey.get(key) ?? null),
      missing.map((key) => own.has(key)),
      keys.filter((key) => known.has(key)),
    ]),
  );
  // Entered by somebody else since they were looked for, who has committed by now.
  const others = keys.filter((key) => !lock.stored.has(key));
  if (others.length > 0) take(await query<TakenKey>(enterAndLock, [[], [], [], others]));
  return lock;
}

interface TakenKey extends KeyRow {
  key: string;
  entered: boolean;
}

/** New identifiers are locked by being inserted, known ones after them; each in the order of their bytes. */
const enterAndLock = `
  with entered as (
    insert into frontdesk.thread_keys (header_id, thread_id, arrived)
    select * from unnest($1::text[], $2::text[], $3::bool[]) as given (header_id, thread_id, arrived)
     order by header_id collate "C"
    on conflict (header_id) do nothing returning header_id, thread_id, arrived),
  held as (
    select header_id, thread_id, arrived from frontdesk.thread_keys
     where header_id = any($4) order by header_id collate "C" for no key update)
  select header_id as key, thread_id as "threadId", arrived, true as entered from entered
  union all
  select header_id, thread_id, arrived, false from held`;

/**
 * The thread that each identifier will belong to, if nothing speaks against it: messages that name an identifier in
 * common share one, which is there already or which the first of them begins.
 */
function guess(messages: readonly Incoming[], known: ReadonlyMap<string, string | null>) {
  const parent = new Map<string, string>();
  const root = (key: string): string => {
    let at = key;
    for (let up = parent.get(at); up !== undefined && up !== at; up = parent.get(at)) at = up;
    parent.set(key, at);
    return at;
  };
  for (const message of messages) {
    const [first, ...others] = keysOf(message);
    if (first === undefined) continue;
    parent.set(root(first), root(first));
    for (const key of others) parent.set(root(key), root(first));
  }
  const threads = new Map<string, string>();
  for (const [key, threadId] of known)
    if (threadId !== null && parent.has(key)) {
      const before = threads.get(root(key));
      if (before === undefined || threadId < before) threads.set(root(key), threadId);
    }
  const prospective = new Map<string, string>();
  for (const message of messages) {
    const [first] = keysOf(message);
    const threadId = id.create("thread");
    prospective.set(message.messageId, threadId);
    if (first !== undefined && !threads.has(root(first))) threads.set(root(first), threadId);
  }
  const byKey = new Map([...parent.keys()].map((key) => [key, threads.get(root(key))]));
  return { prospective, byKey };
}

/** What is known of a thread when it is made. */
export interface Beginning {
  subject: string;
  lastMessageAt: Date;
  messageCount: number;
}

/**
 * Decides; merges threads, and says what else is to be written: threads, identifiers, participants and suggestions.
 * Counts of threads that are there, and the mailboxes' views of all, are the caller's, which knows the messages.
 * @param messages In the order of their arrival; those that are stored already left out.
 * @param describe What the thread that begins with the first message, and has all of them, is to say.
 */
export async function place(
  handle: Handle,
  messages: readonly Incoming[],
  lock: KeyLock,
  describe: (first: Incoming, messageIds: readonly string[]) => Beginning,
  now: Date,
): Promise<{ placed: Map<string, Placed>; begun: Set<string>; writes: database.Statement[] }> {
  const { owners, stored, prospective } = lock;
  const involved = await lockRoots(handle, owners);
  const result = assign(messages, {
    owners,
    participants: await knownParticipants(handle, involved, messages),
    newThread: ({ messageId }) => prospective.get(messageId) ?? id.create("thread"),
  });

  const messageIds = Map.groupBy(result.placed.keys(), (messageId) => result.placed.get(messageId)?.threadId);
  const threads = threadInsertion(
    [...result.begun].map(([threadId, first]) => ({
      threadId,
      quarantined: first.quarantined,
      ...describe(first, messageIds.get(threadId) ?? []),
    })),
    now,
  );
  // A merge may lead into a thread that begins here.
  const merging = result.merges.length > 0;
  if (merging) await database.together(handle, threads);
  for (const { from, into } of result.merges) await merge(handle, from, into, now);

  const keys = keyUpdate(stored, (key) => {
    const claimed = result.claimed.get(key);
    // Nobody claims what was entered for a message that turned out to be a copy.
    return claimed ?? (owners.has(key) ? undefined : { threadId: null, arrived: false });
  });
  const participants = database.insertion(
    "thread_participants",
    [
      ["thread_id", "text"],
      ["participant", "text"],
    ],
    result.joined.map(({ threadId, participant }) => ({ thread_id: threadId, participant })),
    "on conflict do nothing",
  );
  const suggestions = database.insertion(
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
  return {
    placed: result.placed,
    begun: new Set(result.begun.keys()),
    writes: [...(merging ? [] : threads), ...keys, ...participants, ...suggestions],
  };
}

/**
 * Locks the threads that the identifiers lead to, in one order for everybody, and points the identifiers at them. When
 * one was merged away while its lock was waited for, the transaction begins anew: taking one more lock on top would be
 * out of order, and two who do so wait for each other.
 */
async function lockRoots(handle: Handle, owners: Map<string, Owner>): Promise<Set<string>> {
  const named = new Set([...owners.values()].map(({ threadId }) => threadId));
  if (named.size === 0) return named;
  const roots = await findRoots(handle, [...named]);
  const locked = await handle.query<{ merged: boolean }>(
    `select merged_into is not null as merged from frontdesk.threads
      where id = any($1) order by id collate "C" for no key update`,
    [[...new Set(roots.values())]],
  );
  if (locked.some(({ merged }) => merged)) throw new database.Overtaken("a thread was merged meanwhile");
  for (const [key, owner] of owners) {
    const threadId = roots.get(owner.threadId);
    if (threadId === undefined) owners.delete(key);
    else owners.set(key, { ...owner, threadId });
  }
  return new Set(roots.values());
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

function threadInsertion(
  threads: readonly ({ threadId: string; quarantined: boolean } & Beginning)[],
  now: Date,
): database.Statement[] {
  return database.insertion(
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
    threads.map(({ threadId, quarantined, subject, lastMessageAt, messageCount }) => ({
      id: threadId,
      subject,
      state: quarantined ? "quarantined" : "open",
      last_message_at: lastMessageAt,
      message_count: messageCount,
      created_at: now,
      updated_at: now,
    })),
  );
}

/** @param final What a row shall say; undefined: what it says. */
function keyUpdate(
  stored: KeyLock["stored"],
  final: (key: string) => { threadId: string | null; arrived: boolean } | undefined,
): database.Statement[] {
  const changed = [...stored].flatMap(([key, row]) => {
    const wanted = final(key);
    const same = !wanted || (wanted.threadId === row.threadId && wanted.arrived === row.arrived);
    return same ? [] : [{ key, ...wanted }];
  });
  if (changed.length === 0) return [];
  return [
    {
      text: `update frontdesk.thread_keys k set thread_id = g.thread_id, arrived = g.arrived
       from unnest($1::text[], $2::text[], $3::bool[]) as g (header_id, thread_id, arrived)
      where k.header_id = g.header_id`,
      values: [
        changed.map(({ key }) => key),
        changed.map(({ threadId }) => threadId),
        changed.map(({ arrived }) => arrived),
      ],
    },
  ];
}
