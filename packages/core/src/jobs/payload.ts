/** Payloads and results: checked where they are given, and put away when they are too large for a row. */
import { VisibleError } from "../error/index.ts";
import { find } from "./registry.ts";
import type { Claim, JobType } from "./types.ts";

/** Bytes of JSON that stay in the row. */
const largestRow = 128 * 1024;

/**
 * The payload as it will be read back, and as the handler will get it: what JSON does not carry is found out here.
 * @throws VisibleError `validation`
 */
export function checked(type: JobType, payload: unknown, claim?: Claim): { value: unknown; parsed: unknown } {
  if (find(type.name) !== type)
    throw new VisibleError("validation", "unknown_job_type", `There is no job type ${type.name}.`);
  const value: unknown = JSON.parse(JSON.stringify(payload ?? null));
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
 */
export async function putAway(
  _jobId: string,
  part: "payload" | "result",
  value: unknown,
): Promise<Claim | null> {
  const size = Buffer.byteLength(JSON.stringify(value));
  if (size <= largestRow) return null;
  throw new VisibleError(
    "too_large",
    `${part}_too_large`,
    `A ${part} has at most ${largestRow} bytes; this one has ${size}.`,
  );
}

/** What was given, from wherever it is. */
export async function readBack(value: unknown, claim: Claim | null): Promise<unknown> {
  if (claim === null) return value;
  throw new Error(`${claim.key} cannot be read: claims are not built`);
}
