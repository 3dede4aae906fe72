/** What follows from how an attempt ended. */
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { backoffOf } from "./backoff.ts";
import type { Claimed } from "./claim.ts";
import { errorOf, JobError, Stopped } from "./errors.ts";
import { find } from "./registry.ts";
import type { Claim, ErrorOfJob, State } from "./types.ts";

/** How one attempt ended, to be written down. */
export interface Ended {
  job: Claimed;
  startedAt: Date;
  endedAt: Date;
  state: State;
  result?: unknown;
  resultClaim?: Claim | undefined;
  error?: ErrorOfJob | undefined;
  /** When the next attempt is due. */
  runAt?: Date | undefined;
  /** It ended because the database was away: counted as a loss, and at first not as an attempt. */
  lostDatabase?: boolean;
  /** Of the attempt; `done` is the job's own. */
  outcome: "done" | "failed" | "timed_out" | "interrupted" | "lost" | "cancelled";
}

/** A job's identity and what it has left, as its row says. */
type Tried = Pick<Claimed, "type" | "attempt" | "attemptsLeft" | "losses">;

/** Losses in a row after which a database that is away counts as an attempt: the job may be what ends its connections. */
const mostLosses = 10;
/** From seconds, as a failover takes them, to minutes: half an hour in all. */
const databaseBackoff = { firstMs: 5_000, factor: 2, maxMs: 300_000 };

/** @param error What the handler threw, or why it was stopped. */
export function failure(
  job: Tried,
  error: unknown,
): Pick<Ended, "state" | "error" | "runAt" | "outcome" | "lostDatabase"> {
  if (error instanceof Stopped) {
    if (error.why === "cancelled") return { state: "cancelled", outcome: "cancelled" };
    // Not its own fault: it is next again, and the attempt is given back.
    if (error.why === "interrupted") return { state: "queued", outcome: "interrupted" };
  }
  const lostDatabase = database.isAway(error);
  if (lostDatabase && job.losses < mostLosses)
    return {
      state: "scheduled",
      outcome: "interrupted",
      error: errorOf(error),
      runAt: new Date(now() + backoffOf(databaseBackoff, job.losses + 1)),
      lostDatabase,
    };
  const timedOut = error instanceof Stopped && error.why === "timed_out";
  const described = timedOut
    ? { code: "job_timed_out", name: "JobTimedOut", message: error.message }
    : errorOf(error);
  const outcome = timedOut ? "timed_out" : "failed";
  const final = job.attemptsLeft <= 0 || (error instanceof JobError && !error.retry);
  if (final) return { state: "dead", error: described, outcome, lostDatabase };
  const type = find(job.type);
  const wait =
    error instanceof JobError && error.retryAfterMs !== undefined
      ? error.retryAfterMs
      : backoffOf(type?.backoff ?? { firstMs: 1_000, factor: 2, maxMs: 3_600_000 }, job.attempt);
  return { state: "scheduled", error: described, runAt: new Date(now() + wait), outcome, lostDatabase };
}
