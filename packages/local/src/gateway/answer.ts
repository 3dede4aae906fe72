/** What a function's result means as an HTTP response. */

export interface HttpAnswer {
  status: number;
  /** Values by name; several become several header lines. */
  headers: Record<string, string[]>;
  body: Buffer;
}

/** The result cannot be a response: API Gateway answers 500 and tells nobody why, so the local log does. */
export class MalformedAnswer extends Error {}

/** An answer that API Gateway gives itself. */
export function gatewayAnswer(
  status: number,
  message: string,
  headers: Record<string, string[]> = {},
): HttpAnswer {
  return {
    status,
    headers: { "content-type": ["application/json"], ...headers },
    body: Buffer.from(JSON.stringify({ message })),
  };
}

/**
 * @param payload JSON text of what the handler returned.
 * @throws MalformedAnswer
 */
export function readAnswer(payload: string, version: "1.0" | "2.0"): HttpAnswer {
  const result: unknown = payload === "" ? null : JSON.parse(payload);
  if (isRecord(result) && result.statusCode !== undefined) return structured(result, version);
  if (version === "1.0")
    throw new MalformedAnswer(
      "payload format 1.0 demands an object with a statusCode, and the function returned none",
    );
  // Format 2.0 infers: 200, JSON, and the body is what the function returned.
  const body = typeof result === "string" ? result : JSON.stringify(result);
  return { status: 200, headers: { "content-type": ["application/json"] }, body: Buffer.from(body) };
}

function structured(result: Record<string, unknown>, version: "1.0" | "2.0"): HttpAnswer {
  const status = Number(result.statusCode);
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new MalformedAnswer(
      `statusCode must be an integer from 200 to 599, not ${JSON.stringify(result.statusCode)}`,
    );
  const headers: Record<string, string[]> = {};
  for (const [name, value] of Object.entries(asRecord(result.headers, "headers")))
    if (value !== null && value !== undefined) headers[name.toLowerCase()] = [String(value)];
  if (version === "1.0") {
    for (const [name, values] of Object.entries(asRecord(result.multiValueHeaders, "multiValueHeaders"))) {
      if (!Array.isArray(values)) throw new MalformedAnswer(`multiValueHeaders["${name}"] must be an array`);
      headers[name.toLowerCase()] = values.map(String);
    }
  } else if (result.cookies !== undefined && result.cookies !== null) {
    if (!Array.isArray(result.cookies)) throw new MalformedAnswer("cookies must be an array of strings");
    headers["set-cookie"] = [...(headers["set-cookie"] ?? []), ...result.cookies.map(String)];
  }
  headers["content-type"] ??= ["text/plain; charset=utf-8"];
  return { status, headers, body: bodyOf(result) };
}

function bodyOf(result: Record<string, unknown>): Buffer {
  const { body } = result;
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body === "object")
    throw new MalformedAnswer("body must be a string: JSON.stringify it in the function");
  return Buffer.from(String(body), result.isBase64Encoded === true ? "base64" : "utf8");
}

function asRecord(value: unknown, name: string): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) throw new MalformedAnswer(`${name} must be an object`);
  return value;
}
function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
