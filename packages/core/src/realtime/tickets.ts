import { createHash, randomBytes } from "node:crypto";
import * as z from "zod";
import { type Role, roles, user } from "../actor/index.ts";
import { now } from "../clock/index.ts";
import { config } from "../config/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import { rolesOf } from "../identity/index.ts";

/** A browser sends neither a header nor a cookie of ours when it opens a websocket, hence a pass in the query. */
const ticketMs = 30_000;

const hashOf = (ticket: string) => createHash("sha256").update(ticket).digest("hex");

/**
 * A pass for one connection within 30 seconds, for whoever acts.
 * @param origin The request's Origin header. With it the pass is good for that origin only.
 * @throws VisibleError `forbidden` for an origin that is not of the settings.
 */
export const createTicket = fn(
  z.object({ origin: z.string().max(300).optional() }),
  async ({ origin }): Promise<{ ticket: string; url: string; expiresAt: Date }> => {
    const { userId, roles: granted } = user();
    if (!isAllowed(origin))
      throw new VisibleError("forbidden", "origin_not_allowed", "This origin is not allowed.");
    const ticket = randomBytes(32).toString("base64url");
    const expiresAt = new Date(now() + ticketMs);
    await database.use(({ query }) =>
      query(
        `insert into frontdesk.tickets (hash, user_id, roles, origin, expires_at) values ($1, $2, $3, $4, $5)`,
        [hashOf(ticket), userId, granted, origin ?? null, expiresAt],
      ),
    );
    const url = new URL(config("Realtime").url);
    url.searchParams.set("ticket", ticket);
    return { ticket, url: url.toString(), expiresAt };
  },
);

/** Whom a ticket was made for; what the authorizer hands on to `$connect`. */
export interface Bearer {
  userId: string;
  roles: Role[];
}

/**
 * Takes a ticket: it is gone whatever the outcome.
 * @returns Undefined for one that is unknown, used, expired, or comes from another origin.
 */
export async function redeemTicket(ticket: string, origin: string | undefined): Promise<Bearer | undefined> {
  if (ticket === "" || ticket.length > 200) return undefined;
  const [row] = await database.use(({ query }) =>
    query<{ userId: string; roles: string[]; origin: string | null; expiresAt: Date }>(
      `delete from frontdesk.tickets where hash = $1
       returning user_id as "userId", roles, origin, expires_at as "expiresAt"`,
      [hashOf(ticket)],
    ),
  );
  if (!row || row.expiresAt.getTime() <= now()) return undefined;
  if (!isAllowed(origin)) return undefined;
  if (row.origin !== null && row.origin !== origin) return undefined;
  return { userId: row.userId, roles: rolesOf(row.roles) };
}

/** Programs send no Origin; a browser always does, so a page of another site is told by it. */
function isAllowed(origin: string | undefined): boolean {
  return origin === undefined || config("Settings").allowedOrigins.includes(origin);
}

/** The roles as they stand in an authorizer's context, which holds text only. */
export function parseRoles(text: string): Role[] {
  const given = text.split(",");
  return roles.filter((role) => given.includes(role));
}
