/** One look into a dead-letter queue: everything is received, written down, and shown again. */
import type { Message } from "@aws-sdk/client-sqs";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { fault } from "../faults/index.ts";
import { release, tryLease, unleased } from "./lease.ts";
import { follow } from "./moves.ts";
import { type QueueName, queueOf, type WorkQueue } from "./registry.ts";
import * as sqs from "./sqs.ts";

/** What was seen within this time is not looked for again: two people, or a page that is followed, cost one look. */
const freshMs = 2_000;
/** How long a received letter is hidden: longer than a look takes. A look that dies leaves it hidden that long. */
const hideSeconds = 30;
/** Time for one look. What it did not reach stays hidden to the next one, which so goes on with the rest. */
const budgetMs = 8_000;
const receivers = 4;
/**
 * A letter that looks do not find any more may be with somebody else who looks (by the CLI, or a look that died): it is
 * gone when it was not found for this long. Should it turn up all the same, it is listed again.
 */
const goneAfterMs = 120_000;
/** SQS forgets a dead letter 14 days after it was first sent (infra/queues.ts). */
const retentionMs = 14 * 24 * 60 * 60_000;
/** Rows of letters that are none any more tell what was done; without their bodies. */
const keptMs = 30 * 24 * 60 * 60_000;

/**
 * Brings the table up to what is in the dead-letter queue, unless that was done just now. One at a time: a second person
 * waits for the first one's look and reads what it found.
 */
export async function look(name: QueueName): Promise<void> {
  const by = await tryLease(name, new Date(now() - freshMs));
  if (by === undefined) return unleased(name);
  let done: { complete: boolean } | undefined;
  try {
    // What is being moved is not to be hidden from the move.
    done = (await follow(name)) ? { complete: false } : { complete: await takeAll(name) };
  } finally {
    await release(name, by, done);
  }
}

async function takeAll(name: QueueName): Promise<boolean> {
  const queue = queueOf(name);
  const started = now();
  let complete = true;
  await Promise.all(
    Array.from({ length: receivers }, async () => {
      for (;;) {
        if (now() - started > budgetMs) {
          complete = false;
          return;
        }
        // A wait asks all of SQS's servers: a short answer may come from one that has none of them.
        const messages = await sqs.receive(queue, { hideSeconds, waitSeconds: 1 });
        if (messages.length === 0) return;
        await note(name, queue, messages);
      }
    }),
  );
  await fault("queues.look.taken");
  if (name === "jobs") await settleForgiven(queue);
  if (complete) {
    await showAll(name, queue);
    await noteGone(name, started);
  }
  await forget(name);
  return complete;
}

/** Writes down what was received. Of it, what somebody has decided about already is deleted for good. */
async function note(name: QueueName, queue: WorkQueue, messages: readonly Message[]): Promise<void> {
  const at = now();
  const rows = messages.flatMap(({ MessageId, ReceiptHandle, Body, Attributes = {} }) =>
    MessageId === undefined || ReceiptHandle === undefined
      ? []
      : [
          {
            queue: name,
            message_id: MessageId,
            state: "waiting",
            // Postgres takes no NUL; SQS takes none either.
            body: Body ?? "",
            attributes: Attributes,
            receipt_handle: ReceiptHandle,
            hidden_until: new Date(at + hideSeconds * 1_000),
            job_id: name === "jobs" ? jobOf(Body ?? "") : null,
            sent_at: new Date(Number(Attributes.SentTimestamp ?? at)),
            first_seen_at: new Date(at),
            seen_at: new Date(at),
          },
        ],
  );
  const noted = await database.use((handle) =>
    database.insertRows<(typeof rows)[number], { state: string; handle: string }>(
      handle,
      "dead_letters as d",
      [
        ["queue", "text"],
        ["message_id", "text"],
        ["state", "text"],
        ["body", "text"],
        ["attributes", "jsonb"],
        ["receipt_handle", "text"],
        ["hidden_until", "timestamptz"],
        ["job_id", "text"],
        ["sent_at", "timestamptz"],
        ["first_seen_at", "timestamptz"],
        ["seen_at", "timestamptz"],
      ],
      // SQS may hand out one message twice in an answer; a statement may not write a row twice.
      [...new Map(rows.map((row) => [row.message_id, row])).values()],
      `on conflict (queue, message_id) do update set
         state = case when ${isDecided} then d.state else 'waiting' end,
         body = case when ${isDecided} then null else excluded.body end,
         left_at = case when ${isDecided} then d.left_at end,
         operation_id = case when ${isDecided} then d.operation_id end,
         attributes = excluded.attributes, receipt_handle = excluded.receipt_handle,
         hidden_until = excluded.hidden_until, seen_at = excluded.seen_at
       returning state, receipt_handle as handle`,
    ),
  );
  await sqs.remove(
    queue,
    noted.filter(({ state }) => state !== "waiting").map(({ handle }) => handle),
  );
}

const isDecided = "d.state in ('redriven', 'deleted')";

/** The job that a message of the jobs queue is about. */
export function jobOf(body: string): string | null {
  try {
    const { job } = (JSON.parse(body) ?? {}) as { job?: unknown };
    return typeof job === "string" && job.length <= 64 ? job : null;
  } catch {
    return null;
  }
}

/** A job that was retried since its letter was sent needs none any more, however it was retried. */
async function settleForgiven(queue: WorkQueue): Promise<void> {
  const forgiven = await database.use(({ query }) =>
    query<{ handle: string }>(
      // By pattern: a body that is no JSON would fail a cast, and with it the whole look.
      `update frontdesk.dead_letters d set state = 'redriven', body = null, left_at = $1
         from frontdesk.jobs j
        where d.queue = 'jobs' and d.state = 'waiting' and j.id = d.job_id
          and (j.deaths > substring(d.body from '"death"\\s*:\\s*(\\d{1,9})')::int
               or (j.deaths = substring(d.body from '"death"\\s*:\\s*(\\d{1,9})')::int and j.state <> 'dead'))
       returning d.receipt_handle as handle`,
      [new Date(now())],
    ),
  );
  await sqs.remove(
    queue,
    forgiven.map(({ handle }) => handle),
  );
}

/** Those of this look, and of those before it that did not reach the end. */
async function showAll(name: QueueName, queue: WorkQueue): Promise<void> {
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
}

/** What a complete look did not find. What a move task could have taken since it was last seen, that has taken it. */
async function noteGone(name: QueueName, started: number): Promise<void> {
  const at = new Date(now());
  await database.use(({ query }) =>
    query(
      `update frontdesk.dead_letters d
          set state = case when m.id is null then 'gone' else 'moved' end, operation_id = m.id, body = null, left_at = $2
         from (select d.message_id, (
                 select o.id from frontdesk.queue_operations o
                  where o.queue = d.queue and o.kind = 'redrive-all' and o.moved > 0 and o.ended_at >= d.seen_at
                  order by o.id desc limit 1) as id
                 from frontdesk.dead_letters d
                where d.queue = $1 and d.state = 'waiting' and d.seen_at < $3) m
        where d.queue = $1 and d.message_id = m.message_id and (m.id is not null or d.seen_at <= $4)`,
      [name, at, new Date(started), new Date(at.getTime() - goneAfterMs)],
    ),
  );
}

async function forget(name: QueueName): Promise<void> {
  await database.use(({ query }) =>
    query("delete from frontdesk.dead_letters where queue = $1 and state <> 'waiting' and left_at <= $2", [
      name,
      new Date(now() - keptMs),
    ]),
  );
}

/** What SQS has forgotten by now, in queues that nobody looks into. */
export async function expire(): Promise<number> {
  const at = now();
  const forgotten = await database.use(({ query }) =>
    query(
      `update frontdesk.dead_letters set state = 'gone', body = null, left_at = $1
        where state = 'waiting' and sent_at <= $2 returning message_id`,
      [new Date(at), new Date(at - retentionMs)],
    ),
  );
  return forgotten.length;
}
