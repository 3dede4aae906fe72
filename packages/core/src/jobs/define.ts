import type * as z from "zod";
import type { Role } from "../actor/index.ts";
import {
  type EnqueueOptions,
  type Job,
  type JobOptions,
  type JobType,
  longestTimeoutMs,
  type Order,
} from "./types.ts";

/**
 * A job type. It becomes one that can be enqueued by name, and run, once it is in `registry.ts`.
 * @example
 * export const greet = define({
 *   name: "greet",
 *   description: "Says hello.",
 *   schema: z.object({ name: z.string() }),
 *   options: { attempts: 3 },
 *   handler: async ({ name }, job) => job.log(`Hello ${name}`),
 * });
 */
export function define<const Name extends string, Schema extends z.ZodType, Result>(definition: {
  name: Name;
  description: string;
  schema: Schema;
  options?: JobOptions<z.output<Schema>>;
  handler(payload: z.output<Schema>, job: Job): Promise<Result>;
}): JobType<Name, Schema, Result> {
  const { name, description, schema, options = {}, handler } = definition;
  if (!/^[a-z][A-Za-z0-9]{0,49}$/.test(name))
    throw new Error(`${name} is no name of a job type: use camel case`);
  const timeoutMs = options.timeoutMs ?? 30_000;
  if (timeoutMs > longestTimeoutMs)
    throw new Error(
      `${name}: a timeout is at most ${longestTimeoutMs} ms; a longer job goes on in another one`,
    );
  return {
    name,
    description,
    schema,
    attempts: options.attempts ?? 5,
    backoff: { firstMs: 1_000, factor: 2, maxMs: 3_600_000, ...options.backoff },
    timeoutMs,
    concurrency: { total: options.concurrency?.total, perKey: options.concurrency?.perKey },
    priority: options.priority ?? 0,
    startableBy: ["admin" as Role, ...(options.startableBy ?? [])],
    dedupe: (payload) => options.dedupe?.(payload),
    concurrencyKey: (payload) => options.concurrencyKey?.(payload),
    handler,
  };
}

/** A job to be enqueued together with others: `enqueueMany`, `children`, `followedBy`. */
export function order<Schema extends z.ZodType>(
  type: JobType<string, Schema>,
  payload: z.input<Schema>,
  options: EnqueueOptions = {},
): Order {
  return { type: type as unknown as JobType, payload, options };
}
