import type { Grant, Named } from "./grant";

const below =
  (action: string) =>
  (bucket: Named, prefix: string): Grant => ({
    actions: [`s3:${action}`],
    resources: [$interpolate`${bucket.arn}/${prefix}*`],
  });

export const getObjects = below("GetObject");
export const putObjects = below("PutObject");
export const tagObjects = below("PutObjectTagging");
/** For the jobs consumer alone (its deleteSQSFiles job): a test holds everybody else to it. */
export const deleteObjects = below("DeleteObject");

/** Tells a missing object from a forbidden one: without it S3 answers both with 403. GetObject names no prefix. */
export const tellMissing = (bucket: Named): Grant => ({
  actions: ["s3:ListBucket"],
  resources: [bucket.arn],
});
export const listObjects = (bucket: Named, ...prefixes: string[]): Grant => ({
  actions: ["s3:ListBucket"],
  resources: [bucket.arn],
  conditions: [{ test: "StringLike", variable: "s3:prefix", values: prefixes.map((prefix) => `${prefix}*`) }],
});
