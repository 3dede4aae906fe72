import { AsyncLocalStorage } from "node:async_hooks";
import { VisibleError } from "../error/index.ts";

/** Groups of the user pool. The first a user has in this order is what counts. */
export const roles = ["admin", "recruiter", "viewer"] as const;
export type Role = (typeof roles)[number];

export type Actor =
  /** A queue consumer, a sweep, the migrator: sees everything. */
  { kind: "system"; name: string } | { kind: "user"; userId: string; email: string; roles: Role[] };

export interface Context {
  actor: Actor;
  /** Identifier of the request or invocation, for logs and error bodies. */
  requestId?: string | undefined;
  /** W3C trace id, 32 hexadecimal digits. */
  trace?: string | undefined;
}

const storage = new AsyncLocalStorage<Context>();

/** Runs `callback` on behalf of somebody. */
export function provide<T>(context: Context, callback: () => T): T {
  return storage.run(context, callback);
}

/** Runs `callback` with another trace; the actor stays. */
export function withTrace<T>(trace: string, callback: () => T): T {
  const context = storage.getStore();
  return storage.run({ ...(context ?? { actor: { kind: "system", name: "core" } }), trace }, callback);
}

/** The context, or undefined outside of any. */
export function context(): Context | undefined {
  return storage.getStore();
}

/** Who acts. @throws VisibleError `unauthenticated` when nobody was provided: forgetting fails closed. */
export function current(): Actor {
  const store = storage.getStore();
  if (!store) throw new VisibleError("unauthenticated", "no_actor", "Sign in first.");
  return store.actor;
}

/** The user who acts. @throws VisibleError `unauthenticated` for anything else. */
export function user(): Extract<Actor, { kind: "user" }> {
  const actor = current();
  if (actor.kind !== "user") throw new VisibleError("unauthenticated", "no_user", "Sign in first.");
  return actor;
}

export function isAdmin(actor: Actor): boolean {
  return actor.kind === "system" || actor.roles.includes("admin");
}
