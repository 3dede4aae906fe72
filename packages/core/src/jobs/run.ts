/** One attempt of one job. */
import { provide } from "../actor/index.ts";
import { now } from "../clock/index.ts";
import { describe, VisibleError } from "../error/index.ts";
import * as log from "../log/index.ts";
import type { Claimed } from "./claim.ts";
import { isStorable, JobError, Stopped, storable } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import { once } from "./once.ts";
import { type Ended, failure } from "./outcome.ts";
import { parsePayload, putAway, readBack } from "./payload.ts";
import { find } from "./registry.ts";
import { results } from "./results.ts";
import { type Job, mostLogLines } from "./types.ts";

/** How long a handler has after its signal was aborted; then it goes on alone, and its job without it. */
const graceMs = 2_000;
/** A job that is over sooner tells its start with its end. */
const showStartAfterMs = 250;
const longestLine = 2_000;

export interface Running {
  job: Claimed;
  stop(stopped: Stopped): void;
}

/**
 * Runs a handler to its end, or to that of its time.
 * @param remainingMs Of the invocation, less what is needed to write down how it ended.
 */
export function run(
  worker: string,
  job: Claimed,
  ledger: Ledger,
  remainingMs: number,
): { running: Running; ended: Promise<Ended | undefined> } {
  const controller = new AbortController();
  let giveUp: () => void = () => {};
  const abandoned = new Promise<never>((_, reject) => {
    giveUp = () => reject(controller.signal.reason);
  });
  // Nobody may wait for it.
  abandoned.catch(() => undefined);
  let grace: NodeJS.Timeout | undefined;
  const stop = (stopped: Stopped) => {
    if (controller.signal.aborted) return;
    controller.abort(stopped);
    grace = setTimeout(giveUp, graceMs);
  };
  const startedAt = new Date(now());
  const ended = (async (): Promise<Ended | undefined> => {
    const timers = [
      setTimeout(() => ledger.started(job, startedAt), showStartAfterMs),
      timeLimit(job, remainingMs, stop),
    ];
    try {
      const handled = handle(worker, job, ledger, controller.signal);
      handled.catch(() => undefined);
      const { result, resultClaim } = await Promise.race([handled, abandoned]);
      return { ...base(job, startedAt), state: "done", outcome: "done", result, resultClaim };
    } catch (thrown) {
      const reason: unknown = controller.signal.reason;
      // Whatever it throws once it was told to stop, it stopped for that.
      const error = reason instanceof Stopped ? reason : thrown;
      if (error instanceof Stopped && error.why === "lost") return undefined;
      log.warn("an attempt of a job failed", {
        job: job.id,
        type: job.type,
        attempt: job.attempt,
        error: describe(error),
        trace: job.trace,
      });
      return { ...base(job, startedAt), ...failure(job, error) };
    } finally {
      for (const timer of timers) clearTimeout(timer);
      clearTimeout(grace);
    }
  })();
  return { running: { job, stop }, ended };
}

const base = (job: Claimed, startedAt: Date) => ({ job, startedAt, endedAt: new Date(now()) });

/** The type's time, or the invocation's if that is over sooner. */
function timeLimit(job: Claimed, remainingMs: number, stop: (stopped: Stopped) => void): NodeJS.Timeout {
  const { timeoutMs = remainingMs } = find(job.type) ?? {};
  return timeoutMs <= remainingMs
    ? setTimeout(() => stop(new Stopped("timed_out", `it took longer than ${timeoutMs} ms`)), timeoutMs)
    : setTimeout(
        () => stop(new Stopped("interrupted", "the worker's time is over")),
        Math.max(0, remainingMs),
      );
}

async function handle(
  worker: string,
  job: Claimed,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<Pick<Ended, "result" | "resultClaim">> {
  const type = find(job.type);
  // During a deployment a worker of the release before may get it: the next one will know it.
  if (!type) throw new JobError("unknown_job_type", `there is no job type ${job.type} in this release`);
  const payload = parseAgain(job, await readBack(job.payload, job.payloadClaim));
  return provide(
    { actor: { kind: "system", name: `job ${job.type}` }, requestId: job.id, trace: job.trace },
    async () => {
      const returned: unknown = await type.handler(payload, contextOf(worker, job, ledger, signal));
      const json = returned === undefined ? undefined : (JSON.stringify(returned) ?? "null");
      if (json !== undefined && !isStorable(json))
        throw new JobError("result_not_storable", "its result contains NUL", { retry: false });
      const result: unknown = json === undefined ? undefined : JSON.parse(json);
      const claim = result === undefined ? null : await putAway(job.id, "result", result);
      return claim ? { resultClaim: claim } : { result };
    },
  );
}

/** A payload that was good once and is no longer: the type has changed, and no further attempt helps. */
function parseAgain(job: Claimed, value: unknown): unknown {
  const type = find(job.type);
  try {
    return type && parsePayload(type, value);
  } catch (error) {
    if (!(error instanceof VisibleError)) throw error;
    throw new JobError(error.code, error.message, { retry: false });
  }
}

function contextOf(worker: string, job: Claimed, ledger: Ledger, signal: AbortSignal): Job {
  let lines = 0;
  return {
    id: job.id,
    attempt: job.attempt,
    signal,
    schedule:
      job.schedule !== null && job.scheduleDueAt !== null
        ? { name: job.schedule, dueAt: job.scheduleDueAt }
        : undefined,
    progress: (fraction, note) =>
      ledger.progress(job, {
        fraction: Math.min(1, Math.max(0, fraction)),
        note: note && storable(note).slice(0, longestLine),
      }),
    log: (line) => {
      lines += 1;
      if (lines < mostLogLines) ledger.line(job, storable(line).slice(0, longestLine));
      else if (lines === mostLogLines) ledger.line(job, "… further lines are not kept");
    },
    once: (key, effect) => once(worker, job, key, effect),
    results: () => results(job.id),
  };
}
