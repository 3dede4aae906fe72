/**
 * Jobs: work that is asked for in a transaction and done by a worker, at least once, with effects that happen once.
 * docs/jobs.md says how to write a job type.
 */
export { cancel, mayStart, Retry, retry, Start, start } from "./commands.ts";
export { type ConsumeOptions, consume, type Delivery } from "./consume.ts";
export { define, order } from "./define.ts";
export { describeTypes, type JobTypeDescription } from "./describe.ts";
export { enqueue, enqueueMany } from "./enqueue.ts";
export { JobError } from "./errors.ts";
export { get, type JobDetails, type JobSummary, ListJobs, list } from "./read.ts";
export { find, list as types } from "./registry.ts";
export { sweep } from "./sweep.ts";
export {
  type Claim,
  type Dedupe,
  type Enqueued,
  type EnqueueOptions,
  type ErrorOfJob,
  finalStates,
  type Job,
  type JobType,
  type Order,
  type State,
  states,
} from "./types.ts";
export { type Worked, type WorkOptions, work } from "./work.ts";
