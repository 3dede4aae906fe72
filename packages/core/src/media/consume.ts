/** The image queue's records. */
import { randomUUID } from "node:crypto";
import { withTrace } from "../actor/index.ts";
import { config } from "../config/index.ts";
import { describe, VisibleError } from "../error/index.ts";
import * as failures from "../failures/index.ts";
import * as log from "../log/index.ts";
import { MalformedNotice } from "../object-events/index.ts";
import { arrivedAttachment } from "./attachments.ts";
import { mediaOfUpload } from "./names.ts";
import { type Notice, parse } from "./notices.ts";
import { ReadFailure } from "./objects.ts";
import { type Arrived, makeSizes } from "./process.ts";
import { PermanentFailure } from "./types.ts";
import { arrivedUpload } from "./uploads.ts";

export interface Delivery extends failures.Received {
  body: string;
}

/**
 * Makes the sizes of what a batch of the image queue tells of, one picture after the other: each may take most of the
 * memory. Records may come repeated, in any order and by several consumers at once; each picture is made once. A picture
 * that is refused is done with: its media says why. A record that can never succeed is given up at once.
 * @returns Identifiers of the records to be delivered again. Why is in the table of failures.
 * @throws VisibleError `unavailable` when the database is: then nothing can be written, not even why.
 */
export async function take(deliveries: readonly Delivery[]): Promise<{ failed: string[] }> {
  const by = randomUUID();
  const failed: string[] = [];
  for (const delivery of deliveries)
    try {
      for (const notice of parse(delivery.body)) await one(notice, by);
    } catch (error) {
      if (error instanceof VisibleError && error.kind === "unavailable") throw error;
      failed.push(...(await fail(delivery, error)));
    }
  return { failed };
}

async function one(notice: Notice, by: string): Promise<void> {
  const arrived =
    notice.kind === "upload"
      ? await arrivedUpload(mediaOf(notice))
      : await arrivedAttachment(notice.attachmentId);
  if (!arrived) return;
  await (arrived.trace ? withTrace(arrived.trace, () => makeSizes(arrived, by)) : makeSizes(arrived, by));
}

export type Traced = Arrived & { trace: string | null };

/** A notice about another bucket is none of ours, whoever sent it: the role might be able to read it. */
function mediaOf({ bucket, key }: Extract<Notice, { kind: "upload" }>): string {
  if (bucket !== config("HomeBucket").name)
    throw new PermanentFailure(
      "notice_foreign",
      `the event is about the bucket ${bucket}, not the home bucket`,
    );
  const mediaId = mediaOfUpload(key);
  if (mediaId === undefined)
    throw new PermanentFailure("upload_unknown", "the event is about a key that is none of an upload");
  return mediaId;
}

async function fail(delivery: Delivery, error: unknown): Promise<string[]> {
  const queue = config("ImageQueue");
  if (error instanceof MalformedNotice)
    return failures.refuse(queue, [delivery], { code: "notice_malformed", cause: error.message });
  if (error instanceof PermanentFailure)
    return failures.refuse(queue, [delivery], { code: error.code, cause: error.message });
  const { name, message } = describe(error);
  const reason =
    error instanceof ReadFailure
      ? { code: error.code, cause: message }
      : { code: "picture_failed", cause: `${name}: ${message}` };
  const { messageId, attempt, trace } = delivery;
  log.error("a record of the image queue failed", { record: messageId, attempt, trace, ...reason });
  await failures.record([{ queue: queue.arn, queueMessageId: messageId, attempt, trace, ...reason }]);
  return [messageId];
}
