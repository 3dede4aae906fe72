/**
 * Calls to the world that a committed change owes. A row commits with the change; the writer makes the call right
 * after the commit, and the sweep makes those that were left. At least once: receivers are idempotent by `key`.
 */
import * as z from "zod";
import { withTrace } from "../actor/index.ts";
import * as aws from "../aws/index.ts";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { describe } from "../error/index.ts";
import { fault } from "../faults/index.ts";
import * as id from "../id/index.ts";
import * as log from "../log/index.ts";
import { backoffMs, inParallel } from "./schedule.ts";

export { backoffMs, inParallel } from "./schedule.ts";

const payloads = {
  /** A message for a queue. SQS keeps it back until `notBefore`, at most a quarter of an hour. */
  sqs: z.object({
    region: z.string(),
    url: z.string(),
    body: z.string(),
    notBefore: z.iso.datetime().optional(),
  }),
  /** Tags of an object; they replace what it has. */
  "s3-tag": z.object({
    region: z.string(),
    bucket: z.string(),
    key: z.string(),
    tags: z.record(z.string(), z.string()),
  }),
};

export type Kind = keyof typeof payloads;
export type Delivery = {
  [K in Kind]: { kind: K; key: string; payload: z.infer<(typeof payloads)[K]>; trace?: string };
}[Kind];

interface Row {
  id: string;
  kind: string;
  payload: unknown;
  attempts: number;
  trace: string | null;
}

/** How long whoever took a row may work on it before the sweep takes it for lost. */
const leaseMs = 60_000;
const parallel = 16;
/** SQS' own limit. */
const longestDelaySeconds = 900;

/**
 * Puts deliveries into the open transaction and makes them after its commit. The rows are born leased to this
 * process, so the sweep does not make the same calls beside it.
 * @param writes Of the same transaction, made in the same round trip ({@link database.together}).
 */
export async function enqueue(
  deliveries: readonly Delivery[],
  writes: readonly database.Statement[] = [],
): Promise<void> {
  const at = new Date(now());
  const rows = deliveries.map((delivery) => ({
    id: id.create("outbox"),
    kind: delivery.kind,
    key: delivery.key,
    payload: delivery.payload,
    attempts: 1,
    available_at: at,
    leased_until: new Date(at.getTime() + leaseMs),
    trace: delivery.trace ?? null,
    created_at: at,
  }));
  const owed = database.insertion(
    "outbox",
    [
      ["id", "text"],
      ["kind", "text"],
      ["key", "text"],
      ["payload", "jsonb"],
      ["attempts", "int4"],
      ["available_at", "timestamptz"],
      ["leased_until", "timestamptz"],
      ["trace", "text"],
      ["created_at", "timestamptz"],
    ],
    rows,
    "on conflict (kind, key) do nothing returning id",
  );
  const written = await database.use((handle) =>
    database.together<{ id: string }>(handle, [...writes, ...owed]),
  );
  if (owed.length === 0) return;
  const mine = new Set(written.map((row) => row.id));
  await database.afterCommit(() => deliver(rows.filter((row) => mine.has(row.id))));
}

/**
 * Takes what is due and nobody works on, and delivers it.
 * @returns How many were delivered, and how many failed and wait for their next try.
 */
export async function sweep(limit = 200): Promise<{ delivered: number; failed: number }> {
  const at = new Date(now());
  const rows = await database.use(({ query }) =>
    query<Row>(
      `update frontdesk.outbox o set attempts = o.attempts + 1, leased_until = $2
        where o.id in (
          select id from frontdesk.outbox
           where available_at <= $1 and (leased_until is null or leased_until <= $1)
           order by available_at limit $3 for update skip locked)
        returning o.id, o.kind, o.payload, o.attempts, o.trace`,
      [at, new Date(at.getTime() + leaseMs), limit],
    ),
  );
  return deliver(rows);
}

async function deliver(rows: readonly Row[]): Promise<{ delivered: number; failed: number }> {
  const done: string[] = [];
  const failed: { row: Row; error: unknown }[] = [];
  await inParallel(parallel, rows, async (row) => {
    try {
      await (row.trace ? withTrace(row.trace, () => call(row)) : call(row));
      done.push(row.id);
    } catch (error) {
      failed.push({ row, error });
    }
  });
  await fault("outbox.delivered");
  if (done.length > 0)
    await database.use(({ query }) => query("delete from frontdesk.outbox where id = any($1)", [done]));
  for (const { row, error } of failed) {
    const description = describe(error);
    log.warn("a delivery failed and will be tried again", {
      delivery: row.id,
      kind: row.kind,
      error: description,
    });
    await database.use(({ query }) =>
      query(
        "update frontdesk.outbox set leased_until = null, available_at = $2, last_error = $3 where id = $1",
        [
          row.id,
          new Date(now() + backoffMs(row.attempts)),
          `${description.name}: ${description.message}`.slice(0, 500),
        ],
      ),
    );
  }
  return { delivered: done.length, failed: failed.length };
}

async function call(row: Row): Promise<void> {
  switch (row.kind) {
    case "sqs": {
      const { region, url, body, notBefore } = payloads.sqs.parse(row.payload);
      const { SendMessageCommand } = await import("@aws-sdk/client-sqs");
      const delay = notBefore === undefined ? 0 : Math.ceil((Date.parse(notBefore) - now()) / 1_000);
      await (await aws.sqs(region)).send(
        new SendMessageCommand({
          QueueUrl: url,
          MessageBody: body,
          ...(delay > 0 && { DelaySeconds: Math.min(delay, longestDelaySeconds) }),
        }),
      );
      return;
    }
    case "s3-tag": {
      const { region, bucket, key, tags } = payloads["s3-tag"].parse(row.payload);
      const { PutObjectTaggingCommand } = await import("@aws-sdk/client-s3");
      const TagSet = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
      try {
        await (await aws.s3(region)).send(
          new PutObjectTaggingCommand({ Bucket: bucket, Key: key, Tagging: { TagSet } }),
        );
      } catch (error) {
        // Nothing is left to be tagged.
        if (!(error instanceof Error) || error.name !== "NoSuchKey") throw error;
      }
      return;
    }
    default:
      throw new Error(`there is no delivery of kind ${row.kind}`);
  }
}
