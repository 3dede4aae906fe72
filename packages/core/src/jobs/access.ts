import { type Actor, current, isAdmin } from "../actor/index.ts";
import { VisibleError } from "../error/index.ts";

/** One answer for what does not exist and what may not be seen. */
export const jobNotFound = () => new VisibleError("not_found", "job_not_found", "There is no such job.");

/** Whose jobs the actor sees: one user's, or everybody's (null). */
export function visibleOwner(actor: Actor = current()): string | null {
  return isAdmin(actor) || actor.kind === "system" ? null : actor.userId;
}
