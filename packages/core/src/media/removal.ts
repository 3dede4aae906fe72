import * as database from "../database/index.ts";

/**
 * Asks for the removal of a content's objects, in the transaction that gives the content up. The job does it: it alone
 * may delete.
 */
export async function removeObjects(content: string): Promise<void> {
  const [{ enqueue }, { removePicture }] = await Promise.all([
    import("../jobs/index.ts"),
    import("./remove-picture.ts"),
  ]);
  await enqueue(removePicture, { content });
}

/**
 * Asks again for what a deleted media was: whoever wrote its objects while it was deleted may have been killed before they
 * saw that.
 */
export async function removeLeftovers(mediaId: string): Promise<void> {
  const [row] = await database.use(({ query }) =>
    query<{ content: string }>(
      `select c.id as content from frontdesk.media m
         join frontdesk.media_contents c on c.id = m.content_id and c.removed_at is not null and c.variants <> '[]'
        where m.id = $1`,
      [mediaId],
    ),
  );
  if (row) await removeObjects(row.content);
}
