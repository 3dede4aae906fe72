/** What lies below `tmp/uploads/`, `media/` and `private/`: who refers to it, and what follows from its deletion. */
import { randomUUID } from "node:crypto";
import * as aws from "../aws/index.ts";
import { config } from "../config/index.ts";
import type { Owner } from "../deletions/owners.ts";
import { describe } from "../error/index.ts";
import { contentOfKey, mediaOfUpload } from "./names.ts";

/**
 * Keys of rows that are found by `ofRow`, and keys without a name of ours: somebody else has put those there, and they
 * stay.
 */
const neededBy =
  (ofKey: (key: string) => string | undefined, ofRow: string): Owner["referenced"] =>
  async ({ query }, keys) => {
    const ids = new Map(keys.map((key) => [key, ofKey(key)]));
    const rows = await query<{ id: string }>(ofRow, [
      [...new Set(ids.values())].filter((id) => id !== undefined),
    ]);
    const needed = new Set<string | undefined>([undefined, ...rows.map(({ id }) => id)]);
    return keys.filter((key) => needed.has(ids.get(key)));
  };

/** Files as they were sent. They are needed until their media is deleted; the others expire (infra/storage.ts). */
export const uploadOwner: Owner = {
  referenced: neededBy(
    mediaOfUpload,
    "select id from frontdesk.media where id = any($1) and state <> 'deleted'",
  ),
};

/**
 * Paths with a wildcard that CloudFront works on at a time.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html#limits-invalidations
 */
const wildcardsAtOnce = 15;

/** All sizes of a picture: one path with a wildcard costs as much as one without. */
const pathOf = (key: string) => `/${key.slice(0, key.lastIndexOf("/"))}/*`;

/**
 * Sizes of pictures. They are needed for as long as their content is not given up; one that is never comes back, and
 * neither do the names of its objects.
 */
export const pictureOwner: Owner = {
  referenced: neededBy(
    contentOfKey,
    "select id from frontdesk.media_contents where id = any($1) and removed_at is null",
  ),

  /** After the deletion: the other way round the CDN might fetch them once more in between. */
  async deleted(keys) {
    const paths = [...new Set(keys.map(pathOf))];
    const failed = new Map<string, string>();
    for (let from = 0; from < paths.length; from += wildcardsAtOnce) {
      const some = paths.slice(from, from + wildcardsAtOnce);
      const code = await invalidate(some);
      if (code === undefined) continue;
      // There are too many already, or none can be made: the rest would hear the same.
      for (const path of paths.slice(from)) failed.set(path, code);
      break;
    }
    return new Map(
      keys.flatMap((key) => {
        const code = failed.get(pathOf(key));
        return code === undefined ? [] : [[key, code]];
      }),
    );
  },
};

/** @returns CloudFront's code when it refuses. */
async function invalidate(paths: string[]): Promise<string | undefined> {
  const [client, { CreateInvalidationCommand }] = await Promise.all([
    aws.cloudFront(),
    import("@aws-sdk/client-cloudfront"),
  ]);
  try {
    await client.send(
      new CreateInvalidationCommand({
        DistributionId: config("Cdn").distributionId,
        InvalidationBatch: {
          CallerReference: randomUUID(),
          Paths: { Quantity: paths.length, Items: paths },
        },
      }),
    );
    return undefined;
  } catch (error) {
    return describe(error).name;
  }
}
