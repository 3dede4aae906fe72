import * as z from "zod";
import { mayStart } from "./commands.ts";
import { list } from "./registry.ts";

/** A job type as whoever may start one sees it. */
export interface JobTypeDescription {
  name: string;
  description: string;
  /** JSON Schema of what the payload may be. */
  schema: Record<string, unknown>;
  attempts: number;
  backoff: { firstMs: number; factor: number; maxMs: number };
  timeoutMs: number;
  priority: number;
  concurrency: { total: number | null; perKey: number | null };
  /** Whether the actor may start one. */
  startable: boolean;
}

export function describeTypes(): JobTypeDescription[] {
  return list().map((type) => ({
    name: type.name,
    description: type.description,
    schema: { ...z.toJSONSchema(type.schema, { io: "input", unrepresentable: "any" }) },
    attempts: type.attempts,
    backoff: type.backoff,
    timeoutMs: type.timeoutMs,
    priority: type.priority,
    concurrency: { total: type.concurrency.total ?? null, perKey: type.concurrency.perKey ?? null },
    startable: mayStart(type),
  }));
}
