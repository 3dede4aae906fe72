/** SES's notice after the message was stored: its envelope names further mailboxes, its verdicts may condemn. */
import { now } from "../clock/index.ts";
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import { type NewEvent, publish } from "../realtime/index.ts";
import { announce } from "./events.ts";
import { addToMailboxes } from "./mailing.ts";
import * as registry from "./registry.ts";
import { mailboxesOf } from "./routing.ts";
import { isQuarantined, type Trust, withNotice } from "./trust.ts";

/**
 * Brings stored messages up to the envelopes of their objects. Mailboxes are added, never taken away: what a mailbox
 * has seen stays. Only mailboxes that are new to a message get an event.
 */
export async function applyEnvelopes(rawIds: readonly string[]): Promise<void> {
  await database.transaction(
    async (handle) => {
      const raws = [...(await registry.lock(handle, rawIds)).values()].filter(
        (raw) => registry.isDone(raw) && raw.sesNoticeAt !== null && !raw.envelopeApplied,
      );
      if (raws.length === 0) return;
      const at = new Date(now());
      const rows = await handle.query<{ id: string; address: string }>(
        "select id, address from frontdesk.mailboxes where active",
      );
      const mailboxes = new Map(rows.map(({ id, address }) => [address, id]));
      const condemned = await applyVerdicts(handle, raws);
      const added = await addToMailboxes(
        handle,
        raws.map(({ messageId, recipients, trace }) => ({
          messageId,
          mailboxIds: mailboxesOf(recipients, mailboxes),
          source: "envelope",
          trace,
        })),
        at,
      );
      await handle.query(
        `update frontdesk.raw_mail r
            set envelope_applied = true, updated_at = $2, state = case when m.state = 'quarantined' then m.state else r.state end
           from frontdesk.messages m where r.id = any($1) and m.id = r.message_id`,
        [raws.map(({ id }) => id), at],
      );
      await publish([...condemned, ...added]);
    },
    { repeatable: true },
  );
}

interface Judged {
  id: string;
  threadId: string;
  state: "delivered" | "quarantined";
  trust: Trust;
  subject: string;
  fromAddress: string;
  fromName: string;
  receivedAt: Date;
  mailboxIds: string[];
}

/** @returns Events for those who have the message on their screens and must not open it any more. */
async function applyVerdicts(handle: Handle, raws: readonly registry.Raw[]): Promise<NewEvent[]> {
  const verdicts = new Map(
    raws.flatMap(({ messageId, verdicts: given }) => (given ? [[messageId, given]] : [])),
  );
  const messages = await handle.query<Judged>(
    `select m.id, m.thread_id as "threadId", m.state, m.trust, m.subject, m.from_address as "fromAddress",
            m.from_name as "fromName", m.received_at as "receivedAt",
            array(select mailbox_id from frontdesk.message_mailboxes mm where mm.message_id = m.id order by 1) as "mailboxIds"
       from frontdesk.messages m where m.id = any($1) order by m.id for no key update`,
    [[...verdicts.keys()]],
  );
  const events: NewEvent[] = [];
  for (const message of messages) {
    const given = verdicts.get(message.id);
    if (!given) continue;
    const trust = withNotice(message.trust, given);
    const quarantined = message.state === "quarantined" || isQuarantined(trust);
    await handle.query(
      `update frontdesk.messages set trust = $2, state = $3,
              flags = case when $4 then array_remove(flags, 'untrusted') else flags end
        where id = $1`,
      [message.id, JSON.stringify(trust), quarantined ? "quarantined" : "delivered", trust.trusted],
    );
    if (!quarantined || message.state === "quarantined") continue;
    await quarantineThread(handle, message.threadId);
    const trace = raws.find(({ messageId }) => messageId === message.id)?.trace ?? "";
    events.push(
      ...announce({
        type: "mail.quarantined",
        messageId: message.id,
        threadId: message.threadId,
        mailboxIds: message.mailboxIds,
        subject: message.subject,
        from: { address: message.fromAddress, name: message.fromName },
        receivedAt: message.receivedAt,
        state: "quarantined",
        trace,
        mergedThreadIds: [],
        topics: [
          ...message.mailboxIds.map((mailboxId) => `mailbox:${mailboxId}`),
          `thread:${message.threadId}`,
        ],
      }),
    );
  }
  return events;
}

/** A thread of which nothing else is left goes out of the lists with its message. */
async function quarantineThread({ query }: Handle, threadId: string): Promise<void> {
  const [changed] = await query<{ id: string }>(
    `update frontdesk.threads set state = 'quarantined' where id = $1
        and not exists (select 1 from frontdesk.messages where thread_id = $1 and state <> 'quarantined')
      returning id`,
    [threadId],
  );
  if (changed)
    await query("update frontdesk.thread_mailboxes set state = 'quarantined' where thread_id = $1", [
      threadId,
    ]);
}
