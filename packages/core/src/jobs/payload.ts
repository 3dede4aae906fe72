/** Payloads and results: checked where they are given, and put away when they are too large for a row. */
import * as claims from "../claims/index.ts";
import { inTransaction } from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { isStorable } from "./errors.ts";
import { find } from "./registry.ts";
import type { Claim, JobType } from "./types.ts";

/**
 * The payload as it will be read back, and as the handler will get it: what JSON does not carry is found out here.
 * @throws VisibleError `validation`
 */
export function checked(type: JobType, payload: unknown, claim?: Claim): { value: unknown; parsed: unknown } {
  if (find(type.name) !== type)
    throw new VisibleError("validation", "unknown_job_type", `There is no job type ${type.name}.`);
  const json = JSON.stringify(payload ?? null);
  if (!isStorable(json))
    throw new VisibleError(
      "validation",
      "invalid_payload",
      `${type.name}: the payload must not contain NUL.`,
    );
  const value: unknown = JSON.parse(json);
  // With a claim, the payload that is passed is the one that was put away.
  return { value: claim ? null : value, parsed: parsePayload(type, value) };
}

export function parsePayload(type: JobType, value: unknown): unknown {
  const result = type.schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => ({
    path: ["payload", ...path].join("."),
    message,
  }));
  throw new VisibleError(
    "validation",
    "invalid_payload",
    `${type.name}: ${issues.map(({ path, message }) => `${path}: ${message}`).join("; ")}`,
    { issues },
  );
}

/**
 * @param part What it is of the job.
 * @returns Null when it stays in the row.
 * @throws VisibleError `too_large` inside a transaction, which waits for no object.
 */
export async function putAway(
  jobId: string,
  part: "payload" | "result",
  value: unknown,
): Promise<Claim | null> {
  const size = Buffer.byteLength(JSON.stringify(value));
  const largest = claims.threshold();
  if (size <= largest) return null;
  if (inTransaction())
    throw new VisibleError(
      "too_large",
      `${part}_too_large`,
      `Inside a transaction a ${part} has at most ${largest} bytes; this one has ${size}. Put it away before.`,
    );
  return claims.put(jobId, part, value);
}

/** What was given, from wherever it is. */
export async function readBack(value: unknown, claim: Claim | null): Promise<unknown> {
  return claim === null ? value : claims.read(claim);
}
