/**
 * Which thread a message belongs to: by Message-ID, In-Reply-To and References (as Zawinski's algorithm links them,
 * https://www.jwz.org/doc/threading.html, steps 1 and 2) and Outlook's Thread-Index; never by the subject alone. Pure.
 *
 * Whoever knows a Message-ID can quote it, so a link counts only when the sender is known in the thread it leads to.
 */

/** What the header of an arriving message says. */
export interface Arrival {
  /** Message-ID, if it has one. */
  headerId: string | null;
  /** Oldest first. */
  references: readonly string[];
}

/** Who an identifier belongs to so far. */
export interface Owner {
  threadId: string;
  /** The message itself is there, not only one that refers to it. */
  arrived: boolean;
}

export interface Placement {
  /** The thread to join; undefined: a new one. */
  join: string | undefined;
  /** Threads that this message shows to be one with `join`. */
  merge: string[];
  /** Threads that it quotes without being known there. */
  suggest: string[];
}

/**
 * @param owner The thread of an identifier, if any.
 * @param isKnown Whether the sender takes part in a thread, or is one of our own people.
 */
export function decide(
  arrival: Arrival,
  owner: (headerId: string) => Owner | undefined,
  isKnown: (threadId: string) => boolean,
): Placement {
  // Nearest ancestor first, then the replies that came before it, or an earlier message of the same Message-ID.
  const linked = new Set<string>();
  for (const reference of arrival.references.toReversed()) {
    const found = owner(reference);
    if (found) linked.add(found.threadId);
  }
  const own = arrival.headerId === null ? undefined : owner(arrival.headerId);
  if (own) linked.add(own.threadId);

  const known = [...linked].filter(isKnown);
  const suggest = [...linked].filter((threadId) => !known.includes(threadId));
  if (known.length === 0) return { join: undefined, merge: [], suggest };
  // Identifiers sort by age: the oldest thread keeps its name, in whatever order its messages come.
  const [join, ...merge] = known.toSorted();
  return { join, merge, suggest };
}
