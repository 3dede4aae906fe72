import { createHash, randomBytes } from "node:crypto";

/**
 * Trace id of a message: SES writes no metadata of ours, so every hop derives it from the object key.
 * @returns 32 hexadecimal digits (W3C Trace Context §3.2.2.3), never all zero.
 */
export function ofObjectKey(key: string): string {
  return createHash("sha256").update(`mail\n${key}`).digest("hex").slice(0, 32);
}

/** Trace id of a `traceparent` header (W3C Trace Context §3.2), or undefined when it is none. */
export function ofTraceparent(header: string | undefined): string | undefined {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:$|-)/.exec(header?.trim() ?? "");
  const [, trace, parent] = match ?? [];
  if (trace === undefined || /^0+$/.test(trace) || /^0+$/.test(parent ?? "")) return undefined;
  return header?.trim().startsWith("ff") ? undefined : trace;
}

export function create(): string {
  return randomBytes(16).toString("hex");
}

/** The header that passes a trace on, with a span id of its own. */
export function traceparent(trace: string): string {
  return `00-${trace}-${randomBytes(8).toString("hex")}-01`;
}
