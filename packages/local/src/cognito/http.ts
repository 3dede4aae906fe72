/** Small HTTP matters of the pool's own endpoints. */
import type { IncomingMessage, ServerResponse } from "node:http";

const MAX_BODY_BYTES = 128 * 1024;

/** Rejects when the body is longer than anything that these endpoints take. */
export async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY_BYTES) throw new Error(`the body is longer than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Browsers call these endpoints from any origin; none of them goes by cookies. */
const openToBrowsers = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "*",
  "access-control-allow-methods": "GET, POST, OPTIONS",
  "access-control-expose-headers": "x-amzn-errortype, x-amzn-requestid",
};

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, {
      "content-type": "application/json;charset=UTF-8",
      "cache-control": "no-store",
      ...openToBrowsers,
      ...headers,
    })
    .end(JSON.stringify(body));
}
export function sendPreflight(response: ServerResponse): void {
  response.writeHead(204, { ...openToBrowsers, "access-control-max-age": "86400" }).end();
}
export function redirect(
  response: ServerResponse,
  location: string,
  headers: Record<string, string | string[]> = {},
): void {
  response.writeHead(302, { location, "cache-control": "no-store", ...headers }).end();
}

export function cookies(incoming: IncomingMessage): Record<string, string> {
  const pairs = (incoming.headers.cookie ?? "").split(/;\s*/).map((pair): [string, string] => {
    const at = pair.indexOf("=");
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return Object.fromEntries(pairs.filter(([name]) => name !== ""));
}
