import * as jobs from "../jobs/index.ts";
import { expireUploads } from "./expire-uploads.ts";

const everyMs = 15 * 60_000;

/** Has the job `expireUploads` run every quarter of an hour, however often it is asked for. */
export async function askToExpire(): Promise<void> {
  await jobs.enqueue(expireUploads, {}, { dedupe: { key: "all", mode: "throttle", windowMs: everyMs } });
}
