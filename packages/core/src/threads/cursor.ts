import * as z from "zod";
import { VisibleError } from "../error/index.ts";
import { Reference } from "../id/index.ts";

/** Where a page ends: the place of its last row in the order. */
export interface Cursor {
  at: Date;
  id: string;
}

const shape = z.tuple([z.iso.datetime(), Reference, z.string().max(200)]);

/** Opaque to clients, and bound to its list: the filter is checked again with every page, so nothing is gained by forging one. */
export function encodeCursor({ at, id }: Cursor, scope: string): string {
  return Buffer.from(JSON.stringify([at.toISOString(), id, scope])).toString("base64url");
}

/** @throws VisibleError `validation` for one that is not ours, or of another list. */
export function decodeCursor(text: string, scope: string): Cursor {
  try {
    const [at, id, of] = shape.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
    if (of === scope) return { at: new Date(at), id };
  } catch {
    // Told below, the same way.
  }
  throw new VisibleError(
    "validation",
    "invalid_cursor",
    "The cursor is not of this list: take it from the page before, with the same mailbox and state.",
  );
}
