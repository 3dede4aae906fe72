import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import * as id from "../id/index.ts";

/** Why one delivery of a message failed. */
export interface Failure {
  /** ARN or name of the queue. */
  queue: string;
  queueMessageId: string;
  /** ApproximateReceiveCount */
  attempt: number;
  /** Stable, in snake case, e.g. `object_missing`. */
  code: string;
  /** In words; no bodies, no values. */
  cause: string;
  objectKey?: string | undefined;
  trace?: string | undefined;
}

/** Writes why deliveries failed. One row a delivery and attempt; the list of dead letters joins by the message's id. */
export async function record(failures: readonly Failure[]): Promise<void> {
  if (failures.length === 0) return;
  const rows = failures.map((failure) => ({
    id: id.create("failure"),
    queue: failure.queue,
    queue_message_id: failure.queueMessageId,
    attempt: failure.attempt,
    code: failure.code,
    cause: failure.cause.slice(0, 1_000),
    object_key: failure.objectKey ?? null,
    trace: failure.trace ?? null,
    created_at: new Date(now()),
  }));
  await database.use((handle) =>
    database.insertRows(
      handle,
      "failures",
      [
        ["id", "text"],
        ["queue", "text"],
        ["queue_message_id", "text"],
        ["attempt", "int4"],
        ["code", "text"],
        ["cause", "text"],
        ["object_key", "text"],
        ["trace", "text"],
        ["created_at", "timestamptz"],
      ],
      rows,
      "on conflict (queue_message_id, attempt) do update set code = excluded.code, cause = excluded.cause",
    ),
  );
}
