import * as z from "zod";
import { current, isAdmin } from "../actor/index.ts";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import * as deletions from "../deletions/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import { Reference } from "../id/index.ts";
import { change } from "./events.ts";
import { uploadKey } from "./names.ts";
import { isVisible, notFound, viewer } from "./read.ts";
import type { State, StoredVariant } from "./types.ts";

const open = ["pending", "processing", "ready", "refused", "expired"] as const satisfies State[];

/**
 * Deletes a media: its owner may, and administrators. The file as it was sent goes, and its sizes when no other media has
 * the same picture. Again is as good as once.
 * @throws VisibleError `not_found` for what the actor does not see; `forbidden` for an attachment of mail that they see.
 */
export const remove = fn(z.object({ mediaId: Reference }), async ({ mediaId }): Promise<void> => {
  const actor = current();
  const who = await viewer();
  await database.transaction(
    async (handle) => {
      const [row] = await handle.query<{ ownerId: string | null; contentId: string | null }>(
        `select m.owner_id as "ownerId", m.content_id as "contentId" from frontdesk.media m
          where m.id = $3 and ${isVisible}`,
        [...who, mediaId],
      );
      if (!row) throw notFound();
      if (!isAdmin(actor) && row.ownerId === null)
        throw new VisibleError(
          "forbidden",
          "attachment",
          "Attachments of mail are deleted by administrators.",
        );
      if (row.contentId) await lockContent(handle, row.contentId);
      const [current] = await handle.query<{ contentId: string | null; state: State }>(
        `select content_id as "contentId", state from frontdesk.media where id = $1 for no key update`,
        [mediaId],
      );
      // It got its content between the two looks.
      if (current?.contentId !== row.contentId)
        throw new database.Overtaken("a media got its content meanwhile");
      if (current.state === "deleted") return;
      const sizes = row.contentId ? await giveUpUnlessUsed(handle, row.contentId, mediaId) : [];
      await deletions.request([...(row.ownerId ? [{ key: uploadKey(mediaId) }] : []), ...sizes]);
      await change(handle, { state: "deleted" }, open, "m.id = $5", [mediaId]);
    },
    { repeatable: true },
  );
});

async function lockContent({ query }: database.Handle, content: string): Promise<void> {
  await query("select 1 from frontdesk.media_contents where id = $1 for update", [content]);
}

/** @returns What nobody needs any more. */
async function giveUpUnlessUsed(
  { query }: database.Handle,
  content: string,
  mediaId: string,
): Promise<StoredVariant[]> {
  const [given] = await query<{ variants: StoredVariant[] }>(
    `update frontdesk.media_contents c set removed_at = $2
      where id = $1 and removed_at is null
        and not exists (select 1 from frontdesk.media where content_id = c.id and id <> $3 and state <> 'deleted')
     returning variants`,
    [content, new Date(now()), mediaId],
  );
  return given?.variants ?? [];
}
