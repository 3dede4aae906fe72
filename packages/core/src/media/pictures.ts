/** The one way to the picture functions, whose library is loaded with the first picture. */
import type * as picture from "./picture/index.ts";

export type Pictures = Pick<typeof picture, "inspect" | "derive" | "placeholder">;

let provided: Pictures | undefined;

export async function pictures(): Promise<Pictures> {
  return provided ?? import("./picture/index.ts");
}

/** Others, for tests. The returned function restores the ones before. */
export function provide(others: Pictures): () => void {
  const before = provided;
  provided = others;
  return () => {
    provided = before;
  };
}
