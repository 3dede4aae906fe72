import * as database from "../database/index.ts";
import type { State } from "./types.ts";
import { columns, type Picture, pictureOf, type Row } from "./view.ts";

export interface AttachmentMedia {
  id: string;
  state: State;
  /** Why it was refused; it can be downloaded all the same. */
  reason: { code: string; message: string } | null;
  picture: Picture | null;
}

/** The pictures of a message's attachments, by attachment. Whoever calls knows that the message may be seen. */
export async function mediaOfMessage(messageId: string): Promise<Map<string, AttachmentMedia>> {
  const rows = await database.use(({ query }) =>
    query<Row & { attachmentId: string }>(
      `select ${columns}, m.attachment_id as "attachmentId"
         from frontdesk.attachments a
         join frontdesk.media m on m.attachment_id = a.id and m.state <> 'deleted'
         left join frontdesk.media_contents c on c.id = m.content_id
        where a.message_id = $1`,
      [messageId],
    ),
  );
  return new Map(
    await Promise.all(
      rows.map(async (row): Promise<[string, AttachmentMedia]> => {
        const { id, state, reason } = row;
        return [row.attachmentId, { id, state, reason, picture: await pictureOf(row) }];
      }),
    ),
  );
}
