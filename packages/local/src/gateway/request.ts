/** A request as API Gateway sees it, whichever door it came through. */
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../cloud/clock.ts";
import type { GatewaySpec } from "../plan/types.ts";
import { newId, traceHeader } from "./identifiers.ts";

/**
 * The door: the API's own host name (`id.execute-api...`, where a named stage prefixes the path), a custom domain
 * (no stage in the path), or the listener of its own on loopback (either).
 */
export type Door = "execute-api" | "custom-domain" | "loopback";

export interface GatewayRequest {
  requestId: string;
  trace: string;
  /** Milliseconds of the local clock. */
  receivedAt: number;
  method: string;
  /** As sent, percent-encoded. */
  rawPath: string;
  /** Percent-decoded, stage included: what the function gets. */
  path: string;
  /** Percent-decoded, without the stage: what routes are matched against. */
  routePath: string;
  /** As sent, without `?`. */
  rawQuery: string;
  /** Decoded pairs in their order. */
  query: [name: string, value: string][];
  /** In the order and spelling they were sent. */
  headers: [name: string, value: string][];
  /** First value by lower-case name. */
  header(name: string): string | undefined;
  domainName: string;
  sourceIp: string;
  userAgent: string;
  /** `HTTP/1.1` */
  protocol: string;
  scheme: "http" | "https";
  port: number;
}

/** The total of request line and header values that API Gateway takes (HTTP API quotas). */
const MAX_HEADER_BYTES = 10_240;

/** A request that never reaches a route. */
export class BadRequest extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Throws BadRequest when the request line or headers break API Gateway's limits or the URL is malformed. */
export function readRequest(
  incoming: IncomingMessage,
  gateway: Pick<GatewaySpec, "stage" | "protocol" | "host">,
  door: Door,
  clock: Clock,
): GatewayRequest {
  const headers: [string, string][] = [];
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2)
    headers.push([incoming.rawHeaders[at] ?? "", incoming.rawHeaders[at + 1] ?? ""]);
  const header = (name: string) => headers.find(([key]) => key.toLowerCase() === name)?.[1];
  const target = incoming.url ?? "/";
  const size = headers.reduce((total, [name, value]) => total + name.length + value.length, target.length);
  if (size > MAX_HEADER_BYTES) throw new BadRequest(431, "Request Header Fields Too Large");

  const { rawPath, rawQuery } = splitTarget(target);
  const path = decodePath(rawPath);
  const now = clock.now();
  const tls = (incoming.socket as Partial<TLSSocket>).encrypted === true;
  return {
    requestId: newId(),
    trace: traceHeader(header("x-amzn-trace-id"), now),
    receivedAt: now,
    method: incoming.method ?? "GET",
    rawPath,
    path,
    routePath: withoutStage(path, gateway.stage, door, gateway.protocol),
    rawQuery,
    query: [...new URLSearchParams(rawQuery)],
    headers,
    header,
    // A function reaches its API, `@connections` above all, by the name in the event: that name is the API's own.
    domainName:
      gateway.protocol === "WEBSOCKET" && door === "loopback"
        ? gateway.host
        : (header("host") ?? gateway.host),
    sourceIp: (incoming.socket.remoteAddress ?? "127.0.0.1").replace(/^::ffff:/, ""),
    userAgent: header("user-agent") ?? "",
    protocol: `HTTP/${incoming.httpVersion}`,
    scheme: tls ? "https" : "http",
    port: door === "loopback" ? (incoming.socket.localPort ?? 80) : tls ? 443 : 80,
  };
}

/** `*` and absolute forms (RFC 9112 section 3.2) included. */
function splitTarget(target: string): { rawPath: string; rawQuery: string } {
  const local = target.replace(/^https?:\/\/[^/?#]*/i, "");
  const at = local.indexOf("?");
  const rawPath = at < 0 ? local : local.slice(0, at);
  return {
    rawPath: rawPath.startsWith("/") ? rawPath : `/${rawPath}`,
    rawQuery: at < 0 ? "" : local.slice(at + 1),
  };
}

/**
 * HTTP APIs hand over the decoded path, `%2F` and all, and cut it at a decoded `?` (observed on AWS:
 * middleapi/standard-server#93, honojs/hono#2156). Repeated slashes stay.
 */
function decodePath(rawPath: string): string {
  try {
    return decodeURIComponent(rawPath).split("?", 1)[0] ?? "/";
  } catch {
    throw new BadRequest(400, "Bad Request");
  }
}

function withoutStage(path: string, stage: string, door: Door, protocol: GatewaySpec["protocol"]): string {
  // `$default` is in the path of a WebSocket API's address, and never in that of an HTTP API.
  if (door === "custom-domain" || (stage === "$default" && protocol === "HTTP")) return path;
  if (path === `/${stage}`) return "/";
  if (path.startsWith(`/${stage}/`)) return path.slice(stage.length + 1);
  if (door === "loopback") return path;
  throw new BadRequest(protocol === "HTTP" ? 404 : 403, protocol === "HTTP" ? "Not Found" : "Forbidden");
}
