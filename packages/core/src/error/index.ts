/** What may be shown to whoever asked. The mapping to HTTP is the API's, not ours. */
export type ErrorKind =
  | "validation"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "conflict"
  /** It was changed since the caller read it. */
  | "precondition_failed"
  | "gone"
  | "too_large"
  | "rate_limited"
  | "unavailable";

/**
 * An error whose code and message are meant for the caller. Everything else is answered as an opaque failure.
 * @example throw new VisibleError("not_found", "thread_not_found", "There is no such thread.")
 */
export class VisibleError extends Error {
  override readonly name = "VisibleError";
  readonly kind: ErrorKind;
  /** Stable, in snake case: clients branch on it. */
  readonly code: string;
  /** Seconds after which another try makes sense (`unavailable`, `rate_limited`). */
  readonly retryAfter: number | undefined;
  /** For `validation`: which field is wrong, and how. */
  readonly issues: { path: string; message: string }[];

  constructor(
    kind: ErrorKind,
    code: string,
    message: string,
    options: {
      cause?: unknown;
      retryAfter?: number;
      issues?: { path: string; message: string }[];
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.code = code;
    this.retryAfter = options.retryAfter ?? (kind === "unavailable" ? 1 : undefined);
    this.issues = options.issues ?? [];
  }
}

/** An error as it may be logged and stored: no SQL, no parameters, no rows, no bodies. */
export interface ErrorDescription {
  name: string;
  code?: string;
  message: string;
}

/**
 * Postgres puts values into its messages (`invalid input syntax for type uuid: "…"`) and rows into `detail`, and
 * drizzle appends the parameters to its own: of these only SQLSTATE, table and constraint are kept.
 */
export function describe(error: unknown): ErrorDescription {
  if (!(error instanceof Error)) return { name: "Error", message: `a ${typeof error} was thrown` };
  if (error.name === "DrizzleQueryError" || error.constructor.name === "DrizzleQueryError")
    return describe(error.cause ?? new Error("a query failed"));
  const fields = error as Error & {
    code?: unknown;
    severity?: unknown;
    table?: unknown;
    constraint?: unknown;
    $metadata?: { httpStatusCode?: number };
  };
  const code = typeof fields.code === "string" ? fields.code : undefined;
  if (typeof fields.severity === "string" && code !== undefined) {
    const where = [fields.table, fields.constraint].filter((part) => typeof part === "string").join(" ");
    return { name: "PostgresError", code, message: `SQLSTATE ${code}${where === "" ? "" : ` (${where})`}` };
  }
  const description: ErrorDescription = { name: error.name, message: firstLine(error.message) };
  if (code !== undefined) description.code = code;
  return description;
}

function firstLine(message: string): string {
  return message.split("\n", 1)[0]?.slice(0, 500) ?? "";
}
