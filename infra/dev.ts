/**
 * `sst dev`: functions run on the developer's machine, which reaches the stage's queues, buckets and APIs, and neither
 * Postgres nor Redis in the private subnets. Their links lead to servers of this machine instead (database.ts, cache.ts),
 * which SST starts beside the functions, in a tab of its own.
 */
import { stage } from "./stage";

if ($dev)
  new sst.x.DevCommand("Services", {
    dev: { title: "Postgres and Redis", command: `npm run services -- --stage ${stage}`, autostart: true },
  });
