/** How full the work queues are. */
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import * as realtime from "../realtime/index.ts";
import { follow } from "./moves.ts";
import type { Operation } from "./operations.ts";
import * as operations from "./operations.ts";
import { type QueueName, queueNames, queueOf, requireAdmin } from "./registry.ts";
import * as sqs from "./sqs.ts";

export interface Depth extends sqs.Counts {
  /** In the dead-letter queue, whoever has them in hand. */
  deadLetters: number;
}

/** Since when something waits, as far as the database knows. */
export interface Oldest {
  at: Date;
  /** Which rows say so: raw_mail, jobs, media, outbox. */
  from: string;
}

export interface Queue extends Depth {
  name: QueueName;
  /**
   * Null: nothing that we know of. SQS does not tell: its age of the oldest message is a metric of CloudWatch alone, and
   * the alarm's business. A receive would tell, and hide the message from its consumer.
   */
  oldest: Oldest | null;
  /** When the oldest dead letter of the last look was sent. */
  oldestDeadLetterAt: Date | null;
  /** The move task that runs. */
  redrive: Operation | null;
}

/** Changes are told at most this often. */
const quietMs = 3_000;

/** All work queues. Whoever listens to the topic `queues` hears of what has changed since somebody last looked. */
export async function listQueues(): Promise<Queue[]> {
  requireAdmin();
  const depths = await Promise.all(queueNames.map(depthOf));
  await tellChanges(depths);
  const known = await database.use(({ query }) =>
    query<{ name: QueueName; oldest: Date | null; from: string; dead: Date | null }>(oldestOf, [
      queueNames.map((name) => name),
      queueNames.map((name) => queueOf(name).work.url),
    ]),
  );
  const tasks = await running();
  return depths.map(({ name, depth }) => {
    const row = known.find((one) => one.name === name);
    return {
      name,
      ...depth,
      oldest: row?.oldest ? { at: row.oldest, from: row.from } : null,
      oldestDeadLetterAt: row?.dead ?? null,
      redrive: tasks.find(({ queue }) => queue === name) ?? null,
    };
  });
}

async function depthOf(name: QueueName): Promise<{ name: QueueName; depth: Depth }> {
  const { work, dead, region } = queueOf(name);
  const [waiting, died] = await Promise.all([sqs.counts(work.url, region), sqs.counts(dead.url, region)]);
  return { name, depth: { ...waiting, deadLetters: died.visible + died.inFlight + died.delayed } };
}

/** Tasks that run, with their progress as of now. */
async function running(): Promise<Operation[]> {
  const read = () =>
    database.use(async (handle) => {
      const rows = await handle.query<{ queue: QueueName }>(
        "select distinct queue from frontdesk.queue_operations where state = 'running'",
      );
      const found: Operation[] = [];
      for (const { queue } of rows) {
        const operation = await operations.running(handle, queue);
        if (operation) found.push(operation);
      }
      return found;
    });
  const before = await read();
  if (before.length === 0) return [];
  await Promise.all(before.map(({ queue }) => follow(queue)));
  return read();
}

/**
 * `$1`: names, `$2`: addresses of the work queues. Mail that a notice told of and that is not stored; jobs that are due;
 * messages that the outbox has not got rid of. A message that nobody received yet is in none of them.
 */
const oldestOf = `
  select q.name, o.at as oldest, o."from", (
           select min(d.sent_at) from frontdesk.dead_letters d where d.queue = q.name and d.state = 'waiting') as dead
    from unnest($1::text[], $2::text[]) as q (name, url)
    left join lateral (
      select at, "from" from (
        select min(r.received_at) as at, 'raw_mail' as "from" from frontdesk.raw_mail r
         where q.name = 'email' and r.state = 'received'
        union all
        select min(j.run_at), 'jobs' from frontdesk.jobs j where q.name = 'jobs' and j.state = 'queued'
        union all
        select min(b.created_at), 'outbox' from frontdesk.outbox b
         where b.kind = 'sqs' and b.payload ->> 'url' = q.url) one
       where at is not null order by at limit 1) o on true`;

async function tellChanges(depths: readonly { name: QueueName; depth: Depth }[]): Promise<void> {
  const at = now();
  await database.transaction(async ({ query }) => {
    const changed = await query<{ queue: QueueName }>(
      `insert into frontdesk.queue_looks as l (queue, complete, depth, depth_at)
       select name, false, depth::jsonb, $3 from unnest($1::text[], $2::text[]) as given (name, depth) order by name
       on conflict (queue) do update set depth = excluded.depth, depth_at = excluded.depth_at
         where l.depth is distinct from excluded.depth and (l.depth_at is null or l.depth_at <= $4)
       returning queue`,
      [
        depths.map(({ name }) => name),
        depths.map(({ depth }) => JSON.stringify(depth)),
        new Date(at),
        new Date(at - quietMs),
      ],
    );
    const names = new Set(changed.map(({ queue }) => queue));
    await realtime.publish(
      depths
        .filter(({ name }) => names.has(name))
        .map(({ name, depth }) => ({
          topic: "queues",
          type: "queue.depth",
          data: { queue: name, ...depth },
        })),
    );
  });
}
