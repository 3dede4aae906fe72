/**
 * Jobs: claimed, handled by a handler that does nothing, acknowledged, with their turn, lease, attempt, result, history
 * and event; against bare `SKIP LOCKED`, which claims ten rows of a plain table and marks them done. Both with the same
 * number of connections.
 */
import { provide } from "@frontdesk/core/actor";
import * as config from "@frontdesk/core/config";
import * as database from "@frontdesk/core/database";
import { define, enqueueMany, order, work } from "@frontdesk/core/jobs";
import * as log from "@frontdesk/core/log";
import { Client } from "pg";
import * as z from "zod";
import * as registry from "../packages/core/src/jobs/registry.ts";
import { startPostgres } from "../packages/core/test/support/database.ts";
import { configOf } from "../packages/core/test/support/world.ts";
import { median, pairs, type Row } from "./row.ts";

const pairCount = 7;
const target = 0.4;
const most = 1.3;
const count = 5_000;
const connections = 8;
/** Each claims by one connection and acknowledges by another. */
const workers = connections / 2;

const nothing = define({
  name: "benchNothing",
  description: "Does nothing.",
  schema: z.object({ n: z.int() }),
  handler: async ({ n }) => ({ n }),
});

export async function jobs(): Promise<Row> {
  const postgres = await startPostgres();
  const made = await postgres.create({ max: connections });
  const admin = new Client({ connectionString: made.url });
  admin.on("error", () => undefined); // the query that waits fails, too
  await admin.connect();
  const { JobsQueue, JobsDeadLetterQueue, ...others } = configOf({ url: "http://127.0.0.1:1" });
  const restore = [config.provide(others), database.provide(made.pool), registry.provide([nothing])];
  log.configure({ sink: () => {} });
  try {
    await admin.query(`
      create table frontdesk.bench_queue (id bigint primary key, state text not null, payload jsonb not null);
      create index bench_queue_next on frontdesk.bench_queue (id) where state = 'queued';
      grant all on frontdesk.bench_queue to public`);
    const clear = () =>
      admin.query(
        "truncate frontdesk.jobs, frontdesk.topics, frontdesk.events, frontdesk.bench_queue cascade",
      );

    /** @returns Jobs a second. */
    const candidate = async (jobCount = count) => {
      await clear();
      await enqueue(jobCount);
      await admin.query("vacuum analyze frontdesk.jobs");
      const from = performance.now();
      await Promise.all(Array.from({ length: workers }, () => work({ remainingMs: () => 1_000_000 })));
      const seconds = (performance.now() - from) / 1000;
      const { rows } = await admin.query(
        "select count(*)::int as done from frontdesk.jobs where state = 'done'",
      );
      if (rows[0]?.done !== jobCount) throw new Error(`${rows[0]?.done} of ${jobCount} jobs are done`);
      return jobCount / seconds;
    };
    const reference = async (jobCount = count) => {
      await clear();
      await admin.query(
        `insert into frontdesk.bench_queue select n, 'queued', jsonb_build_object('n', n) from generate_series(1, $1) n`,
        [jobCount],
      );
      await admin.query("vacuum analyze frontdesk.bench_queue");
      const from = performance.now();
      await Promise.all(Array.from({ length: connections }, () => drain(made.pool)));
      return jobCount / ((performance.now() - from) / 1000);
    };
    for (let warm = 0; warm < 2; warm++) {
      await candidate();
      await reference();
    }
    const measured = await pairs(pairCount, candidate, reference);
    const ratio = median(measured.ratios);

    // Growth: a thousand jobs, and the same with a hundred thousand; by themselves and until all are done.
    const few: number[] = [];
    for (let run = 0; run < 7; run++) few.push(1 / (await candidate(1_000)));
    const many = 1 / (await candidate(100_000));
    const growth = many / median(few);
    return {
      name: "jobs: claim, handle, acknowledge",
      against: `bare SKIP LOCKED in tens, ${connections} connections each`,
      target: `>= ${target}, and 100,000 cost per job <= ${most} times what 1,000 do`,
      ratio,
      reached: ratio >= target && growth <= most,
      details: {
        "jobs a second": median(measured.candidate),
        "bare SKIP LOCKED, jobs a second": median(measured.reference),
      },
      growth: `a job of 100,000 takes ${growth.toFixed(2)} times as long as one of 1,000`,
    };
  } finally {
    for (const undo of restore.reverse()) undo();
    await admin.end();
    await made.drop();
    await postgres.stop();
  }
}

async function enqueue(jobCount: number): Promise<void> {
  await provide({ actor: { kind: "system", name: "bench" } }, async () => {
    for (let from = 0; from < jobCount; from += 5_000)
      await enqueueMany(
        Array.from({ length: Math.min(5_000, jobCount - from) }, (_, n) => order(nothing, { n: from + n })),
      );
  });
}

async function drain(pool: Awaited<ReturnType<Awaited<ReturnType<typeof startPostgres>>["create"]>>["pool"]) {
  const client = await pool.connect();
  try {
    for (;;) {
      const { rows } = await client.query<{ id: number; payload: { n: number } }>(
        `with next as materialized (
           select id from frontdesk.bench_queue where state = 'queued' order by id limit 10 for update skip locked)
         update frontdesk.bench_queue q set state = 'running' from next where q.id = next.id returning q.id, q.payload`,
      );
      if (rows.length === 0) return;
      const ids = rows.map(({ id, payload }) => (payload.n > 0 ? id : -1));
      await client.query("update frontdesk.bench_queue set state = 'done' where id = any($1)", [ids]);
    }
  } finally {
    client.release();
  }
}
