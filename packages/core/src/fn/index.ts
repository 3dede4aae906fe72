import type { z } from "zod";
import { VisibleError } from "../error/index.ts";

/**
 * A public command: a schema and what it does. The API derives its own schemas from `.schema`.
 * @throws VisibleError `validation` naming each wrong field.
 */
export function fn<S extends z.ZodType, R>(schema: S, callback: (input: z.output<S>) => R) {
  const command = (input: z.input<S>): R => callback(parse(schema, input));
  return Object.assign(command, { schema });
}

export function parse<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => ({
    path: issue.path.join("."),
    message: issue.message,
  }));
  const first = issues[0];
  const where = first && first.path !== "" ? `${first.path}: ` : "";
  throw new VisibleError("validation", "invalid_input", `${where}${first?.message ?? "invalid input"}`, {
    issues,
  });
}
