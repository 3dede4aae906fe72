/** The messages of a queue that may be received now, in the order in which they come out. */
import { Heap } from "./heap.ts";
import type { Message } from "./message.ts";

export interface Available {
  readonly size: number;
  add(message: Message): void;
  remove(message: Message): void;
  /**
   * Takes out up to `max` messages.
   * @param accept Says whether the message goes to the receiver; otherwise it has been disposed of.
   */
  take(max: number, accept: (message: Message) => boolean): Message[];
  /** A message is with a receiver. */
  hold(message: Message): void;
  /** It is no longer: deleted, given up, or its visibility timeout has ended. */
  release(message: Message): void;
  clear(): void;
}

const bySequence = (a: Message, b: Message) => a.sequence < b.sequence;
const placeMessage = (message: Message, at: number) => {
  message.slot = at;
};

/** Standard queues: the oldest first, as far as they can. */
export function createStandard(): Available {
  const ready = new Heap<Message>(bySequence, placeMessage);
  return {
    get size() {
      return ready.size;
    },
    add: (message) => ready.push(message),
    remove: (message) => ready.remove(message, message.slot),
    take(max, accept) {
      const taken: Message[] = [];
      while (taken.length < max) {
        const message = ready.pop();
        if (!message) break;
        if (accept(message)) taken.push(message);
      }
      return taken;
    },
    hold() {},
    release() {},
    clear: () => ready.clear(),
  };
}

interface Group {
  id: string;
  ready: Heap<Message>;
  inFlight: number;
  /** Place among the groups that may be received from; -1: none of its messages may. */
  slot: number;
}

/**
 * FIFO queues: each message group in its order, and nothing from a group while a receiver has messages of it.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
 */
export function createFifo(): Available {
  const groups = new Map<string, Group>();
  const open = new Heap<Group>(
    (a, b) => (a.ready.first?.sequence ?? 0) < (b.ready.first?.sequence ?? 0),
    (group, at) => {
      group.slot = at;
    },
  );
  let size = 0;

  function groupOf(message: Message): Group {
    const id = message.groupId ?? "";
    let group = groups.get(id);
    if (!group) {
      group = { id, ready: new Heap(bySequence, placeMessage), inFlight: 0, slot: -1 };
      groups.set(id, group);
    }
    return group;
  }
  /** A group's place depends on its first message: it is taken out before a change and put back after it. */
  function change(group: Group, how: () => void) {
    if (group.slot >= 0) open.remove(group, group.slot);
    how();
    if (group.inFlight === 0 && group.ready.size > 0) open.push(group);
    else if (group.inFlight === 0) groups.delete(group.id);
  }

  return {
    get size() {
      return size;
    },
    add(message) {
      const group = groupOf(message);
      change(group, () => group.ready.push(message));
      size += 1;
    },
    remove(message) {
      const group = groupOf(message);
      change(group, () => group.ready.remove(message, message.slot));
      size -= 1;
    },
    take(max, accept) {
      const taken: Message[] = [];
      const seen: Group[] = [];
      while (taken.length < max) {
        const group = open.pop();
        if (!group) break;
        seen.push(group);
        for (let message = group.ready.pop(); message; message = group.ready.pop()) {
          size -= 1;
          if (accept(message)) taken.push(message);
          if (taken.length === max) break;
        }
      }
      // What was taken is held by now.
      for (const group of seen) change(group, () => {});
      return taken;
    },
    hold(message) {
      const group = groupOf(message);
      // While `take` runs, the group is out of the heap and comes back at its end.
      if (group.slot >= 0) open.remove(group, group.slot);
      group.inFlight += 1;
    },
    release(message) {
      const group = groupOf(message);
      change(group, () => {
        group.inFlight -= 1;
      });
    },
    clear() {
      open.clear();
      groups.clear();
      size = 0;
    },
  };
}
