/** Events that S3 sends about objects, as they come out of a queue: raw, or taken out of SNS's envelope. */
import * as z from "zod";

/** A body that is none of what may arrive: sending it again does not help. */
export class MalformedNotice extends Error {
  override readonly name = "MalformedNotice";
}

/** One object that was written. */
export interface ObjectEvent {
  bucket: string;
  /** As the bucket knows it: not encoded. */
  key: string;
  at: Date;
  /** Bytes. */
  size?: number;
}

const moment = z.coerce.date().catch(() => new Date(Number.NaN));

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html */
const s3Event = z.object({
  Records: z
    .array(
      z.object({
        eventSource: z.string(),
        eventName: z.string(),
        eventTime: moment,
        s3: z.object({
          bucket: z.object({ name: z.string().min(1) }),
          object: z.object({ key: z.string().min(1), size: z.number().int().min(0).optional() }),
        }),
      }),
    )
    .min(1),
});

const s3Test = z.object({ Event: z.literal("s3:TestEvent") });

/** What S3 sends once, when a bucket's notifications are set up. */
export const isTestEvent = (value: unknown): boolean => s3Test.safeParse(value).success;

/**
 * Objects that were written; removals and expirations are left out.
 * @throws MalformedNotice naming what is wrong.
 */
export function parseObjectEvents(value: unknown): ObjectEvent[] {
  const { Records } = check(s3Event, value, "an S3 event");
  return Records.filter(
    ({ eventSource, eventName }) => eventSource === "aws:s3" && eventName.startsWith("ObjectCreated:"),
  ).map(({ eventTime, s3 }) => ({
    bucket: s3.bucket.name,
    key: decodeKey(s3.object.key),
    at: eventTime,
    ...(s3.object.size === undefined ? {} : { size: s3.object.size }),
  }));
}

/** S3 encodes keys like a form: `+` for a space, the rest in percent. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll("+", " "));
  } catch {
    throw new MalformedNotice("the object key of the S3 event is not URL-encoded");
  }
}

/** @throws MalformedNotice */
export function json(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MalformedNotice(`${what} is not JSON`);
  }
}

/** @throws MalformedNotice that names the first wrong fields, and no values. */
export function check<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const wrong = result.error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
  throw new MalformedNotice(`the message is not ${what} (${wrong.join("; ")})`);
}
