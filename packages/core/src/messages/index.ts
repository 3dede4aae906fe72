/** Messages as somebody sees them: each query takes the mailboxes that the actor sees, null for all. */
import * as z from "zod";
import { current, isAdmin } from "../actor/index.ts";
import * as cdn from "../cdn/index.ts";
import { config } from "../config/index.ts";
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import { Reference } from "../id/index.ts";
import { asParameter, visibility } from "../identity/index.ts";
import type { Trust } from "../mail/trust.ts";
import type { MessageDetails } from "../mail/types.ts";
import { type AttachmentMedia, mediaOfMessage } from "../media/of-message.ts";
import { contentDisposition, signedUrl } from "./signed-url.ts";

export interface MessageSummary {
  id: string;
  threadId: string;
  state: "delivered" | "quarantined";
  subject: string;
  from: { address: string; name: string };
  sentAt: Date | null;
  receivedAt: Date;
  snippet: string;
  flags: string[];
  attachmentCount: number;
  /** Those that the actor sees. */
  mailboxIds: string[];
  trace: string;
}

export interface Recipient {
  role: "to" | "cc" | "bcc" | "reply-to";
  address: string;
  name: string;
}

export interface AttachmentSummary {
  id: string;
  filename: string | null;
  /** As the sender declared it. */
  contentType: string;
  disposition: string;
  contentId: string | null;
  size: number;
  sha256: string;
  /** When its bytes are a picture's: how far its sizes are. Nothing of mail in quarantine. */
  media: AttachmentMedia | null;
}

export interface Message extends MessageSummary {
  headerId: string | null;
  references: string[];
  text: string | null;
  /** As it was sent: NOT safe to show. */
  html: string | null;
  size: number;
  details: MessageDetails;
  trust: Trust;
  recipients: Recipient[];
  attachments: AttachmentSummary[];
}

const summary = `
  m.id, m.thread_id as "threadId", m.state, m.subject,
  json_build_object('address', m.from_address, 'name', m.from_name) as "from",
  m.sent_at as "sentAt", m.received_at as "receivedAt", m.snippet, m.flags,
  m.attachment_count as "attachmentCount", m.trace,
  array(select mm.mailbox_id from frontdesk.message_mailboxes mm
         where mm.message_id = m.id and ($2::text[] is null or mm.mailbox_id = any($2)) order by 1) as "mailboxIds"`;

/** The one condition under which somebody sees a message. `$2`: their mailboxes, null for all. */
const isVisible = `
  ($2::text[] is null or exists (
    select 1 from frontdesk.message_mailboxes v where v.message_id = m.id and v.mailbox_id = any($2)))`;

const notFound = () => new VisibleError("not_found", "message_not_found", "There is no such message.");

/** The visible messages of a thread, oldest first. */
export function summaries(
  { query }: Handle,
  threadId: string,
  mailboxIds: string[] | null,
): Promise<MessageSummary[]> {
  return query<MessageSummary>(
    `select ${summary} from frontdesk.messages m where m.thread_id = $1 and ${isVisible}
      order by m.received_at, m.id`,
    [threadId, mailboxIds],
  );
}

const MessageId = z.object({ messageId: Reference });

/** @throws VisibleError `not_found` also for a message that the actor does not see. */
export const get = fn(MessageId, async ({ messageId }): Promise<Message> => {
  const mailboxIds = asParameter(await visibility());
  const { message, recipients, attachments } = await database.use(async ({ query }) => {
    const [message] = await query<Omit<Message, "recipients" | "attachments">>(
      `select ${summary}, m.header_id as "headerId", m."references", m.text, m.html, m.size, m.details, m.trust
         from frontdesk.messages m where m.id = $1 and ${isVisible}`,
      [messageId, mailboxIds],
    );
    if (!message) throw notFound();
    const recipients = await query<Recipient>(
      `select role, address, name from frontdesk.message_recipients where message_id = $1
        order by array_position(array['to', 'cc', 'bcc', 'reply-to'], role), position`,
      [messageId],
    );
    const attachments = await query<Omit<AttachmentSummary, "media">>(
      `select id, filename, content_type as "contentType", disposition, content_id as "contentId", size, sha256
         from frontdesk.attachments where message_id = $1 order by position`,
      [messageId],
    );
    return { message, recipients, attachments };
  });
  const pictures = message.state === "quarantined" ? new Map() : await mediaOfMessage(messageId);
  return {
    ...message,
    recipients,
    attachments: attachments.map((one) => ({ ...one, media: pictures.get(one.id) ?? null })),
  };
});

/** Long enough to follow a redirect, too short to hand on. */
const urlSeconds = 300;

/**
 * An address from which the message as SES wrote it can be read for five minutes.
 * @throws VisibleError `not_found`; `forbidden` for quarantined mail, unless to administrators.
 */
export const raw = fn(MessageId, async ({ messageId }): Promise<{ url: string; expiresIn: number }> => {
  const mailboxIds = asParameter(await visibility());
  const [row] = await database.use(({ query }) =>
    query<{ state: string; bucket: string; key: string }>(
      `select m.state, r.bucket, r.object_key as key
         from frontdesk.messages m join frontdesk.raw_mail r on r.message_id = m.id
        where m.id = $1 and ${isVisible} order by r.received_at, r.id limit 1`,
      [messageId, mailboxIds],
    ),
  );
  if (!row) throw notFound();
  refuseQuarantined(row.state);
  const url = await signedUrl({
    region: config("MailBucket").region,
    bucket: row.bucket,
    key: row.key,
    contentType: "message/rfc822",
    filename: `${messageId}.eml`,
    seconds: urlSeconds,
  });
  return { url, expiresIn: urlSeconds };
});

/**
 * An address of the CDN from which an attachment can be read for five minutes at least. It always downloads, as bytes of
 * no type, and nothing may guess one: what a sender calls an image may be a page.
 * @throws VisibleError `not_found`; `forbidden` for quarantined mail, unless to administrators.
 */
export const attachment = fn(
  MessageId.extend({ attachmentId: Reference }),
  async ({ messageId, attachmentId }): Promise<{ url: string; expiresIn: number }> => {
    const mailboxIds = asParameter(await visibility());
    const [row] = await database.use(({ query }) =>
      query<{ state: string; key: string; filename: string | null }>(
        `select m.state, a.object_key as key, a.filename
           from frontdesk.attachments a join frontdesk.messages m on m.id = a.message_id
          where m.id = $1 and a.id = $3 and ${isVisible}`,
        [messageId, mailboxIds, attachmentId],
      ),
    );
    if (!row) throw new VisibleError("not_found", "attachment_not_found", "There is no such attachment.");
    refuseQuarantined(row.state);
    const url = await cdn.signedUrl(row.key, urlSeconds, {
      "response-content-disposition": contentDisposition(row.filename ?? attachmentId),
    });
    return { url, expiresIn: urlSeconds };
  },
);

function refuseQuarantined(state: string): void {
  if (state === "quarantined" && !isAdmin(current()))
    throw new VisibleError("forbidden", "quarantined", "The message is in quarantine: ask an administrator.");
}
