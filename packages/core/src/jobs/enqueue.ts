/** The way in: orders checked, deduplicated, and written into the caller's transaction or one of their own. */
import type * as z from "zod";
import { context, current } from "../actor/index.ts";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import * as id from "../id/index.ts";
import * as trace from "../trace/index.ts";
import { decide, holdKey, lockKey } from "./dedupe.ts";
import { order } from "./define.ts";
import { insert, type NewJob } from "./insert.ts";
import { admitLater } from "./lanes.ts";
import { checked, putAway } from "./payload.ts";
import { replace } from "./replace.ts";
import type { Claim, Dedupe, Enqueued, EnqueueOptions, JobType, Order } from "./types.ts";
import { wake } from "./wake.ts";

/**
 * Asks for a job, in the open transaction (if that is rolled back there was never a job), else in one of its own.
 * @throws VisibleError `validation`: `unknown_job_type`, `invalid_payload` naming each wrong field, `invalid_job_options`.
 * @throws VisibleError `too_large` for a large payload inside a transaction: put it away before, by `claims.put`.
 */
export async function enqueue<Schema extends z.ZodType>(
  type: JobType<string, Schema>,
  payload: z.input<Schema>,
  options: EnqueueOptions = {},
): Promise<Enqueued> {
  const [enqueued] = await enqueueMany([order(type, payload, options)]);
  if (!enqueued) throw new Error("one order gives one job");
  return enqueued;
}

/** All of them or none, in few statements and with one message. */
export async function enqueueMany(orders: readonly Order[]): Promise<Enqueued[]> {
  if (orders.length === 0) return [];
  const prepared: Prepared[] = [];
  for (const one of orders) prepared.push(await prepare(one));
  const write = (handle: database.Handle) => writeAll(handle, prepared);
  return database.inTransaction() ? database.use(write) : database.transaction(write, { repeatable: true });
}

/** An order whose payload is checked, and put away if it is too large. */
interface Prepared {
  id: string;
  type: JobType;
  payload: unknown;
  claim: Claim | null;
  options: EnqueueOptions;
  dedupe: Dedupe | undefined;
  concurrencyKey: string | undefined;
  children: Prepared[];
  followedBy: Prepared[];
}

async function prepare({ type, payload, options }: Order, inside = false): Promise<Prepared> {
  const { value, parsed } = checked(type, payload, options.claim);
  const dedupe = options.dedupe ?? type.dedupe(parsed);
  checkOptions(type, options, dedupe, inside);
  const jobId = options.claim ? ownerOf(options.claim) : id.create("job");
  const claim = options.claim ?? (await putAway(jobId, "payload", value));
  const children: Prepared[] = [];
  for (const child of options.children ?? []) children.push(await prepare(child, true));
  const followedBy: Prepared[] = [];
  for (const next of options.followedBy ?? []) followedBy.push(await prepare(next, true));
  return {
    id: jobId,
    type,
    payload: claim ? null : value,
    claim,
    options,
    dedupe,
    concurrencyKey: options.concurrencyKey ?? type.concurrencyKey(parsed),
    children,
    followedBy,
  };
}

/** `claims/<job>/payload` */
function ownerOf({ key }: Claim): string {
  const owner = key.split("/")[1] ?? "";
  if (!id.is("job", owner)) throw invalid(`${key} is not the claim of a job`);
  return owner;
}

const invalid = (message: string) => new VisibleError("validation", "invalid_job_options", message);

function checkOptions(
  type: JobType,
  { priority = 0, concurrencyKey, fairness, children, followedBy }: EnqueueOptions,
  dedupe: Dedupe | undefined,
  inside: boolean,
): void {
  if (!Number.isInteger(priority) || Math.abs(priority) > 100)
    throw invalid(`${type.name}: a priority is a whole number from -100 to 100`);
  for (const text of [concurrencyKey, fairness, dedupe?.key])
    if (text !== undefined && (text === "" || text.length > 200 || text.includes("\0")))
      throw invalid(`${type.name}: a key has 1 to 200 characters`);
  if (!dedupe) return;
  const timed = dedupe.mode === "debounce" || dedupe.mode === "throttle";
  if (timed && !(dedupe.windowMs !== undefined && dedupe.windowMs > 0))
    throw invalid(`${type.name}: ${dedupe.mode} needs a windowMs above 0`);
  if (inside || (children?.length ?? 0) > 0 || (followedBy?.length ?? 0) > 0)
    throw invalid(`${type.name}: a job that waits for others, or others for it, cannot be deduplicated`);
}

async function writeAll(handle: database.Handle, prepared: readonly Prepared[]): Promise<Enqueued[]> {
  const enqueued: Enqueued[] = [];
  const rows: NewJob[] = [];
  for (const one of prepared) {
    const kept = one.dedupe && (await deduplicate(handle, one, one.dedupe));
    if (kept === undefined) rows.push(...rowsOf(one, null, false));
    enqueued.push(kept ?? { id: one.id, created: true });
    if (kept === undefined && one.dedupe) {
      // The next of the same key must see this one.
      await insert(handle, rows.splice(0));
      await holdKey(handle, one.type.name, one.dedupe, one.id);
    }
  }
  await insert(handle, rows);
  const made = prepared
    .filter((_, index) => enqueued[index]?.created)
    .flatMap((one) => rowsOf(one, null, false));
  await admitLater(made.map(({ type_lane: typeLane, key_lane: keyLane }) => ({ typeLane, keyLane })));
  await wakeFor(made);
  return enqueued;
}

/** One message for what is due at once, and one for each later moment. */
async function wakeFor(made: readonly NewJob[]): Promise<void> {
  const moments = new Map<number, NewJob>();
  for (const row of made) {
    const due = row.state === "scheduled" ? row.run_at.getTime() : 0;
    if (row.state !== "waiting" && !moments.has(due)) moments.set(due, row);
  }
  for (const [due, row] of moments) await wake(`${row.id}/wake`, row.id, due === 0 ? undefined : row.run_at);
}

/** @returns The job that stands for this one; undefined when it is to be made. */
async function deduplicate(
  handle: database.Handle,
  one: Prepared,
  dedupe: Dedupe,
): Promise<Enqueued | undefined> {
  const { holder, until } = await lockKey(handle, one.type.name, dedupe.key);
  const decision = decide(dedupe, holder, until, now());
  if (decision === "create" || !holder) return undefined;
  if (decision === "replace") {
    const [row] = rowsOf(one, null, false);
    // Claimed in this very moment: it has begun.
    if (!row || !(await replace(handle, holder.id, row))) return undefined;
    await wake(`${one.id}/wake`, holder.id, row.run_at);
  }
  return { id: holder.id, created: false };
}

/** A job's row, with those of the jobs before and after it. */
function rowsOf(one: Prepared, awaitedBy: string | null, follows: boolean): NewJob[] {
  const [next, ...later] = one.followedBy;
  if (next)
    // Each is awaited by the one after it, the last by whoever waits for all of them.
    return [
      ...rowsOf({ ...one, followedBy: [] }, next.id, follows),
      ...rowsOf({ ...next, followedBy: [...next.followedBy, ...later] }, awaitedBy, true),
    ];
  const waits = follows || one.children.length > 0;
  return [rowOf(one, awaitedBy, waits), ...one.children.flatMap((child) => rowsOf(child, one.id, false))];
}

function rowOf(one: Prepared, awaitedBy: string | null, waits: boolean): NewJob {
  const { type, options, dedupe, concurrencyKey } = one;
  const actor = current();
  const by = actor.kind === "user" ? actor.userId : actor.name;
  const at = now();
  const runAt =
    dedupe?.mode === "debounce" ? new Date(at + (dedupe.windowMs ?? 0)) : (options.runAt ?? new Date(at));
  const typeLane = type.concurrency.total === undefined ? null : type.name;
  const keyLane =
    type.concurrency.perKey === undefined || concurrencyKey === undefined
      ? null
      : `${type.name}/${concurrencyKey}`;
  const line = keyLane ?? typeLane ?? "";
  const state = waits ? "waiting" : runAt.getTime() > at ? "scheduled" : line === "" ? "queued" : "blocked";
  return {
    id: one.id,
    type: type.name,
    state,
    payload: one.payload,
    payload_claim: one.claim,
    priority: options.priority ?? type.priority,
    fairness: options.fairness ?? by,
    type_lane: typeLane,
    key_lane: keyLane,
    line: state === "blocked" ? line : "",
    run_at: runAt,
    attempts_left: type.attempts,
    owner_id: actor.kind === "user" ? actor.userId : null,
    actor: by,
    concurrency_key: concurrencyKey ?? null,
    schedule: options.schedule?.name ?? null,
    schedule_due_at: options.schedule?.dueAt ?? null,
    awaited_by: awaitedBy,
    when_one_fails: waits ? (options.whenOneFails ?? "fail") : null,
    trace: context()?.trace ?? trace.create(),
  };
}
