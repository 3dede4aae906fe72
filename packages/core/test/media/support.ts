/** Uploads as they come in: asked for, put where the form would put them, told by S3. */
import { provide as provideActor } from "../../src/actor/index.ts";
import * as media from "../../src/media/index.ts";
import type * as processing from "../../src/media/processing/index.ts";
import { as, type TestUser, type World } from "../support/world.ts";

export const asSystem = <T>(callback: () => T): T =>
  provideActor({ actor: { kind: "system", name: "test" } }, callback);

let records = 0;

export function record(body: unknown, attempt = 1): processing.Delivery {
  records += 1;
  return {
    messageId: `record-${records}`,
    receiptHandle: `handle-${records}`,
    body: typeof body === "string" ? body : JSON.stringify(body),
    attempt,
  };
}

/** S3's event, with the key as S3 encodes it. */
export function created(key: string, attempt = 1, bucket = "home"): processing.Delivery {
  return record(
    {
      Records: [
        {
          eventSource: "aws:s3",
          eventName: "ObjectCreated:Post",
          eventTime: "2026-01-02T03:04:05.000Z",
          s3: {
            bucket: { name: bucket },
            object: { key: encodeURIComponent(key).replaceAll("%2F", "/").replaceAll("%20", "+"), size: 10 },
          },
        },
      ],
    },
    attempt,
  );
}

/** Asks for an upload, and puts it; nobody is told. */
export async function upload(
  world: World,
  user: TestUser,
  content: string,
  visibility: "public" | "private" = "public",
): Promise<string> {
  const size = Buffer.byteLength(content);
  const { id } = await as(user, () =>
    media.createUpload({ visibility, contentType: "image/jpeg", size, filename: "a.jpg" }),
  );
  world.aws.put("home", media.uploadKey(id), content);
  return id;
}

/** What lies in the home bucket besides uploads and attachments. */
export const objects = (world: World) =>
  [...(world.aws.buckets.get("home") ?? [])].filter(([key]) => /^(?:media|private)\//.test(key));

export const stateOf = async (world: World, mediaId: string) =>
  (await world.rows<{ state: string }>("select state from frontdesk.media where id = $1", [mediaId]))[0]
    ?.state;
