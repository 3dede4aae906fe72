/** Dead letters as administrators see them. */
import * as z from "zod";
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import { look } from "./look.ts";
import { MessageId, type QueueName, QueueNameSchema, requireAdmin } from "./registry.ts";

export interface DeadLetter {
  messageId: string;
  queue: QueueName;
  /** Why it failed last: the consumer's code, or the job's. Null when nobody could say. */
  code: string | null;
  cause: string | null;
  /** Receives, or runs of the job. */
  attempts: number;
  jobId: string | null;
  trace: string | null;
  /** Bytes of the body. */
  size: number;
  sentAt: Date;
  firstSeenAt: Date;
}

export interface DeadLetterInFull extends DeadLetter {
  body: string;
  attributes: Record<string, string>;
  seenAt: Date;
  failures: { attempt: number; code: string; cause: string; objectKey: string | null; at: Date }[];
  /** What the message is about, on the jobs queue. */
  job: { id: string; type: string; state: string; payload: unknown; deaths: number } | null;
}

/** Which letters: of a cause, and with a text in the body or the cause. */
export const Filter = z.object({
  code: z
    .string()
    .max(100)
    .regex(/^[\w.-]+$/, "must be a code such as notice_malformed")
    .optional(),
  q: z
    .string()
    .min(1)
    .max(200)
    .refine((text) => !text.includes("\0"), "must not have a NUL")
    .optional(),
});
export type Filter = z.output<typeof Filter>;

export const ListDeadLetters = Filter.extend({
  /** From the page before. */
  cursor: z.string().max(500).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});

export interface LookedAt {
  /** When the queue was last looked into; null while its letters are being moved for the first time. */
  lookedAt: Date | null;
  /** False: there are more than one look could take, or they are being moved. */
  complete: boolean;
}

const fields = `
  d.message_id as "messageId", d.queue, coalesce(f.code, j.error ->> 'code') as code,
  coalesce(f.cause, j.error ->> 'message') as cause,
  coalesce(j.attempts, f.attempt, (d.attributes ->> 'ApproximateReceiveCount')::int, 0) as attempts,
  d.job_id as "jobId", coalesce(j.trace, f.trace) as trace, octet_length(d.body) as size, d.sent_at as "sentAt",
  d.first_seen_at as "firstSeenAt"`;

const source = `
  frontdesk.dead_letters d
    left join frontdesk.jobs j on j.id = d.job_id
    left join lateral (
      select f.code, f.cause, f.attempt, f.trace from frontdesk.failures f
       where f.queue_message_id = d.message_id order by f.attempt desc limit 1) f on true`;

/** `$2`: code, `$3`: text. */
const matches = `
  d.queue = $1 and d.state = 'waiting'
  and ($2::text is null or coalesce(f.code, j.error ->> 'code') = $2)
  and ($3::text is null or strpos(lower(d.body), lower($3)) > 0
       or strpos(lower(coalesce(f.cause, j.error ->> 'message', '')), lower($3)) > 0)`;

const order = `d.sent_at desc, d.message_id collate "C" desc`;

/** A page of a queue's dead letters, the latest sent first. */
export const list = fn(
  ListDeadLetters.extend({ name: QueueNameSchema }),
  async ({
    name,
    code,
    q,
    cursor,
    limit,
  }): Promise<{ letters: DeadLetter[]; cursor: string | null } & LookedAt> => {
    requireAdmin();
    const from = cursor === undefined ? undefined : decodeCursor(cursor, name);
    await look(name);
    return database.use(async ({ query }) => {
      const rows = await query<DeadLetter>(
        `select ${fields} from ${source}
          where ${matches}
            and ($4::timestamptz is null or (d.sent_at, d.message_id collate "C") < ($4::timestamptz, $5::text))
          order by ${order} limit $6`,
        [name, code ?? null, q ?? null, from?.at ?? null, from?.id ?? null, limit + 1],
      );
      const letters = rows.slice(0, limit);
      const last = letters.at(-1);
      const [looked] = await query<LookedAt>(
        `select looked_at as "lookedAt", complete from frontdesk.queue_looks where queue = $1`,
        [name],
      );
      return {
        letters,
        cursor: rows.length > limit && last ? encodeCursor(last, name) : null,
        lookedAt: looked?.lookedAt ?? null,
        complete: looked?.complete ?? false,
      };
    });
  },
);

/** Identifiers of letters that a filter names, and how many more there are than `limit`. */
export async function find(
  { query }: Handle,
  name: QueueName,
  { code, q }: Filter,
  limit: number,
): Promise<{ ids: string[]; left: number }> {
  const rows = await query<{ id: string; total: number }>(
    `select d.message_id as id, count(*) over ()::int as total from ${source} where ${matches} order by ${order} limit $4`,
    [name, code ?? null, q ?? null, limit],
  );
  return { ids: rows.map(({ id }) => id), left: (rows[0]?.total ?? 0) - rows.length };
}

const notFound = () =>
  new VisibleError("not_found", "dead_letter_not_found", "There is no such dead letter (any more).");

/** One dead letter with its body, and everything that is known of why. */
export const get = fn(
  z.object({ name: QueueNameSchema, messageId: MessageId }),
  async ({ name, messageId }): Promise<DeadLetterInFull> => {
    requireAdmin();
    const letter = (await read(name, messageId)) ?? (await look(name).then(() => read(name, messageId)));
    if (!letter) throw notFound();
    return letter;
  },
);

async function read(name: QueueName, messageId: string): Promise<DeadLetterInFull | undefined> {
  const [letter] = await database.use(({ query }) =>
    query<DeadLetterInFull>(
      `select ${fields}, d.body, d.attributes, d.seen_at as "seenAt",
              coalesce((
                select json_agg(json_build_object(
                         'attempt', f.attempt, 'code', f.code, 'cause', f.cause, 'objectKey', f.object_key,
                         'at', f.created_at) order by f.attempt)
                  from frontdesk.failures f where f.queue_message_id = d.message_id), '[]') as failures,
              case when j.id is not null then json_build_object(
                'id', j.id, 'type', j.type, 'state', j.state, 'payload', j.payload, 'deaths', j.deaths) end as job
         from ${source} where d.queue = $1 and d.message_id = $2 and d.state = 'waiting'`,
      [name, messageId],
    ),
  );
  return (
    letter && {
      ...letter,
      // Out of Postgres' JSON as text.
      failures: letter.failures.map((failure) => ({ ...failure, at: new Date(failure.at) })),
    }
  );
}

const shape = z.tuple([z.iso.datetime(), MessageId, QueueNameSchema]);

function encodeCursor({ sentAt, messageId }: DeadLetter, name: QueueName): string {
  return Buffer.from(JSON.stringify([sentAt.toISOString(), messageId, name])).toString("base64url");
}

function decodeCursor(text: string, name: QueueName): { at: Date; id: string } {
  try {
    const [at, id, of] = shape.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
    if (of === name) return { at: new Date(at), id };
  } catch {
    // Told below, the same way.
  }
  throw new VisibleError(
    "validation",
    "invalid_cursor",
    "The cursor is not of this list: take it from the page before.",
  );
}
