import { refuseAll } from "./unbuilt.ts";

/** Runs jobs, one day. */
export const handler = refuseAll("jobs-consumer", "JobsQueue", "jobs are");
