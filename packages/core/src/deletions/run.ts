/** Deletes the objects that were asked for and that nobody refers to. */
import * as aws from "../aws/index.ts";
import { now } from "../clock/index.ts";
import { config } from "../config/index.ts";
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import { fault } from "../faults/index.ts";
import * as log from "../log/index.ts";
import { backoffMs } from "../outbox/schedule.ts";
import { ownerOf, prefixOf } from "./owners.ts";
import { lockOf } from "./request.ts";

/** Keys that DeleteObjects takes in one call. */
const perCall = 1_000;
/** How long whoever took a row may work on it before another run takes it for lost. */
const leaseMs = 120_000;
/** How long it is remembered that an object was deleted: {@link keep} asks. Nobody refers to what they put a day ago. */
const rememberedMs = 24 * 60 * 60_000;

export interface Deleted {
  /** Objects gone. S3 answers the same for one that was never there. */
  deleted: number;
  /** Asked for, and not deleted because somebody refers to them. */
  kept: number;
  /** Refused by S3; they are tried again. */
  failed: number;
}

/**
 * One round: at most a thousand objects.
 * @returns Undefined when nothing is due.
 */
export async function round(): Promise<Deleted | undefined> {
  const taken = await database.transaction(take);
  if (!taken) return undefined;
  await fault("deletions.taken");
  const errors = await deleteObjects(taken.keys);
  await fault("deletions.deleted");
  await settle(taken.keys, errors);
  return { deleted: taken.keys.length - errors.size, kept: taken.kept, failed: errors.size };
}

/**
 * Takes what is due and unused. Nothing here waits for a lock: an object whose lock somebody has is being referred to
 * right now, and is looked at again later. Who refers to it after this transaction finds it in state `deleting`.
 */
async function take({ query, orm }: Handle): Promise<{ keys: string[]; kept: number } | undefined> {
  const at = new Date(now());
  const due = await query<{ key: string; free: boolean }>(
    `select key, pg_try_advisory_xact_lock(${lockOf("key")}) as free
       from (select key from frontdesk.object_deletions where state <> 'deleted' and available_at <= $1
              order by available_at, key limit $2) due`,
    [at, perCall],
  );
  if (due.length === 0) return undefined;
  const held = due.filter(({ free }) => !free).map(({ key }) => key);
  const mine = await query<{ key: string }>(
    `select key from frontdesk.object_deletions
      where key = any($1) and state <> 'deleted' and available_at <= $2 for update skip locked`,
    [due.filter(({ free }) => free).map(({ key }) => key), at],
  );
  const keys = mine.map(({ key }) => key);
  const used = new Set(await referenced({ query, orm }, keys));
  const unused = keys.filter((key) => !used.has(key));
  // Whoever gives up the last reference asks again.
  await query("delete from frontdesk.object_deletions where key = any($1)", [[...used]]);
  await query(
    `update frontdesk.object_deletions set state = 'deleting', attempts = attempts + 1, available_at = $2 where key = any($1)`,
    [unused, new Date(at.getTime() + leaseMs)],
  );
  await query(
    `update frontdesk.object_deletions set available_at = $2 where key in (
       select key from frontdesk.object_deletions where key = any($1) and state = 'requested' for update skip locked)`,
    [held, new Date(at.getTime() + 1_000)],
  );
  return { keys: unused, kept: used.size };
}

/** Which of the keys the domains that own them still refer to. */
export async function referenced(handle: Handle, keys: readonly string[]): Promise<string[]> {
  const byPrefix = new Map<string, string[]>();
  for (const key of keys) {
    const prefix = prefixOf(key);
    // A release that knew its owner has been taken back: it stays.
    if (prefix === undefined) throw new Error(`no domain owns the object ${key}`);
    byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), key]);
  }
  const found: string[] = [];
  for (const [prefix, ofPrefix] of byPrefix)
    found.push(...(await (await ownerOf(prefix)).referenced(handle, ofPrefix)));
  return found;
}

/** @returns Why, by the keys that S3 did not delete. One that it never had counts as deleted, as with S3 itself. */
async function deleteObjects(keys: readonly string[]): Promise<Map<string, string>> {
  if (keys.length === 0) return new Map();
  const { name, region } = config("HomeBucket");
  const [client, { DeleteObjectsCommand }] = await Promise.all([
    aws.s3(region),
    import("@aws-sdk/client-s3"),
  ]);
  const { Errors = [] } = await client.send(
    new DeleteObjectsCommand({
      Bucket: name,
      Delete: { Quiet: true, Objects: keys.map((Key) => ({ Key })) },
    }),
  );
  return new Map(Errors.flatMap(({ Key, Code }) => (Key === undefined ? [] : [[Key, Code ?? "Unknown"]])));
}

async function settle(keys: readonly string[], errors: ReadonlyMap<string, string>): Promise<void> {
  const at = now();
  await database.use(async ({ query }) => {
    await query(
      `update frontdesk.object_deletions set state = 'deleted', deleted_at = $2, last_error = null where key = any($1)`,
      [keys.filter((key) => !errors.has(key)), new Date(at)],
    );
    if (errors.size > 0) {
      const waits = [...errors].map(() => new Date(at + backoffMs(6)));
      await query(
        `update frontdesk.object_deletions d set last_error = g.code, available_at = g.at
           from unnest($1::text[], $2::text[], $3::timestamptz[]) as g (key, code, at) where d.key = g.key`,
        [[...errors.keys()], [...errors.values()], waits],
      );
    }
    await query("delete from frontdesk.object_deletions where state = 'deleted' and deleted_at <= $1", [
      new Date(at - rememberedMs),
    ]);
  });
  if (errors.size > 0)
    log.warn("objects could not be deleted and will be tried again", {
      objects: errors.size,
      codes: [...new Set(errors.values())],
    });
}
