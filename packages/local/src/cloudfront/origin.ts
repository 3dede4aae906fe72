/**
 * Asks origins. Those that this machine stands in for are reached through the front door, under their own names and with
 * CloudFront's own signature where an origin access control says so; those on loopback directly; no others.
 */
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest, Agent as TlsAgent } from "node:https";
import { pipeline, type Readable } from "node:stream";
import type { Cloud, CredentialStore, Credentials } from "../cloud/types.ts";
import { EMPTY_HASH } from "../front-door/canonical.ts";
import { signHeaders } from "../front-door/sign.ts";
import type { DistributionSpec, OriginSpec } from "../plan/cdn-types.ts";
import type { Headers } from "./http.ts";

export interface OriginRequest {
  method: string;
  /** Percent-encoded, with the origin's own path in front. */
  path: string;
  query: string;
  headers: Record<string, string>;
  body?: Readable;
  /** Whether the viewer came by HTTPS, for origins that are spoken to as viewers speak. */
  https: boolean;
}
export interface OriginAnswer {
  status: number;
  headers: Headers;
  body: IncomingMessage;
}

/** The origin gave no answer. */
export class NoAnswer extends Error {
  /** 502, 504. */
  readonly status: number;
  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
  }
}

export interface Origins {
  /** @throws NoAnswer */
  ask(distribution: DistributionSpec, origin: OriginSpec, request: OriginRequest): Promise<OriginAnswer>;
  stop(): void;
}

export function createOrigins(cloud: Cloud, credentials: CredentialStore): Origins {
  const agent = new Agent({ keepAlive: true });
  const tlsAgent = new TlsAgent({ keepAlive: true });
  /** By ARN of the distribution. */
  const issued = new Map<string, Credentials>();
  const unreachable = new Set<string>();

  function keysOf({ arn }: DistributionSpec): Credentials {
    const known = issued.get(arn);
    if (known) return known;
    const made = credentials.issue({
      kind: "service",
      service: "cloudfront.amazonaws.com",
      sourceArn: arn,
      sourceAccount: cloud.plan.accountId,
    });
    issued.set(arn, made);
    return made;
  }

  /** Origin access control: the signature that makes CloudFront the principal. */
  function sign(distribution: DistributionSpec, origin: OriginSpec, request: OriginRequest) {
    const { access } = origin;
    const kept = access?.signing === "no-override" && request.headers.authorization !== undefined;
    if (!access || access.signing === "never" || kept) return;
    signHeaders(request, {
      credentials: keysOf(distribution),
      service: access.service,
      now: cloud.clock.now(),
      region: regionOf(cloud, origin.domainName),
      // Who uploads to a function says what, and CloudFront signs that.
      payloadHash:
        access.service === "s3"
          ? "UNSIGNED-PAYLOAD"
          : (request.headers["x-amz-content-sha256"] ?? EMPTY_HASH),
    });
  }

  function target(origin: OriginSpec, https: boolean): { port: number; tls: boolean } {
    const { domainName, protocol } = origin;
    const tls = protocol === "https" || (protocol === "match-viewer" && https);
    const port = tls ? origin.httpsPort : origin.httpPort;
    if (/^(localhost|127(\.\d+){3}|\[::1\])$/.test(domainName)) return { port, tls };
    // What this machine stands in for takes both, and S3's is signed: plain HTTP costs half.
    const plain = origin.access !== undefined || /(^|\.)s3[.-][a-z0-9.-]*amazonaws\.com$/.test(domainName);
    const found = lookUp(cloud.addresses.toJSON(), domainName, plain ? 80 : port);
    if (found !== undefined) return { port: found, tls: plain ? false : tls };
    if (!unreachable.has(domainName)) {
      unreachable.add(domainName);
      cloud.log(`CloudFront: the origin ${domainName} is not on this machine, and nothing leaves it`);
    }
    throw new NoAnswer(502, `${domainName} is not on this machine`);
  }

  return {
    async ask(distribution, origin, request) {
      const { port, tls } = target(origin, request.https);
      sign(distribution, origin, request);
      return new Promise((resolve, reject) => {
        const send = tls ? httpsRequest : httpRequest;
        const outgoing = send(
          {
            host: "127.0.0.1",
            port,
            method: request.method,
            path: request.query === "" ? request.path : `${request.path}?${request.query}`,
            headers: request.headers,
            agent: tls ? tlsAgent : agent,
            ...(tls && { servername: origin.domainName, ca: cloud.ca.pem }),
            ...(tls && origin.domainName === "localhost" && { rejectUnauthorized: false }),
          },
          (answer) => resolve({ status: answer.statusCode ?? 502, headers: headersOf(answer), body: answer }),
        );
        outgoing.setTimeout(origin.readTimeoutSeconds * 1000, () =>
          outgoing.destroy(new NoAnswer(504, `${origin.domainName} took too long`)),
        );
        outgoing.on("error", (error) =>
          reject(
            error instanceof NoAnswer ? error : new NoAnswer(502, `${origin.domainName}: ${error.message}`),
          ),
        );
        // A viewer that goes away takes the request along; the error is told above.
        if (request.body) pipeline(request.body, outgoing, () => undefined);
        else outgoing.end();
      });
    },
    stop() {
      agent.destroy();
      tlsAgent.destroy();
      for (const { accessKeyId } of issued.values()) credentials.revoke(accessKeyId);
    },
  };
}

/** `host:port` as the run knows it, or the longest `*.domain:port` that it is below. */
function lookUp(addresses: Record<string, string>, host: string, port: number): number | undefined {
  const names = host.split(".").map((_, at, parts) => `*.${parts.slice(at + 1).join(".")}`);
  for (const name of [host, ...names]) {
    const found = addresses[`${name}:${port}`];
    if (found !== undefined) return Number(found.slice(found.lastIndexOf(":") + 1));
  }
  return undefined;
}

function regionOf(cloud: Cloud, host: string): string {
  const named = /\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:amazonaws\.com|on\.aws)$/.exec(host)?.[1];
  const bucket = cloud.plan.buckets.find(({ name }) => host.startsWith(`${name}.s3`));
  return named ?? bucket?.region ?? "us-east-1";
}

function headersOf(answer: IncomingMessage): Headers {
  const headers: Headers = {};
  for (const [name, value] of Object.entries(answer.headers)) if (value !== undefined) headers[name] = value;
  return headers;
}
