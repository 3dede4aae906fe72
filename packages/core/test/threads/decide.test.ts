import { describe, expect, test } from "vitest";
import { type Arrival, decide, type Owner } from "../../src/threads/decide.ts";

const everybody = () => true;
const nobody = () => false;
const owners = (entries: Record<string, Owner>) => (headerId: string) => entries[headerId];
const arrival = (headerId: string | null, ...references: string[]): Arrival => ({ headerId, references });

describe("decide", () => {
  test("a message that refers to nothing known begins a thread", () => {
    expect(decide(arrival("b", "a"), owners({}), everybody)).toEqual({
      join: undefined,
      merge: [],
      suggest: [],
    });
  });

  test("a reply joins the thread of what it answers", () => {
    const owner = owners({ a: { threadId: "thr_1", arrived: true } });
    expect(decide(arrival("b", "a"), owner, everybody)).toEqual({ join: "thr_1", merge: [], suggest: [] });
  });

  test("a message joins the replies that came before it", () => {
    const owner = owners({ a: { threadId: "thr_1", arrived: false } });
    expect(decide(arrival("a"), owner, everybody).join).toBe("thr_1");
  });

  test("a message that links two threads makes them one, under the name of the older", () => {
    const owner = owners({
      a: { threadId: "thr_2", arrived: true },
      c: { threadId: "thr_1", arrived: false },
    });
    expect(decide(arrival("c", "a"), owner, everybody)).toEqual({
      join: "thr_1",
      merge: ["thr_2"],
      suggest: [],
    });
  });

  test("a stranger who quotes a thread does not get into it: it is suggested", () => {
    const owner = owners({ a: { threadId: "thr_1", arrived: true } });
    expect(decide(arrival("b", "a"), owner, nobody)).toEqual({
      join: undefined,
      merge: [],
      suggest: ["thr_1"],
    });
  });

  test("who is known in one of two quoted threads joins that one, and merges nothing", () => {
    const owner = owners({
      a: { threadId: "thr_1", arrived: true },
      b: { threadId: "thr_2", arrived: true },
    });
    expect(decide(arrival("c", "a", "b"), owner, (threadId) => threadId === "thr_2")).toEqual({
      join: "thr_2",
      merge: [],
      suggest: ["thr_1"],
    });
  });

  test("another message of the same Message-ID is put beside the first one", () => {
    const owner = owners({ a: { threadId: "thr_1", arrived: true } });
    expect(decide(arrival("a"), owner, everybody).join).toBe("thr_1");
    expect(decide(arrival("a"), owner, nobody)).toEqual({ join: undefined, merge: [], suggest: ["thr_1"] });
  });
});
