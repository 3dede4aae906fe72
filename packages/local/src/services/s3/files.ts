/** Files that a deployment itself puts into buckets: the pages of a site, and objects that the program declares. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Cloud, S3Port } from "../../cloud/types.ts";

/** What was put the last time, by bucket and key: each put is told to whoever listens to the bucket. */
type Put = Record<string, string>;

/** @param appDir Where paths of sources begin. */
export async function putFiles(cloud: Cloud, s3: S3Port, appDir: string): Promise<void> {
  const before = cloud.state.read<Put>("files", {});
  const after: Put = {};
  for (const file of cloud.plan.files) {
    const { bucket, key, source, contentType, cacheControl } = file;
    let bytes: Buffer;
    try {
      bytes = "text" in source ? Buffer.from(source.text) : readFileSync(resolve(appDir, source.path));
    } catch (error) {
      cloud.log(`not run here: ${key} in ${bucket}: ${(error as Error).message}`);
      continue;
    }
    const hash = createHash("sha256")
      .update(JSON.stringify([contentType, cacheControl]))
      .update(bytes)
      .digest("hex");
    after[`${bucket}/${key}`] = hash;
    if (before[`${bucket}/${key}`] === hash) continue;
    await s3.put({ kind: "developer" }, bucket, key, bytes, {
      ...(contentType !== undefined && { contentType }),
      ...(cacheControl !== undefined && { cacheControl }),
    });
  }
  if (cloud.plan.files.length > 0) cloud.state.write("files", after);
}
