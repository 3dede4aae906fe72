import * as z from "zod";
import { current, isAdmin } from "../actor/index.ts";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import { Reference } from "../id/index.ts";
import { change } from "./events.ts";
import { isVisible, notFound, viewer } from "./read.ts";
import { removeObjects } from "./removal.ts";
import type { State } from "./types.ts";

const open = ["pending", "processing", "ready", "refused", "expired"] as const satisfies State[];

/**
 * Deletes a media: its owner may, and administrators. Its objects go when no other media has the same picture; bytes that
 * still wait in `tmp/` expire. Again is as good as once.
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
      const content = row.contentId ? await lockContent(handle, row.contentId) : undefined;
      const [current] = await handle.query<{ contentId: string | null }>(
        `select content_id as "contentId" from frontdesk.media where id = $1 for no key update`,
        [mediaId],
      );
      // It got its content between the two looks.
      if (current?.contentId !== row.contentId)
        throw new database.Overtaken("a media got its content meanwhile");
      if (content) await removeUnlessUsed(handle, content, mediaId);
      await change(handle, { state: "deleted" }, open, "m.id = $5", [mediaId]);
    },
    { repeatable: true },
  );
});

async function lockContent({ query }: database.Handle, contentId: string): Promise<string | undefined> {
  const [content] = await query<{ id: string }>(
    "select id from frontdesk.media_contents where id = $1 and removed_at is null for update",
    [contentId],
  );
  return content?.id;
}

async function removeUnlessUsed({ query }: database.Handle, content: string, mediaId: string): Promise<void> {
  const [other] = await query(
    "select 1 from frontdesk.media where content_id = $1 and id <> $2 and state <> 'deleted' limit 1",
    [content, mediaId],
  );
  if (other) return;
  await query("update frontdesk.media_contents set removed_at = $2 where id = $1", [
    content,
    new Date(now()),
  ]);
  await removeObjects(content);
}
