/** Pictures among the attachments of mail go through the same door: looked at by their bytes, shown as their sizes. */
import { now } from "../clock/index.ts";
import { config } from "../config/index.ts";
import * as database from "../database/index.ts";
import * as id from "../id/index.ts";
import * as log from "../log/index.ts";
import type * as outbox from "../outbox/index.ts";
import type { Traced } from "./consume.ts";
import { attachmentBody } from "./notices.ts";
import { PermanentFailure } from "./types.ts";

/** Of one message: somebody who sends more is not after having them looked at. */
const mostPictures = 50;

/**
 * What the transaction that stores a message owes for its pictures: a word to the image queue for each.
 * @param attachmentIds Those whose bytes begin as a picture's do (`looksLikePicture`).
 */
export function picturesOf(attachmentIds: readonly string[], trace: string): outbox.Delivery[] {
  if (attachmentIds.length === 0) return [];
  const { url } = config("ImageQueue");
  const { homeRegion: region } = config("Settings");
  return attachmentIds.slice(0, mostPictures).map((attachmentId) => ({
    kind: "sqs",
    key: `picture ${attachmentId}`,
    payload: { region, url, body: attachmentBody(attachmentId) },
    trace,
  }));
}

interface Attachment {
  visible: boolean;
  filename: string | null;
  contentType: string;
  size: number;
  objectKey: string;
  trace: string;
}

/**
 * The media of an attachment, made at the first word about it. Its identifier follows from the attachment's, so that a
 * repeated word is about the same one.
 * @returns Nothing for mail in quarantine, whose attachments nobody looks at.
 * @throws PermanentFailure when there is no such attachment.
 */
export async function arrivedAttachment(attachmentId: string): Promise<Traced | undefined> {
  const mediaId = id.derive("media", attachmentId, "picture");
  const attachment = await database.use(async ({ query }) => {
    const [row] = await query<Attachment>(
      `select m.state = 'delivered' as visible, a.filename, a.content_type as "contentType", a.size,
              a.object_key as "objectKey", m.trace
         from frontdesk.attachments a join frontdesk.messages m on m.id = a.message_id where a.id = $1`,
      [attachmentId],
    );
    if (row?.visible)
      await query(
        `insert into frontdesk.media
           (id, attachment_id, visibility, state, filename, content_type, size, version, trace, created_at, updated_at)
         values ($1, $2, 'private', 'pending', $3, $4, $5, 1, $6, $7, $7) on conflict do nothing`,
        [mediaId, attachmentId, row.filename, row.contentType, row.size, row.trace, new Date(now())],
      );
    return row;
  });
  if (!attachment) throw new PermanentFailure("attachment_unknown", "there is no such attachment");
  if (!attachment.visible) {
    log.info("a picture in quarantine is left alone", { attachment: attachmentId });
    return undefined;
  }
  const { objectKey: key, trace } = attachment;
  return { id: mediaId, key, visibility: "private", trace };
}
