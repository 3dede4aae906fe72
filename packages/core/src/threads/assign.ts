/** A batch of messages into threads, one after the other, in memory. Pure: what is known is given, what changes is returned. */
import { decide, type Owner } from "./decide.ts";

export interface Incoming {
  messageId: string;
  headerId: string | null;
  /** Oldest first. */
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

export interface Known {
  /** Whom identifiers belong to; only threads that were not merged away. Changed in place. */
  owners: Map<string, Owner>;
  /** Who takes part in those threads, as far as it may be asked. Changed in place. */
  participants: Map<string, Set<string>>;
  /** The thread that a message begins when it joins none. */
  newThread: (message: Incoming) => string;
}

export interface Assignment {
  /** By message. `merged`: threads, known before, that this message brought into its own. */
  placed: Map<string, { threadId: string; merged: string[] }>;
  /** Threads to be made, with the message that each begins with. */
  begun: Map<string, Incoming>;
  /** Threads, known before, that go into another one. */
  merges: { from: string; into: string }[];
  /** Identifiers whose owner is new or has changed. */
  claimed: Map<string, Owner>;
  joined: { threadId: string; participant: string }[];
  suggestions: { threadId: string; intoThreadId: string; messageId: string }[];
}

/** The identifiers of a message that take part in threading. */
export function keysOf(message: Incoming): string[] {
  if (message.quarantined) return [];
  return message.headerId === null ? [...message.references] : [...message.references, message.headerId];
}

/** @param messages In the order of their arrival. */
export function assign(
  messages: readonly Incoming[],
  { owners, participants, newThread }: Known,
): Assignment {
  const alias = new Map<string, string>();
  const resolve = (threadId: string): string => {
    const into = alias.get(threadId);
    return into === undefined ? threadId : resolve(into);
  };
  const placed: Assignment["placed"] = new Map();
  const begun: Assignment["begun"] = new Map();
  const claimed = new Set<string>();
  const joined: Assignment["joined"] = [];
  const suggestions: Assignment["suggestions"] = [];
  const claim = (key: string, threadId: string, arrived: boolean) => {
    owners.set(key, { threadId, arrived });
    claimed.add(key);
  };
  const owner = (key: string): Owner | undefined => {
    const found = owners.get(key);
    return found && { ...found, threadId: resolve(found.threadId) };
  };

  for (const message of messages) {
    const list = message.listId === undefined ? [] : [`list:${message.listId}`];
    const isKnown = (threadId: string) => {
      const members = participants.get(threadId);
      return (
        message.authentic && (message.insider || [message.sender, ...list].some((name) => members?.has(name)))
      );
    };
    const decision = message.quarantined
      ? { join: undefined, merge: [], suggest: [] }
      : decide(message, owner, isKnown);
    const threadId = decision.join ?? newThread(message);
    if (decision.join === undefined) begun.set(threadId, message);

    const members = participants.get(threadId) ?? new Set();
    participants.set(threadId, members);
    for (const from of decision.merge) {
      alias.set(from, threadId);
      for (const member of participants.get(from) ?? []) members.add(member);
    }
    for (const participant of [...message.participants, ...list]) {
      if (!members.has(participant)) joined.push({ threadId, participant });
      members.add(participant);
    }
    for (const intoThreadId of decision.suggest)
      suggestions.push({ threadId, intoThreadId, messageId: message.messageId });

    for (const key of keysOf(message)) {
      const found = owners.get(key);
      // The message itself outweighs whoever only referred to it; a second message of the same name does not.
      if (key === message.headerId ? !found?.arrived : !found) claim(key, threadId, key === message.headerId);
    }
    placed.set(message.messageId, {
      threadId,
      // A thread that this very batch would have begun was never seen by anybody.
      merged: decision.merge.filter((from) => !begun.has(from)),
    });
  }

  return {
    placed: new Map(
      [...placed].map(([messageId, one]) => [messageId, { ...one, threadId: resolve(one.threadId) }]),
    ),
    begun: new Map([...begun].filter(([threadId]) => !alias.has(threadId))),
    merges: [...alias.keys()]
      .filter((from) => !begun.has(from))
      .map((from) => ({ from, into: resolve(from) })),
    claimed: new Map([...claimed].flatMap((key) => [[key, owner(key)] as const]).filter(isOwned)),
    joined: joined.map((row) => ({ ...row, threadId: resolve(row.threadId) })),
    suggestions: suggestions
      .map((row) => ({ ...row, threadId: resolve(row.threadId), intoThreadId: resolve(row.intoThreadId) }))
      .filter((row) => row.threadId !== row.intoThreadId),
  };
}

function isOwned(entry: readonly [string, Owner | undefined]): entry is readonly [string, Owner] {
  return entry[1] !== undefined;
}
