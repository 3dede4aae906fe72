import { parseDate } from "./dates.ts";
import type { AuthenticationResults, GoogleHeaders, Received, SesVerdict } from "./types.ts";

/** More than any server writes; keeps what is matched below cheap. */
const longest = 8192;

/** Splits at blanks and semicolons; comments are dropped, quoted strings kept whole. */
function tokens(value: string, most = 500): string[] {
  const found: string[] = [];
  const pattern = /"(?:[^"\\]|\\.){0,1000}"|[();]|[^\s();"]+|"/g;
  let depth = 0;
  for (let match = pattern.exec(value); match !== null && found.length < most; match = pattern.exec(value)) {
    const token = match[0];
    if (token === "(") depth++;
    else if (token === ")") depth = Math.max(0, depth - 1);
    else if (depth === 0) found.push(token);
  }
  return found;
}

/** Reads a Received field (RFC 5321 §4.4). `for` may name several (RFC 821 allowed it) with or without brackets. */
export function parseReceived(value: string): Received {
  const received: Received = { for: [] };
  const semicolon = value.lastIndexOf(";");
  const date = parseDate(semicolon < 0 ? value.slice(-80) : value.slice(semicolon + 1));
  if (date !== undefined) received.date = date;
  let clause = "";
  for (const token of tokens(semicolon < 0 ? value : value.slice(0, semicolon))) {
    const word = token.toLowerCase();
    if (["from", "by", "via", "with", "id", "for"].includes(word) && clause !== word) {
      clause = word;
      continue;
    }
    const text = token.replace(/^<|>[,;]?$|,$/g, "");
    if (clause === "for") {
      if (text.includes("@")) received.for.push(text);
      else clause = "";
    } else if (clause === "from" || clause === "by" || clause === "with" || clause === "id") {
      received[clause] ??= text;
    }
  }
  return received;
}

/** Reads an Authentication-Results field (RFC 8601 §2.2). Undefined when it names no server. */
export function parseAuthenticationResults(value: string): AuthenticationResults | undefined {
  const [head = [], ...rest] = split(tokens(value.slice(0, longest)));
  const server = head[0]?.toLowerCase();
  if (server === undefined) return undefined;
  const results: AuthenticationResults = { server, methods: [] };
  for (const part of rest) {
    const pairs = [
      ...part
        .join(" ")
        .replace(/\s*=\s*/g, "=")
        .matchAll(/([^\s="]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)/g),
    ].map(([, key = "", value = ""]): [string, string] => [
      key.toLowerCase(),
      value.replace(/^"(.*)"$/s, "$1"),
    ]);
    const [method, ...properties] = pairs;
    if (method === undefined) continue;
    results.methods.push({
      method: method[0].replace(/\/.*$/, ""),
      result: method[1].toLowerCase(),
      properties: Object.fromEntries(properties),
    });
  }
  return results;
}

/** Groups of tokens between semicolons. */
function split(all: string[]): string[][] {
  const groups: string[][] = [[]];
  for (const token of all) {
    if (token === ";") groups.push([]);
    else groups.at(-1)?.push(token);
  }
  return groups;
}

const verdicts: readonly SesVerdict[] = ["PASS", "FAIL", "GRAY", "PROCESSING_FAILED", "DISABLED"];

/** Value of an `X-SES-…-Verdict` header (Amazon SES developer guide, "Email receiving: spam and virus scanning"). */
export function parseSesVerdict(value: string | undefined): SesVerdict | undefined {
  const word = value?.trim().toUpperCase();
  return verdicts.find((verdict) => verdict === word);
}

/** `X-Gm-*` headers of the Workspace routing rule; `1`, `yes` and `true` mean yes. */
export function parseGoogleHeaders(
  originalTo: string[],
  spam: string | undefined,
  phishy: string | undefined,
): GoogleHeaders {
  const flag = (value: string | undefined) =>
    value === undefined ? undefined : /^(?:1|yes|true)\b/i.test(value);
  const google: GoogleHeaders = { originalTo };
  const isSpam = flag(spam);
  const isPhishy = flag(phishy);
  if (isSpam !== undefined) google.spam = isSpam;
  if (isPhishy !== undefined) google.phishy = isPhishy;
  return google;
}
