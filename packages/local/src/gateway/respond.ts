/** Writes an answer to the client. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpAnswer } from "./answer.ts";

/** Framing belongs to this hop. */
const ownHeaders = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "date",
]);

/**
 * @param options.headers This hop's own, beside the answer's.
 * @param options.unsendable The answer in the place of one whose headers HTTP does not take, such as a value with a
 *   line break.
 * @returns The status that was sent.
 */
export function respond(
  incoming: IncomingMessage,
  response: ServerResponse,
  result: HttpAnswer,
  options: { headers?: Record<string, string>; unsendable(error: unknown): HttpAnswer },
): number {
  if (response.destroyed) return result.status;
  let answer = result;
  try {
    setHeaders(response, answer);
  } catch (error) {
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    answer = options.unsendable(error);
    setHeaders(response, answer);
  }
  for (const [name, value] of Object.entries(options.headers ?? {})) response.setHeader(name, value);
  const bodiless = answer.status === 204 || answer.status === 304;
  if (!bodiless) response.setHeader("content-length", answer.body.length);
  // Node throws the rest of a refused body away, so that a client which is still writing reads the answer.
  response.end(bodiless || incoming.method === "HEAD" ? undefined : answer.body);
  return answer.status;
}

function setHeaders(response: ServerResponse, answer: HttpAnswer) {
  response.statusCode = answer.status;
  for (const [name, values] of Object.entries(answer.headers))
    if (!ownHeaders.has(name)) response.setHeader(name, name === "set-cookie" ? values : values.join(","));
}
