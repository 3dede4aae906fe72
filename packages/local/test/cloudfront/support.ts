/** Distributions in front of buckets and of a server of the test's own. */
import { generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type {
  BehaviourSpec,
  CachePolicySpec,
  DistributionSpec,
  OriginSpec,
} from "../../src/plan/cdn-types.ts";
import { account } from "../support/services.ts";

const nothing = { kind: "none" as const, names: [] };

export const cachePolicy: CachePolicySpec = {
  minTtl: 1,
  defaultTtl: 86_400,
  maxTtl: 31_536_000,
  queries: nothing,
  headers: nothing,
  cookies: nothing,
  gzip: true,
  brotli: true,
};
export function behaviourSpec(change: Partial<BehaviourSpec> = {}): BehaviourSpec {
  return {
    pattern: "*",
    originId: "home",
    allowedMethods: ["GET", "HEAD"],
    cachedMethods: ["GET", "HEAD"],
    viewerProtocol: "redirect-to-https",
    compress: true,
    cache: cachePolicy,
    forward: { queries: nothing, headers: nothing, cookies: nothing },
    functions: {},
    ...change,
  };
}
export function originSpec(change: Partial<OriginSpec> = {}): OriginSpec {
  return {
    id: "home",
    domainName: "home.s3.eu-west-1.amazonaws.com",
    path: "",
    headers: {},
    protocol: "https",
    httpPort: 80,
    httpsPort: 443,
    readTimeoutSeconds: 20,
    ...change,
  };
}
export function distributionSpec(change: Partial<DistributionSpec> = {}): DistributionSpec {
  const id = change.id ?? "E1EXAMPLE00001";
  return {
    id,
    arn: `arn:aws:cloudfront::${account}:distribution/${id}`,
    name: "Site",
    domainName: "d111111abcdef8.cloudfront.net",
    aliases: [],
    enabled: true,
    origins: [originSpec({ access: { service: "s3", signing: "always" } })],
    originGroups: [],
    behaviours: [behaviourSpec()],
    errorResponses: [],
    ...change,
  };
}

export function keyPair(id: string): { id: string; pem: string; privateKey: string } {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return { id, pem: publicKey, privateKey };
}

export interface Fetched {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  text: string;
  /** `x-cache` before ` from cloudfront`. */
  cache: string;
}
/** A request as it is written, which `fetch` would tidy up. */
export function get(
  url: string,
  options: { method?: string; headers?: Record<string, string>; path?: string; body?: string } = {},
): Promise<Fetched> {
  const { hostname, port, pathname, search } = new URL(url);
  const { method = "GET", headers = {}, path = pathname + search, body } = options;
  return new Promise((resolve, reject) => {
    const sent = request({ host: hostname, port, method, path, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        const bytes = Buffer.concat(chunks);
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: bytes,
          text: bytes.toString(),
          cache: String(answer.headers["x-cache"]).replace(" from cloudfront", ""),
        });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** An origin that does as it is told, and remembers what it was asked. */
export interface TestOrigin {
  port: number;
  asked: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[];
  answer: (incoming: IncomingMessage, response: ServerResponse) => void;
  stop(): Promise<void>;
}
export async function startOrigin(): Promise<TestOrigin> {
  const server: Server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const { method = "", url = "", headers } = incoming;
      origin.asked.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      origin.answer(incoming, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin: TestOrigin = {
    port: (server.address() as AddressInfo).port,
    asked: [],
    answer: (_, response) => response.end("ok"),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return origin;
}
export const localOrigin = (port: number, change: Partial<OriginSpec> = {}) =>
  originSpec({ domainName: "localhost", protocol: "http", httpPort: port, ...change });
