/** What answers about queues look like. */
import { operationKinds, operationStates, queueNames } from "@frontdesk/core/queues";
import * as z from "zod";
import { page } from "./schemas.ts";

const moment = z.iso.datetime();
const queue = z.enum(queueNames);

export const Operation = z
  .object({
    id: z.string().meta({ example: "op_01M85RK07HS9T8XPHXKBPSSDSF" }),
    queue,
    kind: z.enum(operationKinds),
    state: z.enum(operationStates),
    by: z.object({ id: z.string(), email: z.string().nullable() }),
    letters: z.int(),
    edited: z.int().meta({ description: "Letters of it that got another body." }),
    moved: z.int(),
    filter: z.record(z.string(), z.string()).nullable(),
    failure: z.string().nullable(),
    cancelledBy: z.string().nullable(),
    createdAt: moment,
    endedAt: moment.nullable(),
  })
  .meta({ id: "QueueOperation" });

export const Cancelled = z.object({ operation: Operation.nullable() }).meta({ id: "CancelledRedrive" });

export const Queue = z
  .object({
    name: queue,
    visible: z.int(),
    inFlight: z.int().meta({ description: "With a consumer, or waiting for the next try." }),
    delayed: z.int(),
    deadLetters: z.int(),
    oldest: z.object({ at: moment, from: z.string() }).nullable().meta({
      description:
        "Since when something waits, as far as the database knows: mail that was told of (`raw_mail`), due jobs (`jobs`), messages not handed over yet (`outbox`). What nobody received yet is not in it: SQS tells that age to CloudWatch alone.",
    }),
    oldestDeadLetterAt: moment.nullable(),
    redrive: Operation.nullable(),
  })
  .meta({ id: "Queue" });

export const DeadLetter = z
  .object({
    messageId: z.string(),
    queue,
    code: z.string().nullable().meta({ example: "notice_malformed" }),
    cause: z.string().nullable(),
    attempts: z.int(),
    jobId: z.string().nullable(),
    trace: z.string().nullable(),
    size: z.int(),
    sentAt: moment,
    firstSeenAt: moment,
  })
  .meta({ id: "DeadLetter" });

export const DeadLetters = page(DeadLetter).extend({ lookedAt: moment.nullable(), complete: z.boolean() });

export const DeadLetterInFull = DeadLetter.extend({
  body: z.string(),
  attributes: z.record(z.string(), z.string()),
  seenAt: moment,
  failures: z.array(
    z.object({
      attempt: z.int(),
      code: z.string(),
      cause: z.string(),
      objectKey: z.string().nullable(),
      at: moment,
    }),
  ),
  job: z
    .object({
      id: z.string(),
      type: z.string(),
      state: z.string(),
      payload: z.unknown(),
      deaths: z.int(),
    })
    .nullable(),
}).meta({ id: "DeadLetterInFull" });

export const Redriven = z
  .object({
    operation: Operation.nullable(),
    results: z.array(
      z.object({
        messageId: z.string(),
        outcome: z.enum(["redriven", "left", "not_found", "refused"]),
        code: z.string().optional(),
      }),
    ),
    left: z.int().meta({ description: "Letters that the filter names besides: ask again." }),
  })
  .meta({ id: "Redriven" });
