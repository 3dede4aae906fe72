/** Move tasks: SQS sends all dead letters of a queue back by itself. */

import * as z from "zod";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { describe, VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import * as realtime from "../realtime/index.ts";
import { lease } from "./lease.ts";
import type { Operation } from "./operations.ts";
import * as operations from "./operations.ts";
import { actorName, type QueueName, QueueNameSchema, queueOf, requireAdmin } from "./registry.ts";
import * as sqs from "./sqs.ts";

/** Clocks differ: a task that seems to be this much older than its operation is still that operation's. */
const skewMs = 60_000;

/**
 * Compares what we know of a queue's move task with what SQS says, and writes down what has changed.
 * @returns The task that runs now, ours or somebody's who started it with other tools.
 */
export async function follow(name: QueueName): Promise<sqs.MoveTask | undefined> {
  const task = await sqs.latestTask(queueOf(name));
  const ours = await database.use((handle) => operations.running(handle, name));
  if (ours) await update(ours, task);
  return task?.running ? task : undefined;
}

async function update(ours: Operation, task: sqs.MoveTask | undefined): Promise<void> {
  const isOurs = task !== undefined && (task.running || task.startedAt >= ours.createdAt.getTime() - skewMs);
  // The call may be on its way still.
  if (!isOurs && now() - ours.createdAt.getTime() < skewMs) return;
  if (isOurs && task.running) {
    await database.use(({ query }) =>
      query(
        `update frontdesk.queue_operations
            set moved = greatest(moved, $2), letters = greatest(letters, $3), task_handle = coalesce($4, task_handle)
          where id = $1 and state = 'running'`,
        [ours.id, task.moved, task.toMove, task.handle ?? null],
      ),
    );
    return;
  }
  const state = !isOurs
    ? "failed"
    : task.status === "COMPLETED"
      ? "completed"
      : task.status === "CANCELLED"
        ? "cancelled"
        : "failed";
  await end(
    ours,
    state,
    task && isOurs ? task.moved : 0,
    isOurs ? task.failure : "SQS knows of no such task",
  );
}

async function end(
  { id, queue }: Pick<Operation, "id" | "queue">,
  state: Operation["state"],
  moved: number,
  failure?: string,
): Promise<void> {
  await database.transaction(async ({ query }) => {
    const [ended] = await query(
      `update frontdesk.queue_operations set state = $2, moved = greatest(moved, $3), failure = $4, ended_at = $5
        where id = $1 and state = 'running' returning id`,
      [id, state, moved, failure?.slice(0, 500) ?? null, new Date(now())],
    );
    if (ended) await tell(queue, id, { state, moved });
  });
}

function tell(queue: QueueName, operationId: string, more: Record<string, unknown>): Promise<void> {
  return realtime.publish([
    { topic: "queues", type: "queue.redriven", data: { queue, operationId, ...more } },
  ]);
}

/**
 * Sends all dead letters of a queue back to it, as they are. While a task runs there is no other: asked again, this
 * answers with the one that runs.
 */
export async function redriveAll(name: QueueName): Promise<Operation> {
  const queue = queueOf(name);
  // A look hides what it has in hand, and the task would leave it behind: it ends first.
  const operationId = await lease(name, async () => {
    if (await follow(name)) return undefined;
    const hidden = await database.use(({ query }) =>
      query<{ handle: string }>(
        `update frontdesk.dead_letters set hidden_until = null
          where queue = $1 and state = 'waiting' and hidden_until > $2 returning receipt_handle as handle`,
        [name, new Date(now())],
      ),
    );
    await sqs.show(
      queue,
      hidden.map(({ handle }) => handle),
    );
    const { visible } = await sqs.counts(queue.dead.url, queue.region);
    const added = await database.transaction((handle) =>
      operations.add(handle, { queue: name, kind: "redrive-all", state: "running", letters: visible }),
    );
    try {
      const handle = await sqs.startTask(queue);
      await database.transaction(async ({ query }) => {
        await query("update frontdesk.queue_operations set task_handle = $2 where id = $1", [
          added,
          handle ?? null,
        ]);
        await tell(name, added, { state: "running", letters: visible, by: actorName() });
      });
    } catch (error) {
      await end({ id: added, queue: name }, "failed", 0, describe(error).message);
      throw error;
    }
    return added;
  });
  return database.use(async (handle) => {
    const operation = operationId
      ? await operations.read(handle, operationId)
      : await operations.running(handle, name);
    if (!operation)
      throw new VisibleError(
        "conflict",
        "redrive_running",
        "Somebody is moving this queue's dead letters with other tools.",
      );
    return operation;
  });
}

/**
 * Stops a queue's move task. What was moved stays moved.
 * @returns Null when none runs.
 */
export const cancelRedrive = fn(
  z.object({ name: QueueNameSchema }),
  async ({ name }): Promise<Operation | null> => {
    requireAdmin();
    const task = await follow(name);
    const ours = await database.use((handle) => operations.running(handle, name));
    if (!ours || !task?.handle) return null;
    await sqs.cancelTask(queueOf(name).region, task.handle);
    await database.use(({ query }) =>
      query("update frontdesk.queue_operations set cancelled_by = $2 where id = $1", [ours.id, actorName()]),
    );
    await follow(name);
    return database.use((handle) => operations.read(handle, ours.id));
  },
);
