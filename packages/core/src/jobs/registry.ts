import { deleteSQSFiles } from "../deletions/delete-sqs-files.ts";
import { expireUploads } from "../media/expire-uploads.ts";
import { forgetDeadLetters } from "../queues/forget-dead-letters.ts";
import { syncSchedule } from "../schedules/sync-job.ts";
import { expireTickets } from "./types/expire-tickets.ts";
import { probe } from "./types/probe.ts";
import { pruneJobs } from "./types/prune-jobs.ts";
import { redeliverOutbox } from "./types/redeliver-outbox.ts";
import type { JobType } from "./types.ts";

/**
 * Every job type there is. A type of another domain lies there and is listed here; it takes `define` from
 * `jobs/define.ts`. Read when first asked for: a type whose handler enqueues others imports this domain, and this domain it.
 */
const builtIn = (): readonly JobType[] => [
  deleteSQSFiles,
  expireTickets,
  expireUploads,
  forgetDeadLetters,
  probe,
  pruneJobs,
  redeliverOutbox,
  syncSchedule,
];

let types: Map<string, JobType> | undefined;

function all(): Map<string, JobType> {
  types ??= new Map(builtIn().map((type) => [type.name, type]));
  return types;
}

/** Undefined for one that no release has had, or that was taken out. */
export function find(name: string): JobType | undefined {
  return all().get(name);
}

export function list(): readonly JobType[] {
  return [...all().values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Further types, for tests and benchmarks. The returned function restores what was before. */
export function provide(more: readonly JobType[]): () => void {
  const before = all();
  types = new Map([...before, ...more.map((type) => [type.name, type] as const)]);
  return () => {
    types = before;
  };
}
