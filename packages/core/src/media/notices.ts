/** What the image queue brings: S3's event about an upload, and the mail path's word about an attachment. */
import * as z from "zod";
import { check, isTestEvent, json, parseObjectEvents } from "../object-events/index.ts";

export type Notice =
  | { kind: "upload"; bucket: string; key: string }
  | { kind: "attachment"; attachmentId: string };

const attachmentNotice = z.strictObject({ attachment: z.string().min(1).max(64) });

/** The body that asks for the sizes of an attachment. */
export const attachmentBody = (attachmentId: string) => JSON.stringify({ attachment: attachmentId });

/**
 * @param body Body of an SQS message.
 * @returns Nothing for what is to be skipped: S3's test, removals.
 * @throws MalformedNotice naming what is wrong.
 */
export function parse(body: string): Notice[] {
  const value = json(body, "the message");
  if (isTestEvent(value)) return [];
  if (typeof value === "object" && value !== null && "attachment" in value)
    return [{ kind: "attachment", attachmentId: check(attachmentNotice, value, "an attachment").attachment }];
  return parseObjectEvents(value).map(({ bucket, key }) => ({ kind: "upload", bucket, key }));
}
