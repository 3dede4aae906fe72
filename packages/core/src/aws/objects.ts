import type { Readable } from "node:stream";
import { s3 } from "./index.ts";

/** Without the right to list its bucket S3 tells a missing object as a forbidden one. */
export type Denied = "missing" | "forbidden";
const denials: Record<string, Denied> = {
  NoSuchKey: "missing",
  NotFound: "missing",
  AccessDenied: "forbidden",
  Forbidden: "forbidden",
};

/**
 * Begins to read an object.
 * @param failure Makes what is thrown when S3 denies it.
 * @returns Its stream, to be read or destroyed, and its length in bytes as S3 says it.
 * @throws The SDK's error for the rest.
 */
export async function getObject(
  { name, region }: { name: string; region: string },
  key: string,
  failure: (denied: Denied, cause: Error) => Error,
): Promise<{ body: Readable | undefined; length: number | undefined }> {
  const [client, { GetObjectCommand }] = await Promise.all([s3(region), import("@aws-sdk/client-s3")]);
  try {
    const { Body, ContentLength } = await client.send(new GetObjectCommand({ Bucket: name, Key: key }));
    return { body: Body as Readable | undefined, length: ContentLength };
  } catch (error) {
    const denied = error instanceof Error ? denials[error.name] : undefined;
    throw denied ? failure(denied, error as Error) : error;
  }
}
