/** Media as somebody sees them: their own, those of messages that they see, and for administrators all. */
import * as z from "zod";
import { current, isAdmin } from "../actor/index.ts";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import { Reference } from "../id/index.ts";
import { asParameter, visibility } from "../identity/index.ts";
import { decodeCursor, encodeCursor } from "../threads/cursor.ts";
import { states, visibilities } from "./types.ts";
import { addressesUntil, columns, type Media, pictureOf, type Row } from "./view.ts";

export const notFound = () => new VisibleError("not_found", "media_not_found", "There is no such media.");

/** Who asks, as the condition {@link isVisible} takes it: `$1` their id (null for administrators), `$2` their mailboxes. */
export async function viewer(): Promise<[userId: string | null, mailboxIds: string[] | null]> {
  const actor = current();
  const userId = isAdmin(actor) || actor.kind !== "user" ? null : actor.userId;
  return [userId, asParameter(await visibility(actor))];
}

/** The one condition under which somebody sees a media. Those of a message go with it, into quarantine too. */
export const isVisible = `
  ($1::text is null or m.owner_id = $1 or exists (
    select 1 from frontdesk.attachments a
      join frontdesk.messages message on message.id = a.message_id and message.state = 'delivered'
      join frontdesk.message_mailboxes mm on mm.message_id = a.message_id and mm.mailbox_id = any($2::text[])
     where a.id = m.attachment_id))`;

const MediaId = z.object({ mediaId: Reference });

/**
 * A media with the addresses of its sizes, and a tag that changes when the answer does.
 * @throws VisibleError `not_found` also for what the actor does not see; `gone` for what was deleted.
 */
export const get = fn(MediaId, async ({ mediaId }): Promise<Media & { etag: string }> => {
  const who = await viewer();
  const [row] = await database.use(({ query }) =>
    query<Row & Pick<Media, "attachment">>(
      `select ${columns},
              (select json_build_object('id', a.id, 'messageId', a.message_id)
                 from frontdesk.attachments a where a.id = m.attachment_id) as attachment
         from frontdesk.media m left join frontdesk.media_contents c on c.id = m.content_id
        where m.id = $3 and ${isVisible}`,
      [...who, mediaId],
    ),
  );
  if (!row) throw notFound();
  if (row.state === "deleted") throw new VisibleError("gone", "media_deleted", "This was deleted.");
  const { content, ...rest } = row;
  const picture = await pictureOf(row);
  const until = picture?.expiresAt ? `-${addressesUntil(now())}` : "";
  return { ...rest, picture, etag: `"${row.version}${until}"` };
});

export type MediaSummary = Omit<Media, "picture" | "attachment" | "version"> & {
  width: number | null;
  height: number | null;
  averageColour: string | null;
  placeholder: string | null;
};

export const ListMedia = z.object({
  state: z.enum(states).exclude(["deleted"]).optional(),
  visibility: z.enum(visibilities).optional(),
  /** From the page before. */
  cursor: z.string().max(500).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});

/**
 * A page of the actor's own media, the newest first; for administrators of all there are, attachments among them.
 * @throws VisibleError `validation` for a cursor that is not of this list.
 */
export const list = fn(
  ListMedia,
  async ({
    state,
    visibility: shown,
    cursor,
    limit,
  }): Promise<{ media: MediaSummary[]; cursor: string | null }> => {
    const [userId] = await viewer();
    const scope = `media ${state ?? "*"} ${shown ?? "*"}`;
    const from = cursor === undefined ? undefined : decodeCursor(cursor, scope);
    const rows = await database.use(({ query }) =>
      query<MediaSummary>(
        `select m.id, m.visibility, m.state, m.filename, m.content_type as "contentType", m.size,
                m.created_at as "createdAt", m.updated_at as "updatedAt",
                case when m.refusal_code is not null
                     then json_build_object('code', m.refusal_code, 'message', m.refusal_message) end as reason,
                c.width, c.height, c.average_colour as "averageColour", c.placeholder
           from frontdesk.media m
           left join frontdesk.media_contents c on c.id = m.content_id and m.state = 'ready'
          where ($1::text is null or m.owner_id = $1) and m.state <> 'deleted'
            and ($2::text is null or m.state = $2) and ($3::text is null or m.visibility = $3)
            and ($4::text is null or m.id < $4)
          order by m.id desc limit $5`,
        [userId, state ?? null, shown ?? null, from?.id ?? null, limit + 1],
      ),
    );
    const media = rows.slice(0, limit);
    const last = media.at(-1);
    return {
      media,
      cursor: rows.length > limit && last ? encodeCursor({ at: last.createdAt, id: last.id }, scope) : null,
    };
  },
);
