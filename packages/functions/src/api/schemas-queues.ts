/** What answers about queues look like. */
import { operationKinds, operationStates, queueNames } from "@frontdesk/core/queues";
import * as z from "zod";
import { int, moment, momentOrNull, text, textOrNull } from "./schema-parts.ts";
import { page } from "./schemas.ts";

const queue = z.enum(queueNames);

export const Operation = z
  .object({
    id: text.meta({ example: "op_01M85RK07HS9T8XPHXKBPSSDSF" }),
    queue,
    kind: z.enum(operationKinds),
    state: z.enum(operationStates),
    by: z.object({ id: text, email: textOrNull }),
    letters: int,
    edited: int.meta({ description: "Letters of it that got another body." }),
    moved: int,
    filter: z.record(text, text).nullable(),
    failure: textOrNull,
    cancelledBy: textOrNull,
    createdAt: moment,
    endedAt: momentOrNull,
  })
  .meta({ id: "QueueOperation" });

export const Cancelled = z.object({ operation: Operation.nullable() }).meta({ id: "CancelledRedrive" });

export const Queue = z
  .object({
    name: queue,
    visible: int,
    inFlight: int.meta({ description: "With a consumer, or waiting for the next try." }),
    delayed: int,
    deadLetters: int,
    oldest: z.object({ at: moment, from: text }).nullable().meta({
      description:
        "Since when something waits, as far as the database knows: mail that was told of (`raw_mail`), due jobs (`jobs`), messages not handed over yet (`outbox`). What nobody received yet is not in it: SQS tells that age to CloudWatch alone.",
    }),
    oldestDeadLetterAt: momentOrNull,
    redrive: Operation.nullable(),
  })
  .meta({ id: "Queue" });

export const DeadLetter = z
  .object({
    messageId: text,
    queue,
    code: textOrNull.meta({ example: "notice_malformed" }),
    cause: textOrNull,
    attempts: int,
    jobId: textOrNull,
    trace: textOrNull,
    size: int,
    sentAt: moment,
    firstSeenAt: moment,
  })
  .meta({ id: "DeadLetter" });

export const DeadLetters = page(DeadLetter).extend({ lookedAt: momentOrNull, complete: z.boolean() });

export const DeadLetterInFull = DeadLetter.extend({
  body: text,
  attributes: z.record(text, text),
  seenAt: moment,
  failures: z.array(
    z.object({
      attempt: int,
      code: text,
      cause: text,
      objectKey: textOrNull,
      at: moment,
    }),
  ),
  job: z
    .object({
      id: text,
      type: text,
      state: text,
      payload: z.unknown(),
      deaths: int,
    })
    .nullable(),
}).meta({ id: "DeadLetterInFull" });

export const Redriven = z
  .object({
    operation: Operation.nullable(),
    results: z.array(
      z.object({
        messageId: text,
        outcome: z.enum(["redriven", "left", "not_found", "refused"]),
        code: text.optional(),
      }),
    ),
    left: int.meta({ description: "Letters that the filter names besides: ask again." }),
  })
  .meta({ id: "Redriven" });
