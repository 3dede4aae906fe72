/** Finds what was put away and is referred to by nobody: its transaction never committed, or its job is forgotten. */
import * as aws from "../aws/index.ts";
import { now } from "../clock/index.ts";
import { config } from "../config/index.ts";
import * as database from "../database/index.ts";
import { prefixes } from "./owners.ts";
import { write } from "./request.ts";
import { referenced } from "./run.ts";

/** An object is put moments before or after the transaction that names it. A day later nothing is on its way any more. */
const oldEnoughMs = 24 * 60 * 60_000;

/**
 * Looks at one page of what some domain owns, at most a thousand objects, and asks for the deletion of the orphans among
 * them. The deletion looks for references once more, under its locks.
 * @param after What the page before said is `next`.
 * @returns How many were found, and where to go on; `next` is undefined on the last page.
 */
export async function findOrphans(after = ""): Promise<{ orphans: number; next: string | undefined }> {
  const [prefix, following] = prefixes().filter((one) => after.startsWith(one) || one > after);
  if (prefix === undefined) return { orphans: 0, next: undefined };
  const { name, region } = config("HomeBucket");
  const [client, { ListObjectsV2Command }] = await Promise.all([
    aws.s3(region),
    import("@aws-sdk/client-s3"),
  ]);
  const { Contents = [], IsTruncated } = await client.send(
    new ListObjectsV2Command({
      Bucket: name,
      Prefix: prefix,
      ...(after.startsWith(prefix) && { StartAfter: after }),
    }),
  );
  const before = now() - oldEnoughMs;
  const keys = Contents.flatMap(({ Key, LastModified }) =>
    Key === undefined || LastModified === undefined || LastModified.getTime() > before ? [] : [Key],
  );
  const orphans = await database.transaction(async (handle) => {
    const used = new Set(await referenced(handle, keys));
    const unused = keys.filter((key) => !used.has(key));
    await write(unused);
    return unused.length;
  });
  return { orphans, next: IsTruncated ? Contents.at(-1)?.Key : following };
}
