/** One request to a distribution, from its line to its answer. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Cloud } from "../cloud/types.ts";
import { hostOf } from "../front-door/index.ts";
import type { BehaviourSpec, DistributionSpec, OriginSpec } from "../plan/cdn-types.ts";
import { type Delivery, deliver, discard } from "./delivery.ts";
import {
  changedOrigin,
  MalformedResult,
  readRequestResult,
  readResponseResult,
  requestEvent,
  responseEvent,
} from "./edge-event.ts";
import type { EdgeFunction } from "./edge-function.ts";
import { type Answer, ownDenial, ownError, type ViewerRequest } from "./http.ts";
import { behaviourFor, wildcard } from "./match.ts";
import { applyPolicy } from "./response-headers.ts";
import { checkSignature, withoutSignature } from "./signed.ts";
import { write } from "./write.ts";

/** `loopback`: the distribution's own port, which stands for HTTPS at its name. */
export type Door = "name" | "loopback";

export interface Edge extends Delivery {
  cloud: Cloud;
  /** By ARN. */
  functions: ReadonlyMap<string, EdgeFunction>;
}

const URL_LIMIT = 8192;

export async function serve(
  edge: Edge,
  door: Door,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const started = performance.now();
  const request = readRequest(edge.distribution, door, incoming);
  const { method, uri, id } = request;
  const answer = await answerTo(edge, request, door, incoming);
  const headers = { ...answer.headers };
  headers.via = `1.1 ${edge.distribution.id.toLowerCase()}.cloudfront.net (CloudFront)`;
  headers["x-cache"] = `${answer.cache} from cloudfront`;
  headers["x-amz-cf-pop"] = "LOCAL";
  headers["x-amz-cf-id"] = id;
  const status = await write(request, response, { ...answer, headers });
  if (!incoming.complete) incoming.resume();
  edge.cloud.observer.record("cloudfront.request", edge.distribution.arn, undefined, {
    method,
    path: uri,
    status,
    cache: answer.cache,
    ms: Math.round((performance.now() - started) * 10) / 10,
  });
}

function readRequest(distribution: DistributionSpec, door: Door, incoming: IncomingMessage): ViewerRequest {
  const headers: Record<string, string> = {};
  // What CloudFront says of a viewer the viewer does not say.
  for (const [name, value] of Object.entries(incoming.headers))
    if (value !== undefined && !name.startsWith("cloudfront-"))
      headers[name] = typeof value === "string" ? value : value.join(",");
  if (door === "loopback" && !isName(distribution, hostOf(headers.host)))
    headers.host = namesOf(distribution)[0] ?? distribution.domainName;
  const target = (incoming.url ?? "/").replace(/^https?:\/\/[^/?#]*/i, "");
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  return {
    id: `${randomBytes(40).toString("base64url")}==`,
    method: incoming.method ?? "GET",
    uri: path.startsWith("/") ? path : `/${path}`,
    query: mark < 0 ? "" : target.slice(mark + 1),
    headers,
    ip: (incoming.socket.remoteAddress ?? "127.0.0.1").replace(/^::ffff:/, ""),
    https: door === "loopback" || (incoming.socket as Partial<TLSSocket>).encrypted === true,
    body: incoming,
  };
}

/** Names that can be written: an app's own first, since it may refuse CloudFront's. */
function namesOf({ aliases, domainName }: DistributionSpec): string[] {
  return [...aliases.filter((alias) => !alias.includes("*")), domainName];
}
function isName({ aliases, domainName }: DistributionSpec, host: string): boolean {
  return [...aliases, domainName].some((name) => wildcard(name, host));
}

async function answerTo(
  edge: Edge,
  viewer: ViewerRequest,
  door: Door,
  incoming: IncomingMessage,
): Promise<Answer> {
  const { distribution } = edge;
  if ((incoming.url ?? "").length > URL_LIMIT) return ownError(414, "The address is too long.");
  if ((viewer.headers["cdn-loop"] ?? "").includes(`id=${distribution.id}`))
    return ownError(508, "A loop: the distribution is its own origin.");
  const behaviour = behaviourFor(distribution.behaviours, viewer.uri);
  if (!behaviour.allowedMethods.includes(viewer.method))
    return ownError(
      403,
      "This distribution is not configured to allow the HTTP request method that was used for this request.",
    );
  if (!viewer.https && behaviour.viewerProtocol === "https-only")
    return ownError(403, "Bad request. This behaviour takes HTTPS alone.");
  if (!viewer.https && behaviour.viewerProtocol === "redirect-to-https") return toHttps(viewer);
  if (behaviour.trustedKeys) {
    const refusal = checkSignature(
      {
        bases: basesOf(distribution, viewer, door, incoming),
        query: viewer.query,
        cookies: cookiesOf(viewer),
        ip: viewer.ip,
        now: Math.floor(edge.cloud.clock.now() / 1000),
      },
      behaviour.trustedKeys,
    );
    if (refusal) return withPage(edge, viewer, ownDenial(refusal.code, refusal.message));
    viewer.query = withoutSignature(viewer.query);
  }
  if (viewer.uri === "/" && distribution.defaultRootObject) viewer.uri = `/${distribution.defaultRootObject}`;
  try {
    return await behave(edge, behaviour, viewer);
  } catch (error) {
    if (!(error instanceof FunctionFailure)) throw error;
    edge.log(`CloudFront: function ${error.message}`);
    return ownError(503, "The CloudFront function associated with this distribution failed.");
  }
}

function toHttps(viewer: ViewerRequest): Answer {
  const { headers, uri, query } = viewer;
  return {
    ...ownError(301, "Moved permanently."),
    headers: {
      "content-type": "text/html",
      server: "CloudFront",
      location: `https://${hostOf(headers.host)}${uri}${query === "" ? "" : `?${query}`}`,
    },
    cache: "Redirect",
  };
}

/** What a signer may have called what is asked for. */
function basesOf(
  distribution: DistributionSpec,
  viewer: ViewerRequest,
  door: Door,
  incoming: IncomingMessage,
): string[] {
  const scheme = viewer.https ? "https" : "http";
  const hosts = new Set(door === "loopback" ? namesOf(distribution) : [hostOf(viewer.headers.host)]);
  return [
    ...[...hosts].map((host) => `${scheme}://${host}${viewer.uri}`),
    ...(door === "loopback" ? [`http://${incoming.headers.host ?? ""}${viewer.uri}`] : []),
  ];
}
function cookiesOf(viewer: ViewerRequest): Record<string, string> {
  const pairs = (viewer.headers.cookie ?? "").split(";").map((pair) => {
    const equals = pair.indexOf("=");
    return [pair.slice(0, Math.max(0, equals)).trim(), pair.slice(equals + 1).trim()];
  });
  return Object.fromEntries(pairs) as Record<string, string>;
}

class FunctionFailure extends Error {}
function call<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FunctionFailure(`${name}: ${reason}`, { cause: error });
  }
}

async function behave(edge: Edge, behaviour: BehaviourSpec, viewer: ViewerRequest): Promise<Answer> {
  const { distribution, functions } = edge;
  const { viewerRequest, viewerResponse } = behaviour.functions;
  const event = requestEvent(distribution, viewer);
  let request = viewer;
  let origins = originsOf(distribution, behaviour);
  const before = viewerRequest && functions.get(viewerRequest.arn);
  if (viewerRequest && before) {
    const outcome = call(viewerRequest.name, () => {
      const { result, origin } = before.run(event);
      const [base] = origins;
      if (origin && !base) throw new MalformedResult("there is no origin to change");
      return {
        next: readRequestResult(viewer, result),
        changed: origin && base ? changedOrigin(distribution, base, origin) : undefined,
      };
    });
    if ("status" in outcome.next) return outcome.next;
    request = outcome.next;
    if (outcome.changed) origins = [outcome.changed];
  }
  const delivered = await withPage(edge, request, await deliver(edge, behaviour, request, origins));
  const answer = { ...delivered, headers: { ...delivered.headers } };
  if (behaviour.responseHeaders) applyPolicy(answer.headers, behaviour.responseHeaders, request);
  const after = viewerResponse && functions.get(viewerResponse.arn);
  // What an origin answers with an error no function sees.
  if (!viewerResponse || !after || answer.status >= 400) return answer;
  return call(viewerResponse.name, () =>
    readResponseResult(answer, after.run(responseEvent(requestEvent(distribution, request), answer)).result),
  );
}

function originsOf({ origins, originGroups }: DistributionSpec, { originId }: BehaviourSpec): OriginSpec[] {
  const members = originGroups.find(({ id }) => id === originId)?.members ?? [originId];
  return members.flatMap((id) => origins.find((origin) => origin.id === id) ?? []);
}

/** The distribution's own page for an error, fetched as a viewer would. */
async function withPage(edge: Edge, request: ViewerRequest, answer: Answer): Promise<Answer> {
  const { distribution } = edge;
  const custom = distribution.errorResponses.find(({ code }) => code === answer.status);
  if (!custom?.pagePath) return answer;
  const behaviour = behaviourFor(distribution.behaviours, custom.pagePath);
  const { range: _, ...headers } = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => !name.startsWith("if-")),
  );
  const page = await deliver(
    edge,
    behaviour,
    {
      ...request,
      method: request.method === "HEAD" ? "HEAD" : "GET",
      uri: custom.pagePath,
      query: "",
      headers,
    },
    originsOf(distribution, behaviour),
  );
  if (page.status >= 400) {
    await discard(page);
    return answer;
  }
  await discard(answer);
  return { ...page, status: custom.responseCode ?? answer.status, cache: "Error" };
}
