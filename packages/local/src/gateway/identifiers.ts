/** Identifiers in the shapes that API Gateway gives them. */
import { randomBytes } from "node:crypto";

/** Request, message and connection ids: eleven random bytes in URL-safe base64, padded, e.g. `L0SM9cOFvHcCIhw=`. */
export function newId(): string {
  return `${randomBytes(11).toString("base64url")}=`;
}
export const isId = (value: string) => /^[A-Za-z0-9_-]{15}=$/.test(value);

/**
 * The X-Ray trace header of a request: the caller's where it names a root, else a new one
 * (https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader).
 */
export function traceHeader(sent: string | undefined, now: number): string {
  if (sent !== undefined && /(^|;)\s*Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;|$)/i.test(sent)) return sent;
  const seconds = Math.floor(now / 1000)
    .toString(16)
    .padStart(8, "0");
  return `Root=1-${seconds}-${randomBytes(12).toString("hex")}`;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Time in the common log format, as `requestContext.time` has it: `12/Mar/2020:19:03:58 +0000`. */
export function commonLogTime(now: number): string {
  const date = new Date(now);
  const two = (value: number) => String(value).padStart(2, "0");
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  return `${two(date.getUTCDate())}/${months[date.getUTCMonth()]}/${date.getUTCFullYear()}:${clock} +0000`;
}
