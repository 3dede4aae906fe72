import { describe, expect, test } from "vitest";
import { graphOf, stages } from "../support/graphs.ts";
import { expectedMatrix, matrixOf } from "./matrix.ts";

describe.each(stages)("stage %s", (stage) => {
  test("who may do what is this and nothing else: every role's policies and trust, every resource's policy", async () => {
    const matrix = matrixOf(await graphOf(stage));
    const expected = expectedMatrix(stage);
    expect(Object.keys(matrix).toSorted()).toEqual(Object.keys(expected).toSorted());
    for (const [holder, sentences] of Object.entries(matrix))
      expect(sentences, holder).toEqual(expected[holder]?.toSorted());
  });
});
