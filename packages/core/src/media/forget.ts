import * as aws from "../aws/index.ts";
import { config } from "../config/index.ts";
import * as database from "../database/index.ts";
import { inParallel } from "../outbox/schedule.ts";
import type { StoredVariant, Visibility } from "./types.ts";

const deletionsAtOnce = 4;

/**
 * Deletes a content's objects, then has the CDN forget them: the other way round it might fetch them once more in between.
 * A content that is given up never comes back, and neither does a name of its objects (`names.ts`), so nobody can begin to
 * refer to what is deleted here, and repeating it does no harm.
 * @param reference The same for each try, so that CloudFront takes repeats for one invalidation.
 * @returns How many objects are gone; none of a content that is referred to.
 */
export async function forget(content: string, reference: string): Promise<{ objects: number }> {
  const [row] = await database.use(({ query }) =>
    query<{ visibility: Visibility; variants: StoredVariant[] }>(
      "select visibility, variants from frontdesk.media_contents where id = $1 and removed_at is not null",
      [content],
    ),
  );
  const keys = row?.variants.map(({ key }) => key) ?? [];
  const [first] = keys;
  if (first === undefined) return { objects: 0 };
  const { name, region } = config("HomeBucket");
  const [client, { DeleteObjectCommand }] = await Promise.all([aws.s3(region), import("@aws-sdk/client-s3")]);
  await inParallel(deletionsAtOnce, keys, async (key) => {
    await client.send(new DeleteObjectCommand({ Bucket: name, Key: key }));
  });
  await invalidate(`/${first.slice(0, first.lastIndexOf("/"))}/*`, reference);
  return { objects: keys.length };
}

/** One path with a wildcard costs as much as one without: all sizes go at once. */
async function invalidate(path: string, reference: string): Promise<void> {
  const [client, { CreateInvalidationCommand }] = await Promise.all([
    aws.cloudFront(),
    import("@aws-sdk/client-cloudfront"),
  ]);
  await client.send(
    new CreateInvalidationCommand({
      DistributionId: config("Cdn").distributionId,
      InvalidationBatch: { CallerReference: reference, Paths: { Quantity: 1, Items: [path] } },
    }),
  );
}
