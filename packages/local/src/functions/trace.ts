/** X-Ray trace headers (https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader). */
import { randomUUID } from "node:crypto";

/**
 * The trace that an invocation runs under: that of its event, when all of the event belongs to one; else a new one,
 * as Lambda does for batches.
 */
export function invocationTrace(traces: string[] | undefined, now: number): string {
  const [first] = traces ?? [];
  const whole = first !== undefined && new Set(traces?.map(rootOf)).size === 1;
  const header = whole ? first : newRoot(now);
  return header.includes("Parent=") ? header : `${header};Parent=${hex(16)};Sampled=0`;
}

/** `Root=1-...` of a trace header: what tells one trace from another. */
export function rootOf(header: string): string {
  return /Root=[^;]+/.exec(header)?.[0] ?? header;
}

function newRoot(now: number): string {
  return `Root=1-${Math.floor(now / 1000)
    .toString(16)
    .padStart(8, "0")}-${hex(24)}`;
}

function hex(length: number): string {
  return randomUUID().replaceAll("-", "").slice(0, length);
}
