import { randomUUID } from "node:crypto";
import { now, sleep } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import type { QueueName } from "./registry.ts";

/** Longer than the API's function lives (infra/function.ts), so a lease is never lost to somebody who is still at it. */
const leaseMs = 30_000;
const patienceMs = 12_000;
const pollMs = 100;

/**
 * Takes the lease of a queue's dead letters if nobody has it: one at a time receives from it.
 * @param notSince Only if nobody has ended a look since.
 * @returns The lease's name, or undefined.
 */
export async function tryLease(queue: QueueName, notSince?: Date): Promise<string | undefined> {
  const by = randomUUID();
  const at = now();
  const [mine] = await database.use(({ query }) =>
    query(
      `insert into frontdesk.queue_looks as l (queue, leased_by, leased_until, complete) values ($1, $2, $3, false)
       on conflict (queue) do update set leased_by = excluded.leased_by, leased_until = excluded.leased_until
         where (l.leased_until is null or l.leased_until <= $4)
           and ($5::timestamptz is null or l.looked_at is null or l.looked_at <= $5)
       returning queue`,
      [queue, by, new Date(at + leaseMs), new Date(at), notSince ?? null],
    ),
  );
  return mine ? by : undefined;
}

/** @param look What it came to, if it was a look. */
export async function release(queue: QueueName, by: string, look?: { complete: boolean }): Promise<void> {
  await database.use(({ query }) =>
    query(
      `update frontdesk.queue_looks
          set leased_by = null, leased_until = null, looked_at = coalesce($3, looked_at), complete = coalesce($4, complete)
        where queue = $1 and leased_by = $2`,
      [queue, by, look ? new Date(now()) : null, look?.complete ?? null],
    ),
  );
}

/** Whether somebody has it. */
export async function leased(queue: QueueName): Promise<boolean> {
  const [row] = await database.use(({ query }) =>
    query("select 1 from frontdesk.queue_looks where queue = $1 and leased_until > $2", [
      queue,
      new Date(now()),
    ]),
  );
  return row !== undefined;
}

/** Runs `work` with the lease; waits for whoever has it. @throws VisibleError `unavailable` when that takes too long. */
export async function lease<T>(queue: QueueName, work: () => Promise<T>): Promise<T> {
  for (let waited = 0; ; waited += pollMs) {
    const by = await tryLease(queue);
    if (by !== undefined)
      try {
        return await work();
      } finally {
        await release(queue, by);
      }
    if (waited >= patienceMs)
      throw new VisibleError(
        "unavailable",
        "queue_busy",
        "Somebody is looking into this queue. Try again shortly.",
      );
    await sleep(pollMs);
  }
}

/** Waits until nobody has the lease, or for as long as a person would. */
export async function unleased(queue: QueueName): Promise<void> {
  for (let waited = 0; waited < patienceMs && (await leased(queue)); waited += pollMs) await sleep(pollMs);
}
