/** Deletes the objects that were asked for and that nobody refers to. */
import * as aws from "../aws/index.ts";
import { now } from "../clock/index.ts";
import { config } from "../config/index.ts";
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import { fault } from "../faults/index.ts";
import * as log from "../log/index.ts";
import { backoffMs } from "../outbox/schedule.ts";
import { type Owner, ownerOf, prefixOf } from "./owners.ts";
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
  const keys = [...taken.attempts.keys()];
  const errors = await deleteObjects(keys);
  await fault("deletions.deleted");
  const gone = keys.filter((key) => !errors.has(key));
  for (const [key, code] of await tellOwners(gone)) errors.set(key, code);
  await settle(taken.attempts, errors);
  return { deleted: gone.length, kept: taken.kept, failed: errors.size };
}

/** When there is something to do again: a try after an error, an object that was being referred to, a lease that ends. */
export async function nextDue(): Promise<Date | undefined> {
  const [row] = await database.use(({ query }) =>
    query<{ at: Date | null }>(
      "select min(available_at) as at from frontdesk.object_deletions where state <> 'deleted'",
    ),
  );
  return row?.at ?? undefined;
}

interface Taken {
  /** Tries of each object that is to go, this one included. */
  attempts: Map<string, number>;
  kept: number;
}

/**
 * Takes what is due and unused. Nothing here waits for a lock: an object whose lock somebody has is being referred to
 * right now, and is looked at again later. Who refers to it after this transaction finds it in state `deleting`.
 */
async function take({ query, orm }: Handle): Promise<Taken | undefined> {
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
  const attempts = await query<{ key: string; attempts: number }>(
    `update frontdesk.object_deletions set state = 'deleting', attempts = attempts + 1, available_at = $2
      where key = any($1) returning key, attempts`,
    [unused, new Date(at.getTime() + leaseMs)],
  );
  await query(
    `update frontdesk.object_deletions set available_at = $2 where key in (
       select key from frontdesk.object_deletions where key = any($1) and state = 'requested' for update skip locked)`,
    [held, new Date(at.getTime() + 1_000)],
  );
  return { attempts: new Map(attempts.map((row) => [row.key, row.attempts])), kept: used.size };
}

/** Which of the keys the domains that own them still refer to. */
export async function referenced(handle: Handle, keys: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const [owner, own] of await byOwner(keys)) found.push(...(await owner.referenced(handle, own)));
  return found;
}

/** @returns Why, by the keys whose owner could not do yet what follows from their deletion. */
async function tellOwners(keys: readonly string[]): Promise<Map<string, string>> {
  const failed = new Map<string, string>();
  for (const [owner, own] of await byOwner(keys))
    for (const [key, code] of (await owner.deleted?.(own)) ?? []) failed.set(key, code);
  return failed;
}

async function byOwner(keys: readonly string[]): Promise<Map<Owner, string[]>> {
  const found = new Map<Owner, string[]>();
  for (const key of keys) {
    const prefix = prefixOf(key);
    // A release that knew its owner has been taken back: it stays.
    if (prefix === undefined) throw new Error(`no domain owns the object ${key}`);
    const owner = await ownerOf(prefix);
    const own = found.get(owner);
    if (own) own.push(key);
    else found.set(owner, [key]);
  }
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

async function settle(
  attempts: ReadonlyMap<string, number>,
  errors: ReadonlyMap<string, string>,
): Promise<void> {
  const at = now();
  await database.use(async ({ query }) => {
    // What was asked for meanwhile (no attempts) is done once more, at once.
    await query(
      `update frontdesk.object_deletions
          set state = case attempts when 0 then state else 'deleted' end,
              deleted_at = case attempts when 0 then null else $2::timestamptz end,
              available_at = case attempts when 0 then $2::timestamptz else available_at end, last_error = null
        where key = any($1)`,
      [[...attempts.keys()].filter((key) => !errors.has(key)), new Date(at)],
    );
    if (errors.size > 0) {
      const waits = [...errors.keys()].map((key) => new Date(at + backoffMs((attempts.get(key) ?? 0) + 4)));
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
