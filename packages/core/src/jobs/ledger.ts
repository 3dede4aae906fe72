/**
 * What a worker has to write down: ends, progress, log lines, in the order in which they came. While one transaction is
 * on its way the next one fills up, so many short jobs share one and a lone one does not wait.
 */
import { now, sleep } from "../clock/index.ts";
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import { describe, VisibleError } from "../error/index.ts";
import { fault } from "../faults/index.ts";
import * as id from "../id/index.ts";
import * as log from "../log/index.ts";
import type { NewEvent } from "../realtime/publish.ts";
import type { Claimed } from "./claim.ts";
import { finish, topicOf } from "./finish.ts";
import type { Ended } from "./outcome.ts";

interface Progress {
  fraction: number;
  note: string | undefined;
}
interface Line {
  jobId: string;
  id: string;
  attempt: number;
  at: Date;
  line: string;
}

export interface Ledger {
  /** Somebody waits: shown at once, before anything else of the job. */
  started(job: Claimed, at: Date): void;
  progress(job: Claimed, progress: Progress): void;
  line(job: Claimed, line: string): void;
  end(ended: Ended): void;
  /** Entries that are not written yet. */
  size(): number;
  /**
   * Until everything is written. While the database is away it is tried again.
   * @param remainingMs How long it may take.
   * @throws What the last try threw, when the time is over.
   */
  flush(remainingMs: () => number): Promise<void>;
}

/** Of progress and lines: what comes within is written together. */
const pauseMs = 200;

export function createLedger(worker: string): Ledger {
  let events: NewEvent[] = [];
  let lines: Line[] = [];
  let progresses = new Map<string, Progress & { job: Claimed }>();
  let ends: Ended[] = [];
  let writing: Promise<void> | undefined;
  let paused: NodeJS.Timeout | undefined;

  const size = () => events.length + lines.length + progresses.size + ends.length;

  async function write(): Promise<void> {
    clearTimeout(paused);
    paused = undefined;
    const taken = { events, lines, progresses, ends };
    events = [];
    lines = [];
    progresses = new Map();
    ends = [];
    const shown = [...taken.progresses.values()].map(({ job, fraction, note }) => ({
      topic: topicOf(job.id),
      trace: job.trace,
      type: "job.progress",
      data: { jobId: job.id, progress: fraction, ...(note !== undefined && { note }) },
    }));
    try {
      await finish(worker, taken.ends, {
        events: [...taken.events, ...shown],
        write: (handle) => writeDown(handle, worker, taken.progresses, taken.lines),
      });
      await fault("jobs.finished");
    } catch (error) {
      // Nothing of it is written: it goes before what came since.
      events = [...taken.events, ...events];
      lines = [...taken.lines, ...lines];
      progresses = new Map([...taken.progresses, ...progresses]);
      ends = [...taken.ends, ...ends];
      throw error;
    }
  }

  /** One writer at a time; whoever comes meanwhile waits for the one after. */
  async function writeNext(): Promise<void> {
    await writing;
    if (size() === 0) return;
    writing ??= write().finally(() => {
      writing = undefined;
    });
    await writing;
  }

  function later(): void {
    paused ??= setTimeout(() => {
      writeNext().catch((error: unknown) =>
        log.warn("progress could not be written yet", { error: describe(error) }),
      );
    }, pauseMs);
  }

  return {
    started(job, at) {
      events.push({
        topic: topicOf(job.id),
        trace: job.trace,
        type: "job.started",
        data: { jobId: job.id, type: job.type, attempt: job.attempt, startedAt: at.toISOString() },
      });
      later();
    },
    progress(job, progress) {
      progresses.set(job.id, { ...progress, job });
      later();
    },
    line(job, line) {
      const at = new Date(now());
      lines.push({ jobId: job.id, id: id.create("jobLog"), attempt: job.attempt, at, line });
      events.push({
        topic: topicOf(job.id),
        trace: job.trace,
        type: "job.log",
        data: { jobId: job.id, at: at.toISOString(), line },
      });
      later();
    },
    end(ended) {
      ends.push(ended);
    },
    size,
    async flush(remainingMs) {
      for (let wait = 100; size() > 0 || writing; wait = Math.min(wait * 2, 2_000))
        try {
          await writeNext();
        } catch (error) {
          // What the database will never take is not tried until the time is over: the leases run out, and each of these
          // jobs runs alone then.
          const passing = error instanceof VisibleError && error.kind === "unavailable";
          if (!passing || remainingMs() <= wait) throw error;
          log.warn("ends of jobs could not be written; trying again", { error: describe(error) });
          await sleep(wait);
        }
    },
  };
}

/** Of jobs that this worker still holds. */
async function writeDown(
  handle: Handle,
  worker: string,
  progresses: ReadonlyMap<string, Progress>,
  lines: readonly Line[],
): Promise<void> {
  if (progresses.size > 0)
    await handle.query(
      `update frontdesk.jobs j set progress = g.fraction, progress_note = g.note
         from unnest($1::text[], $2::float4[], $3::text[]) as g (id, fraction, note)
        where j.id = g.id and (j.leased_by = $4 or j.state = 'done')`,
      [
        [...progresses.keys()],
        [...progresses.values()].map(({ fraction }) => fraction),
        [...progresses.values()].map(({ note }) => note ?? null),
        worker,
      ],
    );
  await database.insertRows(
    handle,
    "job_logs",
    [
      ["job_id", "text"],
      ["id", "text"],
      ["attempt", "int4"],
      ["at", "timestamptz"],
      ["line", "text"],
    ],
    lines.map(({ jobId, ...line }) => ({ job_id: jobId, ...line })),
    "on conflict do nothing",
  );
}
