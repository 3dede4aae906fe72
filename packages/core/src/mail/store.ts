/** One transaction for a batch: messages, threads, mailboxes, numbered events, and what is owed after the commit. */
import { now } from "../clock/index.ts";
import { config } from "../config/index.ts";
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import { fault } from "../faults/index.ts";
import { picturesOf } from "../media/attachments.ts";
import * as outbox from "../outbox/index.ts";
import { type NewEvent, publish } from "../realtime/index.ts";
import { type Incoming, lockKeys, type Placed, place } from "../threads/place.ts";
import { announce } from "./events.ts";
import { type Addition, addToMailboxes, counts } from "./mailing.ts";
import { correspondents, type Prepared, senderDomain } from "./prepare.ts";
import * as registry from "./registry.ts";
import { type Addressed, isOurs, mailboxesOf, type RecipientSource } from "./routing.ts";
import { messageInsertions } from "./rows.ts";
import { isAuthentic, isQuarantined, type Trust, withNotice } from "./trust.ts";

/** A message as read and parsed, before anybody knows where it belongs. */
export interface Item {
  rawId: string;
  prepared: Prepared;
  /** By what the message itself carries; SES's notice goes before it. */
  trust: Trust;
  addressed: Addressed;
}

/** A message in the making: with what the row of its object says, read under its lock. */
export interface Draft {
  raw: registry.Raw;
  prepared: Prepared;
  trust: Trust;
  mailboxIds: string[];
  source: RecipientSource;
  quarantined: boolean;
}

/** What the bucket's lifecycle rule looks for: delivered mail expires. */
export const deliveredTag = { frontdesk: "delivered" };

/**
 * Stores what is not stored yet. Whatever runs at the same time, each object becomes part of one message, once.
 * May be run again, and is, when the database rolls it back.
 */
export async function store(items: readonly Item[]): Promise<void> {
  await database.transaction(
    async (handle) => {
      const raws = await registry.lock(
        handle,
        items.map(({ rawId }) => rawId),
      );
      const mailboxes = await activeMailboxes(handle);
      const drafts = items.flatMap((item) => {
        const raw = raws.get(item.rawId);
        // Somebody else was faster; what their notice lacked is `applyEnvelopes`' business.
        return raw && !registry.isDone(raw) ? [draft(item, raw, mailboxes)] : [];
      });
      if (drafts.length === 0) return;
      drafts.sort(
        (a, b) => a.raw.receivedAt.getTime() - b.raw.receivedAt.getTime() || (a.raw.id < b.raw.id ? -1 : 1),
      );

      const at = new Date(now());
      const { fresh, copies, placed, writes } = await thread(handle, drafts, mailboxes, at);
      const delivered = drafts.filter(({ quarantined }) => !quarantined);
      await outbox.enqueue(
        [...delivered.map(tagDelivered), ...fresh.flatMap((one) => (one.quarantined ? [] : pictures(one)))],
        [...writes, finishRaws(drafts, copies, at)],
      );
      await fault("mail.ingest.in-transaction");

      const shown = copies.filter(({ draft: { quarantined } }) => !quarantined);
      const additions = await addToMailboxes(handle, shown.map(toAddition), at);
      await publish([...fresh.flatMap((one) => eventsOf(one, placed)), ...additions]);
    },
    { repeatable: true },
  );
}

/**
 * Finds the drafts' threads, and says what is to be written of those that are new: threads, messages, and the
 * mailboxes' views. The order of its locks is the same for everybody: identifiers, then threads, each sorted.
 * @param mailboxes Ours, by address.
 * @returns `writes`: for {@link database.together}.
 */
export async function thread(
  handle: Handle,
  drafts: readonly Draft[],
  mailboxes: ReadonlyMap<string, string>,
  at: Date,
): Promise<{ fresh: Draft[]; copies: Copy[]; placed: Map<string, Placed>; writes: database.Statement[] }> {
  const incoming = new Map(drafts.map((one) => [one.raw.messageId, toIncoming(one, mailboxes)]));
  const locked = await lockKeys(handle, [...incoming.values()]);
  const { fresh, copies } = await separate(handle, drafts);
  const byMessage = new Map(fresh.map((one) => [one.raw.messageId, one]));
  const { placed, begun, writes } = await place(
    handle,
    fresh.flatMap(({ raw }) => incoming.get(raw.messageId) ?? []),
    locked,
    (first, messageIds) => ({
      subject: byMessage.get(first.messageId)?.prepared.subject ?? "",
      lastMessageAt: latest(
        messageIds.flatMap((messageId) => byMessage.get(messageId)?.raw.receivedAt ?? []),
      ),
      messageCount: messageIds.length,
    }),
    at,
  );
  return {
    fresh,
    copies,
    placed,
    writes: [...writes, ...messageInsertions(fresh, placed, at), ...counts(fresh, placed, begun, at)],
  };
}

function latest(dates: readonly Date[]): Date {
  return new Date(Math.max(...dates.map((date) => date.getTime())));
}

async function activeMailboxes({ query }: Handle): Promise<Map<string, string>> {
  const rows = await query<{ id: string; address: string }>(
    "select id, address from frontdesk.mailboxes where active",
  );
  return new Map(rows.map(({ id, address }) => [address, id]));
}

function draft(item: Item, raw: registry.Raw, mailboxes: ReadonlyMap<string, string>): Draft {
  const trust = raw.verdicts === null ? item.trust : withNotice(item.trust, raw.verdicts);
  const { source, addresses } =
    raw.recipients.length > 0 ? { source: "envelope" as const, addresses: raw.recipients } : item.addressed;
  const mailboxIds = mailboxesOf(addresses, mailboxes);
  const flags = [
    ...item.prepared.flags,
    ...(mailboxIds.length === 0 ? ["unrouted"] : []),
    ...(trust.trusted ? [] : ["untrusted"]),
  ];
  return {
    raw,
    prepared: { ...item.prepared, flags },
    trust,
    mailboxIds,
    source,
    quarantined: isQuarantined(trust),
  };
}

function toIncoming(one: Draft, mailboxes: ReadonlyMap<string, string>): Incoming {
  const { prepared, raw, trust, quarantined } = one;
  return {
    messageId: raw.messageId,
    headerId: prepared.headerId,
    references: prepared.references,
    sender: prepared.from.address,
    participants: [...new Set(correspondents(prepared))].filter((address) => !isOurs(address, mailboxes)),
    listId: prepared.listId,
    authentic: isAuthentic(trust),
    insider: senderDomain(prepared) === config("Settings").workspaceDomain,
    quarantined,
  };
}

export interface Copy {
  draft: Draft;
  /** The message that is there already. */
  messageId: string;
}

/**
 * The same Message-ID with the same content is the same message, by whatever route it came. Without a Message-ID every
 * object is a message of its own. The identifiers are locked, so nobody enters a copy meanwhile.
 */
async function separate(
  { query }: Handle,
  drafts: readonly Draft[],
): Promise<{ fresh: Draft[]; copies: Copy[] }> {
  const named = drafts.filter(({ prepared }) => prepared.headerId !== null);
  const rows =
    named.length === 0
      ? []
      : await query<{ id: string; headerId: string; contentHash: string }>(
          `select id, header_id as "headerId", content_hash as "contentHash" from frontdesk.messages
            where header_id = any($1)`,
          [named.map(({ prepared }) => prepared.headerId)],
        );
  const identity = (headerId: string, contentHash: string) => `${contentHash} ${headerId}`;
  const known = new Map(rows.map((row) => [identity(row.headerId, row.contentHash), row.id]));
  const fresh: Draft[] = [];
  const copies: Copy[] = [];
  for (const one of drafts) {
    const { headerId, contentHash } = one.prepared;
    const name = headerId === null ? undefined : identity(headerId, contentHash);
    const messageId = name === undefined ? undefined : known.get(name);
    if (messageId !== undefined) copies.push({ draft: one, messageId });
    else {
      fresh.push(one);
      if (name !== undefined) known.set(name, one.raw.messageId);
    }
  }
  return { fresh, copies };
}

function toAddition({ draft: one, messageId }: Copy): Addition {
  return { messageId, mailboxIds: one.mailboxIds, source: one.source, trace: one.raw.trace };
}

function finishRaws(drafts: readonly Draft[], copies: readonly Copy[], at: Date): database.Statement {
  const copied = new Map(copies.map(({ draft: one, messageId }) => [one.raw.id, messageId]));
  return {
    text: `update frontdesk.raw_mail r
        set state = g.state, message_id = g.message_id, size = g.size, cause = null, claimed_by = null,
            claimed_until = null, envelope_applied = r.ses_notice_at is not null, updated_at = $5
       from unnest($1::text[], $2::text[], $3::text[], $4::int8[]) as g (id, state, message_id, size)
      where r.id = g.id`,
    values: [
      drafts.map(({ raw }) => raw.id),
      drafts.map(({ quarantined }) => (quarantined ? "quarantined" : "stored")),
      drafts.map(({ raw }) => copied.get(raw.id) ?? raw.messageId),
      drafts.map(({ prepared }) => prepared.size),
      at,
    ],
  };
}

function tagDelivered({ raw }: Draft): outbox.Delivery {
  const { region } = config("MailBucket");
  return {
    kind: "s3-tag",
    key: `${raw.id} delivered`,
    payload: { region, bucket: raw.bucket, key: raw.key, tags: deliveredTag },
    trace: raw.trace,
  };
}

/** Quarantined mail has none: nobody looks into it. */
function pictures({ raw, prepared }: Draft): outbox.Delivery[] {
  const ids = prepared.attachments.filter(({ picture }) => picture).map(({ id }) => id);
  return picturesOf(ids, raw.trace);
}

function eventsOf(one: Draft, placed: ReadonlyMap<string, Placed>): NewEvent[] {
  const place = placed.get(one.raw.messageId);
  if (!place) return [];
  return announce({
    type: one.quarantined ? "mail.quarantined" : "mail.received",
    messageId: one.raw.messageId,
    threadId: place.threadId,
    mailboxIds: one.mailboxIds,
    subject: one.prepared.subject,
    from: one.prepared.from,
    receivedAt: one.raw.receivedAt,
    state: one.quarantined ? "quarantined" : "delivered",
    trace: one.raw.trace,
    mergedThreadIds: place.merged,
    topics: [...one.mailboxIds.map((mailboxId) => `mailbox:${mailboxId}`), `thread:${place.threadId}`],
  });
}
