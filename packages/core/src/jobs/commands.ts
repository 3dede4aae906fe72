/** What people do with jobs: start, cancel, retry. */
import * as z from "zod";
import { current, isAdmin } from "../actor/index.ts";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { keep } from "../deletions/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import { Reference } from "../id/index.ts";
import * as outbox from "../outbox/index.ts";
import { publish } from "../realtime/publish.ts";
import { jobNotFound, visibleOwner } from "./access.ts";
import { enqueue } from "./enqueue.ts";
import { topicOf } from "./finish.ts";
import { admitLater } from "./lanes.ts";
import { enter } from "./line.ts";
import { checked, putAway } from "./payload.ts";
import { find } from "./registry.ts";
import { awaitedFailed, settle } from "./settle.ts";
import { type Claim, type Enqueued, finalStates, type JobType, type State } from "./types.ts";
import { wake } from "./wake.ts";

const text = z
  .string()
  .min(1)
  .max(200)
  .refine((value) => !value.includes("\0"), "must not contain NUL");

export const Start = z.object({
  type: z.string().max(50),
  payload: z.unknown(),
  runAt: z.coerce.date().optional(),
  priority: z.int().min(-100).max(100).optional(),
  concurrencyKey: text.optional(),
  dedupe: z
    .object({
      key: text,
      mode: z.enum(["drop", "replace", "debounce", "throttle"]),
      windowMs: z
        .int()
        .min(1)
        .max(31 * 86_400_000)
        .optional(),
    })
    .optional(),
});

/**
 * Starts a job of a type by its name, for whoever acts.
 * @throws VisibleError `validation` for a type that there is not and a payload that it does not take; `forbidden` when
 *   the actor's role may not start it.
 */
export const start = fn(Start, async ({ type: name, payload, ...options }): Promise<Enqueued> => {
  const type = find(name);
  if (!type)
    throw new VisibleError("validation", "unknown_job_type", `There is no job type ${name.slice(0, 50)}.`);
  requireStart(type);
  // Others do not get ahead of everybody's jobs.
  if (!isAdmin(current()) && (options.priority ?? 0) > type.priority)
    throw new VisibleError("forbidden", "priority_forbidden", "Only administrators raise a job's priority.");
  return enqueue(type, payload, options);
});

export function mayStart({ startableBy }: JobType): boolean {
  const actor = current();
  return actor.kind === "system" || startableBy.some((role) => actor.roles.includes(role));
}

function requireStart(type: JobType): void {
  if (!mayStart(type))
    throw new VisibleError("forbidden", "job_type_forbidden", `Your role may not start ${type.name}.`);
}

interface Found {
  id: string;
  type: string;
  state: State;
  deaths: number;
  typeLane: string | null;
  keyLane: string | null;
  awaitedBy: string | null;
  trace: string;
}

async function lock({ query }: database.Handle, jobId: string): Promise<Found> {
  const [job] = await query<Found>(
    `select id, type, state, deaths, type_lane as "typeLane", key_lane as "keyLane", awaited_by as "awaitedBy", trace
       from frontdesk.jobs where id = $1 and ($2::text is null or owner_id = $2) for no key update`,
    [jobId, visibleOwner()],
  );
  if (!job) throw jobNotFound();
  return job;
}

const isOver = (state: State) => (finalStates as readonly State[]).includes(state);

/**
 * A job that has not begun is cancelled at once, with what was to be done for it. One that runs is told, and ends when
 * its handler does. May be repeated.
 * @throws VisibleError `conflict` for one that is over otherwise.
 */
export const cancel = fn(
  z.object({ jobId: Reference }),
  async ({ jobId }): Promise<{ state: State }> =>
    database.transaction(async (handle) => cancelIn(handle, jobId), { repeatable: true }),
);

async function cancelIn(handle: database.Handle, jobId: string): Promise<{ state: State }> {
  const job = await lock(handle, jobId);
  if (job.state === "cancelled") return { state: "cancelled" };
  if (isOver(job.state))
    throw new VisibleError("conflict", "job_over", `The job is ${job.state}: there is nothing to cancel.`);
  const at = new Date(now());
  if (job.state === "running") {
    await handle.query(
      "update frontdesk.jobs set cancel_requested_at = coalesce(cancel_requested_at, $2) where id = $1",
      [jobId, at],
    );
    return { state: "running" };
  }
  // Open ones that this one waits for, and those that they wait for, were asked for with it.
  const cancelled = await handle.query<Found>(
    `with recursive below as (
       select id from frontdesk.jobs where id = $1
       union select c.id from frontdesk.jobs c join below b on c.awaited_by = b.id
              where c.state not in ('done', 'cancelled', 'dead'))
     update frontdesk.jobs j
        set state = case when j.state = 'running' then j.state else 'cancelled' end, waits_in = '',
            cancel_requested_at = coalesce(cancel_requested_at, $2),
            finished_at = case when j.state = 'running' then null else $2::timestamptz end
       from below where j.id = below.id
     returning j.id, j.type, j.state, j.deaths, j.type_lane as "typeLane", j.key_lane as "keyLane",
               j.awaited_by as "awaitedBy", j.trace`,
    [jobId, at],
  );
  const over = cancelled.filter(({ state }) => state === "cancelled");
  const settled = await settle(
    handle,
    over.flatMap(({ awaitedBy }) => awaitedBy ?? []),
  );
  await outbox.enqueue(settled.owed);
  await admitLater([...over, ...settled.admit]);
  await publish([
    ...over.map(({ id, type, trace }) => ({
      topic: topicOf(id),
      trace,
      type: "job.cancelled",
      data: { jobId: id, type, endedAt: at.toISOString() },
    })),
    ...settled.events,
  ]);
  return { state: "cancelled" };
}

export const Retry = z.object({
  jobId: Reference,
  /** Another payload; absent: the same again. */
  payload: z.unknown().optional(),
});

/**
 * Lets a job that failed or was cancelled run again, with all its attempts. One that waits for its next attempt runs now.
 * May be repeated. Effects of `job.once` that have happened stay.
 * @throws VisibleError `conflict` for one that is done or runs; `validation` for a payload that the type does not take;
 *   `forbidden` for another payload of a type that the actor's role may not start.
 */
export const retry = fn(Retry, async ({ jobId, payload }): Promise<{ state: State }> => {
  const edited = payload === undefined ? undefined : await edit(jobId, payload);
  return database.transaction((handle) => retryIn(handle, jobId, edited), { repeatable: true });
});

/** A dead letter came back. Only the death that it tells of is forgiven, so an old copy changes nothing. */
export async function retryDeath(jobId: string, death: number): Promise<void> {
  await database.transaction(
    async (handle) => {
      const [job] = await handle.query(
        "select id from frontdesk.jobs where id = $1 and state = 'dead' and deaths = $2 for no key update",
        [jobId, death],
      );
      if (job) await retryIn(handle, jobId, undefined);
    },
    { repeatable: true },
  );
}

interface Edited {
  payload: unknown;
  claim: Claim | null;
  putAt: Date;
}

async function edit(jobId: string, payload: unknown): Promise<Edited> {
  const [job] = await database.use(({ query }) =>
    query<{ type: string }>(
      "select type from frontdesk.jobs where id = $1 and ($2::text is null or owner_id = $2)",
      [jobId, visibleOwner()],
    ),
  );
  if (!job) throw jobNotFound();
  const type = find(job.type);
  if (!type)
    throw new VisibleError("conflict", "unknown_job_type", `There is no job type ${job.type} any more.`);
  // Whose job it is may be somebody for whom the system asked for it: what it does was not theirs to say.
  requireStart(type);
  const { value } = checked(type, payload);
  const putAt = new Date(now());
  const claim = await putAway(jobId, "payload", value);
  return { payload: claim ? null : value, claim, putAt };
}

async function retryIn(
  handle: database.Handle,
  jobId: string,
  edited: Edited | undefined,
): Promise<{ state: State }> {
  // The same payload may have been put before, and be on its way out as an orphan.
  if (edited?.claim) await keep([edited.claim.key], edited.putAt);
  const job = await lock(handle, jobId);
  const inLine = ["queued", "blocked", "waiting"].includes(job.state);
  // Said before, and repeated.
  if (inLine && edited === undefined) return { state: job.state };
  if (inLine || job.state === "running" || job.state === "done")
    throw new VisibleError("conflict", "job_not_retriable", `The job is ${job.state}.`);
  await handle.query(
    `update frontdesk.jobs
        set state = 'waiting', run_at = $2, attempts_left = $3, losses = 0, error = null, finished_at = null,
            started_at = null, cancel_requested_at = null, progress = null, progress_note = null,
            payload = case when $4 then $5::jsonb else payload end,
            payload_claim = case when $4 then $6::jsonb else payload_claim end
      where id = $1`,
    [
      jobId,
      new Date(now()),
      find(job.type)?.attempts ?? 1,
      edited !== undefined,
      edited && edited.payload !== null ? JSON.stringify(edited.payload) : null,
      edited?.claim ? JSON.stringify(edited.claim) : null,
    ],
  );
  // Those that failed because of this one wait for it again.
  await handle.query(
    `with recursive above as (
       select awaited_by as id from frontdesk.jobs where id = $1 and awaited_by is not null
       union select j.awaited_by from frontdesk.jobs j join above a on j.id = a.id
              where j.awaited_by is not null and j.error ->> 'code' = $2)
     update frontdesk.jobs j set state = 'waiting', error = null, finished_at = null
       from above where j.id = above.id and j.state in ('dead', 'cancelled') and j.error ->> 'code' = $2`,
    [jobId, awaitedFailed],
  );
  const [waiting] = await handle.query(
    "select 1 from frontdesk.jobs where awaited_by = $1 and state not in ('done', 'cancelled', 'dead') limit 1",
    [jobId],
  );
  if (waiting) return { state: "waiting" };
  const [entered] = await enter(handle, [jobId], ["waiting"], "ready");
  await admitLater(entered?.state === "blocked" ? [entered] : []);
  await wake(`${jobId}/again/${job.deaths}/${now()}`, jobId);
  return { state: entered?.state ?? "queued" };
}
