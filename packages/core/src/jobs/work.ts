/** A worker: claims what is next, runs it, writes down how it ended, until nothing is due or its time is nearly over. */
import { randomUUID } from "node:crypto";
import { now } from "../clock/index.ts";
import { describe, VisibleError } from "../error/index.ts";
import { fault } from "../faults/index.ts";
import * as log from "../log/index.ts";
import { begin, type Claimed, claim, disturbed, extend, leaseMs } from "./claim.ts";
import { promote, takeBack } from "./due.ts";
import { Stopped } from "./errors.ts";
import { createLedger } from "./ledger.ts";
import { type Running, run } from "./run.ts";
import { longestTimeoutMs } from "./types.ts";

export interface WorkOptions {
  /** Milliseconds that the worker still has. */
  remainingMs(): number;
  /** Handlers at a time. */
  parallel?: number;
  /** Called about every ten seconds while something runs. */
  onPulse?(): Promise<void>;
  /** Called when the first claim has been answered. */
  onFirstClaim?(claimed: number): Promise<void>;
}

export interface Worked {
  /** Attempts that came to an end. */
  ran: number;
  /** Whether there may be more to do. */
  left: boolean;
}

/** Handlers wait for others most of the time: ten keep a process of one CPU busy. */
const defaultParallel = 10;
const mostAtOnce = 100;
/** Work that is claimed ahead; nobody else can begin with it meanwhile. */
const aheadMs = 100;
/** To write down how everything ended. */
const marginMs = 8_000;
const lookMs = 1_000;
const pulseMs = 10_000;

export async function work(options: WorkOptions): Promise<Worked> {
  const { remainingMs, parallel = defaultParallel } = options;
  const worker = randomUUID();
  const ledger = createLedger(worker);
  const running = new Map<string, Running>();
  const whole = remainingMs();
  // A tenth where there is less: tests, and functions with little time.
  const margin = Math.min(marginMs, whole / 10);
  /** A job that starts now must have its time. */
  const mayStart = () => remainingMs() > Math.min(longestTimeoutMs + margin, whole / 2);
  const size = createSize(parallel);
  const waiting: Claimed[] = [];
  let ran = 0;
  let wakeUp: (() => void) | undefined;
  let looked = 0;
  let first = true;

  function start(job: Claimed): void {
    const from = performance.now();
    const { running: one, ended } = run(worker, job, ledger, remainingMs() - margin);
    running.set(job.id, one);
    void ended.then((result) => {
      running.delete(job.id);
      if (result) ledger.end(result);
      ran += 1;
      size.took(performance.now() - from);
      startNext();
      wakeUp?.();
    });
  }
  function startNext(): void {
    while (running.size < parallel) {
      const job = waiting.shift();
      if (!job) return;
      start(job);
    }
  }
  const pulse = keepAlive(worker, running, waiting, options.onPulse);
  let writing: Promise<void> | undefined;
  let failed: unknown;
  const write = () => {
    writing ??= ledger
      .flush(remainingMs)
      .catch((error: unknown) => {
        failed = error;
      })
      .finally(() => {
        writing = undefined;
      });
    return writing;
  };
  try {
    for (;;) {
      let claimed = 0;
      const free = waiting.length === 0 && running.size < parallel;
      if (free && mayStart() && failed === undefined) {
        if (now() - looked >= lookMs) {
          looked = now();
          await tolerant(first, async () => {
            await takeBack();
            await promote();
          });
        }
        const wanted = size.next(running.size);
        const jobs = await tolerant(first, () => claim(worker, wanted));
        await fault("jobs.claimed");
        claimed = jobs?.length ?? 0;
        if (first) await options.onFirstClaim?.(claimed);
        first = false;
        const suspects = (jobs ?? []).filter(({ losses }) => losses > 0);
        waiting.push(...(jobs ?? []).filter(({ losses }) => losses === 0));
        startNext();
        if (suspects.length > 0) await runAlone(suspects);
      }
      // Jobs that are over within this turn of the loop are written together.
      await new Promise((resolve) => setImmediate(resolve));
      if (claimed > 0 && running.size === 0 && waiting.length === 0 && ledger.size() < 4 * mostAtOnce) {
        void write();
        continue;
      }
      if (running.size === 0 && waiting.length === 0) {
        const had = ledger.size() > 0 || writing !== undefined;
        await write();
        if (failed !== undefined) throw failed;
        // What has ended may have let others in.
        if (claimed === 0 && !had) return { ran, left: !mayStart() };
        if (!mayStart()) return { ran, left: true };
        continue;
      }
      if (ledger.size() > 0) void write();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, lookMs);
        wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    pulse.stop();
  }

  /** One after the other, and nothing beside them: whichever takes its process down again takes no other with it. */
  async function runAlone(suspects: readonly Claimed[]): Promise<void> {
    while (running.size > 0 || waiting.length > 0) await nextEnd();
    await write();
    for (const job of suspects) {
      if (!(await begin(worker, job.id))) continue;
      start(job);
      while (running.size > 0) await nextEnd();
      await write();
      if (failed !== undefined) return;
    }
  }
  function nextEnd(): Promise<void> {
    return new Promise((resolve) => {
      wakeUp = resolve;
    });
  }
}

/** While the database is away a worker that has something running goes on with that; one that has not gives up. */
async function tolerant<T>(first: boolean, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (first || !(error instanceof VisibleError && error.kind === "unavailable")) throw error;
    log.warn("nothing could be claimed", { error: describe(error) });
    return undefined;
  }
}

/** How many to claim at once: the shorter the jobs, the more, and never more than about a tenth of a second of work. */
function createSize(parallel: number) {
  let mean: number | undefined;
  return {
    took(ms: number) {
      mean = mean === undefined ? ms : mean * 0.95 + ms * 0.05;
    },
    next(running: number): number {
      const free = parallel - running;
      if (mean === undefined) return free;
      const short = Math.floor((aheadMs / Math.max(mean, 0.01)) * parallel);
      return Math.max(free, Math.min(mostAtOnce, short));
    },
  };
}

/** Looks every second whether something was cancelled or lost, and extends the leases in time. */
function keepAlive(
  worker: string,
  running: ReadonlyMap<string, Running>,
  waiting: readonly Claimed[],
  onPulse: (() => Promise<void>) | undefined,
): { stop(): void } {
  let extended = performance.now();
  let busy = false;
  async function look(): Promise<void> {
    const ids = [...running.keys(), ...waiting.map(({ id }) => id)];
    if (ids.length === 0) return;
    for (const { id, mine } of await disturbed(worker, ids))
      running
        .get(id)
        ?.stop(
          mine
            ? new Stopped("cancelled", "somebody cancelled it")
            : new Stopped("lost", "the job is somebody else's by now"),
        );
    if (performance.now() - extended < pulseMs) return;
    extended = performance.now();
    await Promise.all([extend(worker, ids), onPulse?.()]);
  }
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    look()
      .catch((error: unknown) =>
        log.warn("a worker could not look after its jobs", { error: describe(error), leaseMs }),
      )
      .finally(() => {
        busy = false;
      });
  }, lookMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
