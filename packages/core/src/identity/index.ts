/** Who somebody is, and which mailboxes they see. Every query that shows mail takes its filter from here. */
import * as z from "zod";
import { type Actor, current, isAdmin, type Role, roles } from "../actor/index.ts";
import * as cache from "../cache/index.ts";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import * as id from "../id/index.ts";

/** Claims of a checked token of the user pool. */
export const Claims = z.object({
  sub: z.string().min(1).max(255),
  email: z.email().max(320).toLowerCase(),
  "cognito:groups": z.array(z.string()).default([]),
});

/** What a user's groups allow. Unknown groups mean nothing; a user without a role gets in nowhere. */
export function rolesOf(groups: readonly string[]): Role[] {
  return roles.filter((role) => groups.includes(role));
}

/** A user seen within this time, with the same claims, is not written again. */
const freshMs = 60_000;
const mostFresh = 1_000;
const fresh = new Map<string, { userId: string; until: number }>();

/**
 * The actor for a request's claims; makes the user at the first sight.
 * @throws VisibleError `forbidden` for a user without a role.
 */
export const signIn = fn(Claims, async (claims): Promise<Extract<Actor, { kind: "user" }>> => {
  const granted = rolesOf(claims["cognito:groups"]);
  if (granted.length === 0)
    throw new VisibleError(
      "forbidden",
      "no_role",
      "Ask an administrator for a role: admin, recruiter or viewer.",
    );
  const key = JSON.stringify([claims.sub, claims.email, granted]);
  const known = fresh.get(key);
  const userId =
    known && known.until > now() ? known.userId : await upsert(claims.sub, claims.email, granted);
  if (userId !== known?.userId || known.until <= now()) {
    if (fresh.size >= mostFresh) fresh.clear();
    fresh.set(key, { userId, until: now() + freshMs });
  }
  return { kind: "user", userId, email: claims.email, roles: granted };
});

async function upsert(subject: string, email: string, granted: Role[]): Promise<string> {
  const at = new Date(now());
  const rows = await database.use(({ query }) =>
    query<{ id: string }>(
      `insert into frontdesk.users as u (id, subject, email, roles, created_at, updated_at)
       values ($1, $2, $3, $4, $5, $5)
       on conflict (subject) do update
         set email = excluded.email, roles = excluded.roles, updated_at = excluded.updated_at
       returning u.id`,
      [id.create("user"), subject, email, granted, at],
    ),
  );
  const row = rows[0];
  if (!row) throw new Error("an upsert returned no row");
  return row.id;
}

/** For tests: forgets who was seen lately. */
export function forget(): void {
  fresh.clear();
}

/** What may be seen: everything, unrouted mail included, or the mail of these mailboxes. */
export type Visibility = { all: true } | { all: false; mailboxIds: string[] };

/** The visibility of whoever acts. */
export async function visibility(actor: Actor = current()): Promise<Visibility> {
  if (isAdmin(actor)) return { all: true };
  const { email } = actor as Extract<Actor, { kind: "user" }>;
  const mailboxIds = await cache.remember("members", email, z.array(z.string()), async () =>
    (await import("./memberships.ts")).memberships(email),
  );
  return { all: false, mailboxIds };
}

/** As SQL takes it: null for everything, else the mailboxes. One convention for every raw query. */
export function asParameter(visible: Visibility): string[] | null {
  return visible.all ? null : visible.mailboxIds;
}

export function sees(visible: Visibility, mailboxId: string): boolean {
  return visible.all || visible.mailboxIds.includes(mailboxId);
}

/** @throws VisibleError `forbidden` for anybody but administrators. */
export function requireAdmin(): void {
  if (!isAdmin(current()))
    throw new VisibleError("forbidden", "admin_only", "Only administrators may do this.");
}
