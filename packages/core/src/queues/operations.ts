/** The record of who did what with dead letters. */
import * as z from "zod";
import { now } from "../clock/index.ts";
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import * as id from "../id/index.ts";
import { actorName, type QueueName, QueueNameSchema, requireAdmin } from "./registry.ts";

export const operationKinds = ["redrive-all", "redrive", "delete"] as const;
export const operationStates = ["running", "completed", "cancelled", "failed"] as const;

export interface Operation {
  id: string;
  queue: QueueName;
  kind: (typeof operationKinds)[number];
  state: (typeof operationStates)[number];
  by: { id: string; email: string | null };
  letters: number;
  edited: number;
  moved: number;
  /** `code` and `q` of a redrive by filter. */
  filter: Record<string, string> | null;
  failure: string | null;
  cancelledBy: string | null;
  createdAt: Date;
  endedAt: Date | null;
}

const fields = `
  o.id, o.queue, o.kind, o.state, json_build_object('id', o.actor, 'email', u.email) as "by", o.letters, o.edited,
  o.moved, o.filter, o.failure, o.cancelled_by as "cancelledBy", o.created_at as "createdAt", o.ended_at as "endedAt"`;
const source = "frontdesk.queue_operations o left join frontdesk.users u on u.id = o.actor";

export async function add(
  { query }: Handle,
  operation: Pick<Operation, "queue" | "kind" | "state" | "letters"> & {
    edited?: number;
    filter?: Record<string, string>;
  },
): Promise<string> {
  const { queue, kind, state, letters, edited = 0, filter } = operation;
  const at = new Date(now());
  const operationId = id.create("operation");
  await query(
    `insert into frontdesk.queue_operations
       (id, queue, kind, actor, state, letters, edited, moved, filter, created_at, ended_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11)`,
    [
      operationId,
      queue,
      kind,
      actorName(),
      state,
      letters,
      edited,
      state === "completed" ? letters : 0,
      filter ? JSON.stringify(filter) : null,
      at,
      state === "running" ? null : at,
    ],
  );
  return operationId;
}

export async function read({ query }: Handle, operationId: string): Promise<Operation> {
  const [operation] = await query<Operation>(`select ${fields} from ${source} where o.id = $1`, [
    operationId,
  ]);
  if (!operation) throw new Error("an operation that was written is not there");
  return operation;
}

/** The move task of a queue that runs, as far as we know. */
export async function running({ query }: Handle, queue: QueueName): Promise<Operation | undefined> {
  const [operation] = await query<Operation>(
    `select ${fields} from ${source} where o.queue = $1 and o.state = 'running' order by o.id desc limit 1`,
    [queue],
  );
  return operation;
}

export const ListOperations = z.object({
  /** From the page before. */
  cursor: id.Reference.optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});

/** What was done with a queue's dead letters, and by whom; the latest first. */
export const listOperations = fn(
  ListOperations.extend({ name: QueueNameSchema }),
  async ({ name, cursor, limit }): Promise<{ operations: Operation[]; cursor: string | null }> => {
    requireAdmin();
    if (cursor !== undefined && !id.is("operation", cursor))
      throw new VisibleError("validation", "invalid_cursor", "Take the cursor from the page before.");
    const rows = await database.use(({ query }) =>
      query<Operation>(
        `select ${fields} from ${source}
          where o.queue = $1 and ($2::text is null or o.id < $2) order by o.id desc limit $3`,
        [name, cursor ?? null, limit + 1],
      ),
    );
    const operations = rows.slice(0, limit);
    return { operations, cursor: rows.length > limit ? (operations.at(-1)?.id ?? null) : null };
  },
);
