import { VisibleError } from "../error/index.ts";

/**
 * Somebody else changed what this transaction had read before it held the lock: it must begin anew. Thrown inside a
 * repeatable transaction.
 */
export class Overtaken extends Error {
  override readonly name = "Overtaken";
  /** serialization_failure, as the database says it of itself. */
  readonly code = "40001";
}

/** The transaction was rolled back for others' sake and may be run again as it is. */
const repeatable = new Set([
  "40001", // serialization_failure
  "40P01", // deadlock_detected
]);

/** The database cannot now; later it can. Appendix A of the PostgreSQL manual. */
const passing = new Set([
  ...repeatable,
  "53300", // too_many_connections
  "53400", // configuration_limit_exceeded
  "55P03", // lock_not_available
  "57014", // query_canceled: the statement timeout
  "57P01", // admin_shutdown: failover
  "57P02", // crash_shutdown
  "57P03", // cannot_connect_now
  "57P05", // idle_session_timeout
  "25P03", // idle_in_transaction_session_timeout
]);

const network = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

function codeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as Error & { code?: unknown };
    if (typeof code === "string") return code;
  }
  return undefined;
}

export function isRepeatable(error: unknown): boolean {
  return repeatable.has(codeOf(error) ?? "");
}

/** Whether the connection itself is gone, as pg says it. */
export function isLost(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== undefined) return network.has(code) || code.startsWith("08") || code.startsWith("57P");
  return (
    error instanceof Error &&
    /connection terminated|not queryable|timeout exceeded when trying to connect/i.test(error.message)
  );
}

/** Whether the database was away: a {@link translate}d error, of a connection that is gone or could not be had. */
export function isAway(error: unknown): boolean {
  return error instanceof VisibleError && error.code === unavailable && isLost(error.cause);
}

const unavailable = "database_unavailable";

/** Passing states of the database as a visible error; everything else as it is. */
export function translate(error: unknown): unknown {
  if (error instanceof VisibleError) return error;
  if (!isLost(error) && !passing.has(codeOf(error) ?? "")) return error;
  return new VisibleError("unavailable", unavailable, "The database is busy. Try again shortly.", {
    cause: error,
    retryAfter: 2,
  });
}

/** Whether a unique constraint refused a row; optionally a certain one. */
export function isDuplicate(error: unknown, constraint?: string): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const fields = at as Error & { code?: unknown; constraint?: unknown };
    if (fields.code === "23505") return constraint === undefined || fields.constraint === constraint;
  }
  return false;
}
