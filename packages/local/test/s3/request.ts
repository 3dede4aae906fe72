/** Requests that the SDK would not make: signed by hand, or not at all. */
import { createHash, createHmac } from "node:crypto";
import { request } from "node:http";
import { deriveSigningKey } from "../../src/front-door/sigv4.ts";
import { developer, region, type Services } from "../support/services.ts";

export interface RawAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}
interface RawOptions {
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Default: signed for the developer. */
  signed?: boolean;
  region?: string;
  /** As the request says; the connection goes to the front door. */
  host?: string;
}

export function send(
  services: Services,
  method: string,
  target: string,
  { headers = {}, body = "", signed = true, region: at = region, host }: RawOptions = {},
): Promise<RawAnswer> {
  const { port, host: own } = new URL(services.origin);
  const all: Record<string, string> = {
    ...headers,
    host: host ?? own,
    "content-length": String(Buffer.byteLength(body)),
  };
  if (signed) sign(services, method, target, all, body, at);
  return new Promise((resolve, reject) => {
    // As bytes: Node would write the headers in the encoding of a text.
    request({ host: "127.0.0.1", port, method, path: target, headers: all, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    })
      .on("error", reject)
      .end(Buffer.from(body));
  });
}

/** Signature Version 4 in headers, the payload included. */
function sign(
  services: Services,
  method: string,
  target: string,
  headers: Record<string, string>,
  body: string | Buffer,
  at: string,
) {
  const { accessKeyId, secretAccessKey, sessionToken } = services.credentials(developer);
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = date.slice(0, 8);
  const hash = createHash("sha256").update(body).digest("hex");
  Object.assign(headers, {
    "x-amz-date": date,
    "x-amz-security-token": sessionToken,
    "x-amz-content-sha256": hash,
  });
  const names = Object.keys(headers).sort();
  const [path = "", query = ""] = target.split("?");
  const pairs = query === "" ? [] : query.split("&").map((pair) => (pair.includes("=") ? pair : `${pair}=`));
  const canonical = [
    method,
    path,
    pairs.sort().join("&"),
    ...names.map((name) => `${name}:${headers[name]}`),
    "",
    names.join(";"),
    hash,
  ].join("\n");
  const scope = `${day}/${at}/s3/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${createHash("sha256").update(canonical, "latin1").digest("hex")}`;
  const signature = createHmac("sha256", deriveSigningKey(secretAccessKey, day, at, "s3"))
    .update(text)
    .digest("hex");
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
}
