/** Finds mail that lies in the bucket and was never taken in: both notices lost, or a consumer that died on it. */
import * as aws from "../aws/index.ts";
import { now } from "../clock/index.ts";
import { config } from "../config/index.ts";
import * as database from "../database/index.ts";
import * as id from "../id/index.ts";
import * as log from "../log/index.ts";
import * as outbox from "../outbox/index.ts";
import * as trace from "../trace/index.ts";
import { mailPrefix } from "./objects.ts";

export interface RecoverOptions {
  /** Younger objects may still be on their way; default 15 minutes. */
  olderThanMs?: number;
  /** Older ones have been looked at before; default two days. Delivered mail expires, so the bucket stays small. */
  youngerThanMs?: number;
  /** Notices sent at most; default 500. The next sweep goes on. */
  limit?: number;
}

/** An object that was asked for so often is somebody's to look at: it is among the failures. */
const mostSweeps = 3;
const setUpObject = "AMAZON_SES_SETUP_NOTIFICATION";

/**
 * Asks for what was forgotten: a notice like S3's own goes to the email queue again.
 * @returns Keys asked for.
 */
export async function recover(options: RecoverOptions = {}): Promise<string[]> {
  const { olderThanMs = 15 * 60_000, youngerThanMs = 2 * 24 * 60 * 60_000, limit = 500 } = options;
  const at = now();
  const asked: string[] = [];
  for await (const page of listed()) {
    const candidates = page.filter(
      ({ key, modified }) =>
        modified <= at - olderThanMs &&
        modified >= at - youngerThanMs &&
        key.slice(key.lastIndexOf("/") + 1) !== setUpObject,
    );
    const missing = await forgotten(candidates, at - olderThanMs);
    const batch = missing.slice(0, limit - asked.length);
    await ask(batch, at);
    asked.push(...batch.map(({ key }) => key));
    if (asked.length >= limit) break;
  }
  if (asked.length > 0) log.warn("mail that nobody took in was asked for again", { objects: asked.length });
  return asked;
}

interface Listed {
  key: string;
  size: number;
  modified: number;
}

async function* listed(): AsyncGenerator<Listed[]> {
  const { name, region } = config("MailBucket");
  const [client, { ListObjectsV2Command }] = await Promise.all([
    aws.s3(region),
    import("@aws-sdk/client-s3"),
  ]);
  let token: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: name, Prefix: mailPrefix, ContinuationToken: token }),
    );
    yield (page.Contents ?? []).flatMap(({ Key, Size, LastModified }) =>
      Key === undefined || LastModified === undefined
        ? []
        : [{ key: Key, size: Size ?? 0, modified: LastModified.getTime() }],
    );
    token = page.NextContinuationToken;
  } while (token !== undefined);
}

/** Those without a row, and those whose row has not moved since. Failed ones are in the dead-letter queue's care. */
async function forgotten(candidates: readonly Listed[], before: number): Promise<Listed[]> {
  if (candidates.length === 0) return [];
  const rows = await database.use(({ query }) =>
    query<{ key: string }>(
      `select object_key as key from frontdesk.raw_mail
        where bucket = $1 and object_key = any($2)
          and not (state = 'received' and updated_at <= $3 and sweeps < $4)`,
      [config("MailBucket").name, candidates.map(({ key }) => key), new Date(before), mostSweeps],
    ),
  );
  const cared = new Set(rows.map(({ key }) => key));
  return candidates.filter(({ key }) => !cared.has(key));
}

async function ask(objects: readonly Listed[], at: number): Promise<void> {
  if (objects.length === 0) return;
  const { name, region } = config("MailBucket");
  const queue = config("EmailQueue");
  await database.transaction(async ({ query }) => {
    const rows = await query<{ key: string; sweeps: number }>(
      `insert into frontdesk.raw_mail as r
         (id, bucket, object_key, message_id, state, size, recipients, received_at, trace, sweeps, created_at, updated_at)
       select id, $6, object_key, message_id, 'received', size, '{}', received_at, trace, 1, $7, $7
         from unnest($1::text[], $2::text[], $3::text[], $4::int8[], $5::timestamptz[], $8::text[])
           as given (id, object_key, message_id, size, received_at, trace)
       on conflict (bucket, object_key) do update set sweeps = r.sweeps + 1, updated_at = excluded.updated_at
       returning r.object_key as key, r.sweeps`,
      [
        objects.map(() => id.create("raw")),
        objects.map(({ key }) => key),
        objects.map(() => id.create("message")),
        objects.map(({ size }) => size),
        objects.map(({ modified }) => new Date(modified)),
        name,
        new Date(at),
        objects.map(({ key }) => trace.ofObjectKey(key)),
      ],
    );
    const sweeps = new Map(rows.map((row) => [row.key, row.sweeps]));
    await outbox.enqueue(
      objects.map(({ key, size, modified }) => ({
        kind: "sqs",
        key: `${name}/${key} ${sweeps.get(key) ?? 1}`,
        payload: {
          region: config("Settings").homeRegion,
          url: queue.url,
          body: notice(name, region, key, size, modified),
        },
        trace: trace.ofObjectKey(key),
      })),
    );
  });
}

/** S3's own form, so that the consumer knows one form only. */
function notice(bucket: string, region: string, key: string, size: number, modified: number): string {
  return JSON.stringify({
    Records: [
      {
        eventVersion: "2.1",
        eventSource: "aws:s3",
        awsRegion: region,
        eventTime: new Date(modified).toISOString(),
        eventName: "ObjectCreated:Put",
        s3: {
          bucket: { name: bucket },
          object: { key: encodeURIComponent(key).replaceAll("%20", "+").replaceAll("%2F", "/"), size },
        },
      },
    ],
  });
}
