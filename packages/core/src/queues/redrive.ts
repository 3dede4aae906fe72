/** Sends dead letters back to where they came from. */
import * as z from "zod";
import { now } from "../clock/index.ts";
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fault } from "../faults/index.ts";
import { fn } from "../fn/index.ts";
import { Reference } from "../id/index.ts";
import { parseMessage } from "../jobs/messages.ts";
import * as outbox from "../outbox/index.ts";
import * as realtime from "../realtime/index.ts";
import { checkBody, json } from "./bodies.ts";
import { Filter, find } from "./letters.ts";
import { look } from "./look.ts";
import { redriveAll } from "./moves.ts";
import type { Operation } from "./operations.ts";
import * as operations from "./operations.ts";
import { actorName, MessageId, type QueueName, QueueNameSchema, queueOf, requireAdmin } from "./registry.ts";
import * as sqs from "./sqs.ts";

/** Letters that one call sends back by hand; the rest is left, and said so. */
const mostAtOnce = 200;

const Chosen = z.strictObject({
  messageId: MessageId,
  /** Instead of the one it died with: what the queue's consumer takes; for a letter about a job, the job's new payload. */
  body: z
    .string()
    .max(1024 * 1024)
    .optional(),
});

/** All, chosen ones, or those that a filter of the list names. */
export const RedriveInput = z.union([
  z.strictObject({ all: z.literal(true) }),
  z.strictObject({ messages: z.array(Chosen).min(1).max(mostAtOnce) }),
  z.strictObject({
    filter: Filter.refine(({ code, q }) => code !== undefined || q !== undefined, "must have a code or a q"),
  }),
]);

export type Outcome =
  /** Sent back now. */
  | "redriven"
  /** Somebody sent it back, moved or deleted it before. */
  | "left"
  | "not_found"
  /** Its job cannot be run again; `code` says why. */
  | "refused";

export interface Redriven {
  operation: Operation | null;
  results: { messageId: string; outcome: Outcome; code?: string }[];
  /** Letters that the filter names besides. */
  left: number;
}

/**
 * Sends dead letters back. All of them by SQS's own move task, as they are; others one by one. Repeating it does nothing
 * more to a letter that was sent back. A crash at any point delivers a letter twice at worst, and consumers come to the
 * same result then: what is owed to the work queue commits with the decision, and the dead letter is deleted after.
 * @throws VisibleError `validation` (`invalid_body`) for an edited body that the consumer would not take.
 */
export const redrive = fn(
  z.object({ name: QueueNameSchema, what: RedriveInput }),
  async ({ name, what }): Promise<Redriven> => {
    requireAdmin();
    if ("all" in what) return { operation: await redriveAll(name), results: [], left: 0 };
    if ("messages" in what) {
      const known = await database.use((handle) =>
        areKnown(
          handle,
          name,
          what.messages.map(({ messageId }) => messageId),
        ),
      );
      if (!known) await look(name);
      return { ...(await redriveSome(name, what.messages)), left: 0 };
    }
    await look(name);
    const { ids, left } = await database.use((handle) => find(handle, name, what.filter, mostAtOnce));
    if (ids.length === 0) return { operation: null, results: [], left };
    return {
      ...(await redriveSome(
        name,
        ids.map((messageId) => ({ messageId })),
        what.filter,
      )),
      left,
    };
  },
);

async function areKnown({ query }: Handle, name: QueueName, ids: readonly string[]): Promise<boolean> {
  const [row] = await query<{ count: number }>(
    "select count(*)::int as count from frontdesk.dead_letters where queue = $1 and message_id = any($2)",
    [name, ids],
  );
  return row?.count === new Set(ids).size;
}

interface Letter {
  id: string;
  state: string;
  body: string | null;
  handle: string;
  jobId: string | null;
  operationId: string | null;
  trace: string | null;
}

async function redriveSome(
  name: QueueName,
  chosen: readonly { messageId: string; body?: string | undefined }[],
  filter?: Filter,
): Promise<Omit<Redriven, "left">> {
  const edits = new Map(
    chosen.flatMap(({ messageId, body }) => (body === undefined ? [] : [[messageId, body]])),
  );
  const ids = [...new Set(chosen.map(({ messageId }) => messageId))];
  const { results, handles, operation } = await database.transaction(async (handle) => {
    const letters = await lock(handle, name, ids);
    const results: Redriven["results"] = [];
    const sent: { letter: Letter; delivery: outbox.Delivery | undefined }[] = [];
    for (const id of ids) {
      const letter = letters.get(id);
      if (letter?.state !== "waiting") {
        results.push({ messageId: id, outcome: letter ? "left" : "not_found" });
        continue;
      }
      const { refused, delivery } = await sendBack(name, letter, edits.get(id));
      if (refused === undefined) sent.push({ letter, delivery });
      results.push({
        messageId: id,
        outcome: refused === undefined ? "redriven" : "refused",
        ...(refused && { code: refused }),
      });
    }
    if (sent.length === 0) return { results, handles: [], operation: null };
    const operationId = await operations.add(handle, {
      queue: name,
      kind: "redrive",
      state: "completed",
      letters: sent.length,
      edited: sent.filter(({ letter }) => edits.has(letter.id)).length,
      ...(filter && {
        filter: { ...(filter.code && { code: filter.code }), ...(filter.q && { q: filter.q }) },
      }),
    });
    await leave(
      handle,
      name,
      sent.map(({ letter }) => letter.id),
      "redriven",
      operationId,
    );
    await outbox.enqueue(sent.flatMap(({ delivery }) => delivery ?? []));
    await realtime.publish([
      {
        topic: "queues",
        type: "queue.redriven",
        data: { queue: name, operationId, state: "completed", moved: sent.length, by: actorName() },
      },
    ]);
    return {
      results,
      handles: sent.map(({ letter }) => letter.handle),
      operation: await operations.read(handle, operationId),
    };
  });
  await fault("queues.redrive.committed");
  await sqs.remove(queueOf(name), handles);
  return { operation, results };
}

/** Letters by their identifiers, locked until the end of the transaction. */
export async function lock(
  { query }: Handle,
  name: QueueName,
  ids: readonly string[],
): Promise<Map<string, Letter>> {
  const letters = await query<Letter>(
    `select d.message_id as id, d.state, d.body, d.receipt_handle as handle, d.job_id as "jobId",
            d.operation_id as "operationId", (
              select f.trace from frontdesk.failures f
               where f.queue_message_id = d.message_id order by f.attempt desc limit 1) as trace
       from frontdesk.dead_letters d where d.queue = $1 and d.message_id = any($2) order by d.message_id for update`,
    [name, ids],
  );
  return new Map(letters.map((letter) => [letter.id, letter]));
}

/** A letter that was decided about: whoever takes it out of the queue from now on deletes it there. */
export async function leave(
  { query }: Handle,
  name: QueueName,
  ids: readonly string[],
  state: "redriven" | "deleted",
  operationId: string,
): Promise<void> {
  await query(
    `update frontdesk.dead_letters set state = $3, body = null, operation_id = $4, left_at = $5, hidden_until = null
      where queue = $1 and message_id = any($2)`,
    [name, ids, state, operationId, new Date(now())],
  );
}

/** @returns What is owed to the work queue, or why the letter's job will not run again. */
async function sendBack(
  name: QueueName,
  { id, body, jobId, trace }: Letter,
  edited: string | undefined,
): Promise<{ refused?: string; delivery?: outbox.Delivery }> {
  const path = `messages.${id}.body`;
  // A wake whose consumer failed is no job's failure: it wakes again. Edited, it is the job that is meant.
  if (jobId !== null && (edited !== undefined || parseMessage(body ?? "")?.kind === "death"))
    return retryJob(jobId, edited, path);
  if (edited !== undefined) checkBody(name, edited, path);
  const { work, region } = queueOf(name);
  return {
    delivery: {
      kind: "sqs",
      key: `redrive/${name}/${id}`,
      payload: { region, url: work.url, body: edited ?? body ?? "" },
      ...(trace !== null && { trace }),
    },
  };
}

/** A dead job runs again by its own way in, which wakes a worker. */
async function retryJob(
  jobId: string,
  edited: string | undefined,
  path: string,
): Promise<{ refused?: string }> {
  const jobs = await import("../jobs/index.ts");
  const options = edited === undefined ? {} : { payload: payloadOf(edited, path) };
  if (!Reference.safeParse(jobId).success) return { refused: "job_not_found" };
  try {
    // A savepoint: one that is refused does not take the others with it.
    await database.transaction(() => jobs.retry({ jobId, ...options }));
    return {};
  } catch (error) {
    if (!(error instanceof VisibleError) || error.kind === "validation" || error.kind === "unavailable")
      throw error;
    return { refused: error.code };
  }
}

function payloadOf(text: string, path: string): unknown {
  try {
    return json(text);
  } catch {
    throw new VisibleError("validation", "invalid_body", `${path}: the job's payload must be JSON`, {
      issues: [{ path, message: "the job's payload must be JSON" }],
    });
  }
}
