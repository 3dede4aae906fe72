/** Shapes that the parts of this domain share. */
import type * as z from "zod";
import type { Role } from "../actor/index.ts";
import type { Handle } from "../database/index.ts";

export const states = [
  /** Due later. */
  "scheduled",
  "queued",
  /** A limit of its type is full. */
  "blocked",
  /** For other jobs to end. */
  "waiting",
  "running",
  "done",
  "cancelled",
  /** Failed for good. */
  "dead",
] as const;
export type State = (typeof states)[number];
export const finalStates = ["done", "cancelled", "dead"] as const satisfies readonly State[];

/** A value that was put away because it is too large for a row. */
export interface Claim {
  key: string;
  /** Bytes. */
  size: number;
  sha256: string;
}

/** Why an attempt failed: no values, no bodies, no SQL. */
export interface ErrorOfJob {
  /** Stable, in snake case. */
  code: string;
  name: string;
  message: string;
}

export type DedupeMode =
  /** While one is not over, another one is not made. */
  | "drop"
  /** One that has not begun takes the new one's payload and options. */
  | "replace"
  /** Like replace, and it begins `windowMs` after the last call. */
  | "debounce"
  /** At most one is made in `windowMs`, whatever became of it. */
  | "throttle";

export interface Dedupe {
  /** Of one type. */
  key: string;
  mode: DedupeMode;
  /** Milliseconds; for debounce and throttle. */
  windowMs?: number | undefined;
}

export interface JobOptions<Payload> {
  /** Runs before it is dead, the first included. Default 5. */
  attempts?: number;
  /** Wait after a failure: from `firstMs` (default 1,000), times `factor` (2), up to `maxMs` (an hour); half of it is random. */
  backoff?: { firstMs?: number; factor?: number; maxMs?: number };
  /** After which its signal is aborted and the attempt has failed. Default 30,000, at most {@link longestTimeoutMs}. */
  timeoutMs?: number;
  /** How many run at a time: of the type, and with one `concurrencyKey`. */
  concurrency?: { total?: number; perKey?: number };
  /** From -100 to 100, higher ones first; default 0. Jobs of one priority take turns by fairness. */
  priority?: number;
  /** Who may start one by the API. Administrators always may. */
  startableBy?: readonly Exclude<Role, "admin">[];
  /** Used when whoever enqueues says nothing of it. */
  dedupe?(payload: Payload): Dedupe | undefined;
  concurrencyKey?(payload: Payload): string | undefined;
}

/** So that a job which starts last still has its time, an invocation takes no new job when less than this is left. */
export const longestTimeoutMs = 60_000;

/** What a handler has besides its payload. */
export interface Job {
  id: string;
  /** From 1. */
  attempt: number;
  /** Aborted when somebody cancels the job, its time is over, or the worker must stop. */
  signal: AbortSignal;
  schedule: { name: string; dueAt: Date } | undefined;
  /** @param fraction From 0 to 1. Kept and pushed; of many in a row the last one. */
  progress(fraction: number, note?: string): void;
  /** Kept and pushed; the first {@link mostLogLines} of a job. */
  log(line: string): void;
  /**
   * An effect in a database transaction of its own, which happens once for this job and key however often the job runs.
   * What it returned is remembered and returned again. It may be begun anew when the database rolls it back.
   * @param effect Given the key under which calls to the world are owed (`outbox.enqueue`), the job's and this one's.
   */
  once<T>(key: string, effect: (handle: Handle, outwardKey: string) => Promise<T>): Promise<T>;
  /** What the jobs it waited for came to, in the order in which they were given. */
  results(): Promise<JobResult[]>;
}

export const mostLogLines = 500;

export interface JobResult {
  id: string;
  type: string;
  state: State;
  result: unknown;
}

export interface JobType<
  Name extends string = string,
  Schema extends z.ZodType = z.ZodType,
  Result = unknown,
> {
  name: Name;
  /** What it does, in a sentence. */
  description: string;
  schema: Schema;
  attempts: number;
  backoff: { firstMs: number; factor: number; maxMs: number };
  timeoutMs: number;
  concurrency: { total: number | undefined; perKey: number | undefined };
  priority: number;
  startableBy: readonly Role[];
  dedupe(payload: z.output<Schema>): Dedupe | undefined;
  concurrencyKey(payload: z.output<Schema>): string | undefined;
  handler(payload: z.output<Schema>, job: Job): Promise<Result>;
}

export interface EnqueueOptions {
  /** Not before; absent or past: at once. */
  runAt?: Date | undefined;
  priority?: number | undefined;
  dedupe?: Dedupe | undefined;
  /** Groups take turns; default: who enqueues. */
  fairness?: string | undefined;
  concurrencyKey?: string | undefined;
  schedule?: { name: string; dueAt: Date } | undefined;
  /** The payload, put away beforehand by `claims.put`; the job has the identifier in its key. */
  claim?: Claim | undefined;
  /** Jobs that come first: this one waits until all of them have ended. */
  children?: readonly Order[] | undefined;
  /** When one of them is dead or cancelled, this one is too (`fail`, the default), or runs all the same (`run`). */
  whenOneFails?: "fail" | "run" | undefined;
  /** Jobs that come afterwards, one after the other, each when the one before is done. */
  followedBy?: readonly Order[] | undefined;
}

/** A job that is asked for. Made by `order`, which checks that the payload is of the type. */
export interface Order {
  type: JobType;
  payload: unknown;
  options: EnqueueOptions;
}

export interface Enqueued {
  id: string;
  /** False: deduplicated, and this is the job that stands for it. */
  created: boolean;
}
