/**
 * The sizes of one picture, made once for all who have it. Locks are taken in the same order by everybody: contents
 * before media, topics last.
 */
import { now } from "../clock/index.ts";
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import * as deletions from "../deletions/index.ts";
import { change } from "./events.ts";
import { contentId } from "./names.ts";
import { recipe as made } from "./picture/recipe.ts";
import type { StoredVariant, Visibility } from "./types.ts";

/** Longer than a consumer has for a batch, shorter than the queue hides what it failed: infra/queues.ts. */
const claimMs = 120_000;

/** Media that wait for a content; one that was given up (`giveUp`) is tied to it still, and has it when it comes after all. */
const waiting = ["processing", "refused"] as const;

/** Part of the names of objects: what is made in another way has other names. */
const recipe = String(made.version);

interface Row {
  id: string;
  state: "making" | "ready";
  width: number | null;
  height: number | null;
  claimedBy: string | null;
  claimedUntil: Date | null;
}

const live = `select id, state, width, height, claimed_by as "claimedBy", claimed_until as "claimedUntil"
  from frontdesk.media_contents
 where source_sha256 = $1 and recipe = $2 and visibility = $3 and removed_at is null for update`;

/**
 * Ties a media in work to the content of its bytes.
 * @param by Whoever may make it.
 * @returns The content's identifier if it is the caller's to make. Otherwise there is nothing to do: it was there, and the
 *   media is ready; or somebody else makes it, and finishes every media that is tied to it by then.
 */
export function claim(
  mediaId: string,
  source: { visibility: Visibility; sha256: string },
  by: string,
): Promise<string | undefined> {
  return database.transaction(
    async (handle) => {
      const content = await lockOrAdd(handle, source);
      if (content.state === "ready") {
        const size = { width: content.width ?? 0, height: content.height ?? 0 };
        await change(
          handle,
          { state: "ready", contentId: content.id, ...size },
          ["processing"],
          "m.id = $5",
          [mediaId],
        );
        return undefined;
      }
      const [tied] = await handle.query(
        "update frontdesk.media set content_id = $2 where id = $1 and state = 'processing' returning id",
        [mediaId, content.id],
      );
      if (!tied) {
        await dropUnused(handle, content.id);
        return undefined;
      }
      const at = now();
      if (content.claimedBy !== by && (content.claimedUntil?.getTime() ?? 0) > at) return undefined;
      await handle.query(
        "update frontdesk.media_contents set claimed_by = $2, claimed_until = $3 where id = $1",
        [content.id, by, new Date(at + claimMs)],
      );
      return content.id;
    },
    { repeatable: true },
  );
}

async function lockOrAdd(
  { query }: Handle,
  source: { visibility: Visibility; sha256: string },
): Promise<Row> {
  const key = [source.sha256, recipe, source.visibility];
  const [there] = await query<Row>(live, key);
  if (there) return there;
  const [before] = await query<{ count: number }>(
    "select count(*)::int from frontdesk.media_contents where source_sha256 = $1 and recipe = $2 and visibility = $3",
    key,
  );
  const generation = before?.count ?? 0;
  await query(
    `insert into frontdesk.media_contents
       (id, visibility, source_sha256, recipe, generation, state, variants, created_at)
     values ($1, $2, $3, $4, $5, 'making', '[]', $6) on conflict do nothing`,
    [
      contentId({ ...source, recipe, generation }),
      source.visibility,
      source.sha256,
      recipe,
      generation,
      new Date(now()),
    ],
  );
  const [added] = await query<Row>(live, key);
  // Added and removed again by others, between two statements: from the beginning.
  if (!added) throw new database.Overtaken("a content was removed while it was looked for");
  return added;
}

/** A content that nothing refers to, and of which nothing was written. */
async function dropUnused({ query }: Handle, content: string): Promise<void> {
  await query(
    `delete from frontdesk.media_contents c where id = $1 and variants = '[]'
        and not exists (select 1 from frontdesk.media m where m.content_id = c.id)`,
    [content],
  );
}

/**
 * Writes down the objects that are about to be written, so that whoever removes the content knows them all.
 * @returns Whether the content is still the caller's and wanted.
 * @throws VisibleError `conflict` while objects of these names are deleted: the database was set back to before it knew
 *   of them, and gives their names again.
 */
export function plan(content: string, variants: readonly StoredVariant[], by: string): Promise<boolean> {
  return database.transaction(
    async ({ query }) => {
      const rows = await query(
        `update frontdesk.media_contents set variants = $2
          where id = $1 and claimed_by = $3 and removed_at is null returning id`,
        [content, JSON.stringify(variants), by],
      );
      const keys = rows.length > 0 ? variants.map(({ key }) => key) : [];
      await deletions.keep(keys, new Date(now()));
      return rows.length > 0;
    },
    { repeatable: true },
  );
}

export interface Made {
  width: number;
  height: number;
  averageColour: string;
  placeholder: string;
}

/** The objects are there: so is every media that waits for them. What was removed meanwhile is removed again. */
export function finish(content: string, made: Made): Promise<void> {
  return database.transaction(
    async (handle) => {
      const [row] = await handle.query<{ removed: boolean; variants: StoredVariant[] }>(
        `select removed_at is not null as removed, variants from frontdesk.media_contents where id = $1 for update`,
        [content],
      );
      if (!row) return;
      if (row.removed) return deletions.request(row.variants);
      const { width, height } = made;
      await handle.query(
        `update frontdesk.media_contents
            set state = 'ready', width = $2, height = $3, average_colour = $4, placeholder = $5,
                claimed_by = null, claimed_until = null
          where id = $1`,
        [content, width, height, made.averageColour, made.placeholder],
      );
      await change(handle, { state: "ready", width, height }, waiting, "m.content_id = $5", [content]);
    },
    { repeatable: true },
  );
}

/** The bytes are no picture that can be shown, whoever sent them. */
export function refuse(content: string, refusal: { code: string; message: string }): Promise<void> {
  return database.transaction(
    async (handle) => {
      const [given] = await handle.query<{ variants: StoredVariant[] }>(
        `update frontdesk.media_contents set removed_at = $2, claimed_by = null
          where id = $1 and state = 'making' returning variants`,
        [content, new Date(now())],
      );
      if (!given) return;
      await deletions.request(given.variants);
      await change(handle, { state: "refused", refusal }, waiting, "m.content_id = $5", [content]);
    },
    { repeatable: true },
  );
}

/** Lets the next try have it, whoever makes that. */
export async function release(content: string, by: string): Promise<void> {
  await database.use(({ query }) =>
    query(
      "update frontdesk.media_contents set claimed_by = null, claimed_until = null where id = $1 and claimed_by = $2",
      [content, by],
    ),
  );
}
