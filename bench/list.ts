import { coldStart } from "./cold.ts";
import { oneMessage } from "./hop.ts";
import { ingestWrites } from "./ingest.ts";
import { jobs } from "./jobs.ts";
import { mime } from "./mime.ts";
import { mailPath } from "./path.ts";
import { pictures, picturesWithAvif } from "./pictures.ts";
import type { Row } from "./row.ts";
import { startToReady } from "./start.ts";
import { threading } from "./threading.ts";

/** What `npm run bench` runs, in this order; `npm run bench -- name` runs one. */
export const benchmarks: Record<string, () => Promise<Row>> = {
  mime,
  ingest: ingestWrites,
  threading,
  path: mailPath,
  jobs,
  message: oneMessage,
  pictures,
  avif: picturesWithAvif,
  start: startToReady,
  cold: coldStart,
};
