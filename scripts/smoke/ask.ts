/** HTTP from outside, without any of our clients' help: no signature, no redirect followed. */
import { type IncomingHttpHeaders, request as plain } from "node:http";
import { request as secure } from "node:https";

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}
export interface Question {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** Connects there instead, with the URL's own host in the header: the local cloud. */
  via?: string;
}

const PATIENCE_MS = 15_000;
/** Nothing that is asked for here is longer. */
const LONGEST = 4 * 1024 * 1024;

/** @throws Error that names the address, when nobody answers. */
export function ask(
  address: string,
  { method = "GET", headers = {}, body, via }: Question = {},
): Promise<Answer> {
  const url = new URL(address);
  const target = via ? new URL(url.pathname + url.search, via) : url;
  const send = target.protocol === "https:" ? secure : plain;
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new Error(`${method} ${address}: ${error.message || error.name}`));
    const outgoing = send(
      target,
      { method, headers: { host: url.host, ...headers }, signal: AbortSignal.timeout(PATIENCE_MS) },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size <= LONGEST) chunks.push(chunk);
          else response.destroy(new Error(`answers with more than ${LONGEST} bytes`));
        });
        response.on("error", fail);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString("utf8"),
          }),
        );
      },
    );
    outgoing.on("error", fail);
    outgoing.end(body);
  });
}
