import { describe } from "../error/index.ts";
import type { ErrorOfJob } from "./types.ts";

/**
 * Thrown by a handler to say how it goes on.
 * @example throw new JobError("no_such_channel", "Google does not know the channel.", { retry: false })
 */
export class JobError extends Error {
  override readonly name = "JobError";
  /** Stable, in snake case. */
  readonly code: string;
  /** False: no further attempt can help. */
  readonly retry: boolean;
  /** Milliseconds until the next attempt, instead of the type's backoff. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: string,
    message: string,
    options: { retry?: boolean; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? true;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Why a handler's signal was aborted. */
export class Stopped extends Error {
  override readonly name = "Stopped";
  readonly why: "cancelled" | "timed_out" | "interrupted" | "lost";
  constructor(why: Stopped["why"], message: string) {
    super(message);
    this.why = why;
  }
}

export function errorOf(error: unknown): ErrorOfJob {
  const { name, message, code } = describe(error);
  return { code: code ?? "job_failed", name, message: storable(message) };
}

/** Postgres takes no NUL, in text as in JSON. */
export const storable = (text: string): string => text.replaceAll("\0", "");
export const isStorable = (json: string): boolean => !json.includes("\\u0000");
