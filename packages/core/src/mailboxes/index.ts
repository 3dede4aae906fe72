/** The mailboxes of the desk: made from the settings, seen by their members. */
import * as z from "zod";
import * as cache from "../cache/index.ts";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import * as id from "../id/index.ts";
import * as identity from "../identity/index.ts";

export const Mailbox = z.object({
  id: z.string(),
  address: z.string(),
  name: z.string(),
  /** False: no longer in the settings; it keeps its mail and gets no more. */
  active: z.boolean(),
});
export type Mailbox = z.infer<typeof Mailbox>;

export interface MailboxWithCounts extends Mailbox {
  /** Threads with something visible in this mailbox. */
  threads: number;
  quarantined: number;
}

/** The mailboxes that the actor sees, by address. */
export async function list(): Promise<MailboxWithCounts[]> {
  const visible = await identity.visibility();
  const mailboxes = (await directory()).filter((mailbox) => identity.sees(visible, mailbox.id));
  const counts = await database.use(({ query }) =>
    query<{ mailboxId: string; threads: number; quarantined: number }>(
      `select mailbox_id as "mailboxId",
              count(*) filter (where state = 'open') as threads,
              count(*) filter (where state = 'quarantined') as quarantined
         from frontdesk.thread_mailboxes where mailbox_id = any($1) group by mailbox_id`,
      [mailboxes.map((mailbox) => mailbox.id)],
    ),
  );
  const byId = new Map(counts.map((row) => [row.mailboxId, row]));
  return mailboxes.map((mailbox) => ({
    ...mailbox,
    threads: byId.get(mailbox.id)?.threads ?? 0,
    quarantined: byId.get(mailbox.id)?.quarantined ?? 0,
  }));
}

function directory(): Promise<Mailbox[]> {
  return cache.remember("mailboxes", "all", z.array(Mailbox), () =>
    database.use(({ query }) =>
      query<Mailbox>("select id, address, name, active from frontdesk.mailboxes order by address"),
    ),
  );
}

/** A mailbox as the settings name it. */
export interface Wanted {
  address: string;
  name: string;
  /** Addresses of the people who see it, beside administrators. */
  members?: readonly string[];
}

/**
 * Makes the mailboxes of the settings and their members, renames them, and retires those that are no longer named.
 * Members whom an administrator added stay.
 * @returns How many are active.
 */
export async function sync(wanted: readonly Wanted[]): Promise<number> {
  const at = new Date(now());
  const active = await database.transaction(async ({ query }) => {
    const sorted = [
      ...new Map(wanted.map((mailbox) => [mailbox.address.toLowerCase(), mailbox.name])),
    ].sort();
    await query(
      `insert into frontdesk.mailboxes as m (id, address, name, active, created_at, updated_at)
       select *, true, $4, $4 from unnest($1::text[], $2::text[], $3::text[]) as given (id, address, name)
       on conflict (address) do update set name = excluded.name, active = true, updated_at = excluded.updated_at
         where (m.name, m.active) is distinct from (excluded.name, true)`,
      [
        sorted.map(() => id.create("mailbox")),
        sorted.map(([address]) => address),
        sorted.map(([, name]) => name),
        at,
      ],
    );
    await query(
      "update frontdesk.mailboxes set active = false, updated_at = $2 where active and address <> all($1)",
      [sorted.map(([address]) => address), at],
    );
    await syncMembers({ query }, wanted, at);
    return sorted.length;
  });
  await cache.invalidate("mailboxes");
  await cache.invalidate("members");
  return active;
}

async function syncMembers({ query }: Pick<database.Handle, "query">, wanted: readonly Wanted[], at: Date) {
  const pairs = wanted.flatMap(({ address, members = [] }) =>
    members.map((email) => [address.toLowerCase(), email.toLowerCase()] as const),
  );
  const columns = [pairs.map(([address]) => address), pairs.map(([, email]) => email)];
  const gone = await query<{ mailboxId: string; email: string }>(
    `delete from frontdesk.mailbox_members mm using frontdesk.mailboxes m
      where mm.mailbox_id = m.id and mm.source = 'settings'
        and (m.address, mm.email) not in (select * from unnest($1::text[], $2::text[]))
      returning mm.mailbox_id as "mailboxId", mm.email`,
    columns,
  );
  await query(
    `insert into frontdesk.mailbox_members (mailbox_id, email, source, created_at)
     select m.id, given.email, 'settings', $3 from unnest($1::text[], $2::text[]) as given (address, email)
       join frontdesk.mailboxes m on m.address = given.address
     on conflict (mailbox_id, email) do nothing`,
    [...columns, at],
  );
  for (const { mailboxId, email } of gone) await query(endSubscriptions, [email, mailboxId]);
}

export const Membership = z.object({
  /** Identifier or address. */
  mailbox: z.string().min(1).max(320),
  /** Address; whether its owner has signed in before does not matter. */
  email: z.email().max(320).toLowerCase(),
  member: z.boolean(),
});

/**
 * Lets somebody see a mailbox, or no longer. What their open connections may not see any more ends with it. A member
 * whom the settings name comes back with the next deployment.
 */
export const setMembership = fn(Membership, async (input) => {
  identity.requireAdmin();
  await database.transaction(async ({ query }) => {
    const [mailbox] = await query<{ id: string }>(
      "select id from frontdesk.mailboxes where id = $1 or address = lower($1)",
      [input.mailbox],
    );
    if (!mailbox) throw new VisibleError("not_found", "mailbox_not_found", "There is no such mailbox.");
    if (input.member) {
      await query(
        `insert into frontdesk.mailbox_members (mailbox_id, email, source, created_at) values ($1, $2, 'admin', $3)
         on conflict (mailbox_id, email) do update set source = excluded.source`,
        [mailbox.id, input.email, new Date(now())],
      );
      return;
    }
    await query("delete from frontdesk.mailbox_members where mailbox_id = $1 and email = $2", [
      mailbox.id,
      input.email,
    ]);
    await query(endSubscriptions, [input.email, mailbox.id]);
  });
  await cache.invalidate("members");
});

/** Connections made as an administrator see everything without being a member. */
const endSubscriptions = `
  delete from frontdesk.subscriptions s using frontdesk.connections c, frontdesk.users u
   where s.connection_id = c.id and c.user_id = u.id and u.email = $1 and not ('admin' = any(c.roles))
     and (s.topic = 'mailbox:' || $2
          or (s.topic like 'thread:%' and not exists (
                select 1 from frontdesk.thread_mailboxes tm
                  join frontdesk.mailbox_members mm on mm.mailbox_id = tm.mailbox_id and mm.email = $1
                 where tm.thread_id = substr(s.topic, 8))))`;
