/** Requests and answers in the shape that CloudFront Functions see, and back. */
import type { DistributionSpec, OriginSpec } from "../plan/cdn-types.ts";
import type { EdgeEvent, EdgeRequest, EdgeResponse, EdgeValue, OriginChange } from "./edge-function.ts";
import { viewerHeaders } from "./forwarding.ts";
import { type Answer, type Headers, readCookies, type ViewerRequest } from "./http.ts";

/** A function's result is neither a request nor a response: CloudFront answers 503. */
export class MalformedResult extends Error {}

function valuesOf(pairs: Iterable<[name: string, value: string]>): Record<string, EdgeValue> {
  const values: Record<string, EdgeValue> = {};
  for (const [name, value] of pairs) {
    const known = values[name];
    if (!known) values[name] = { value };
    else known.multiValue = [...(known.multiValue ?? [{ value: known.value }]), { value }];
  }
  return values;
}
/** Each value by itself. */
function* pairsOf(values: Record<string, EdgeValue> | undefined): Generator<[name: string, value: string]> {
  for (const [name, { value, multiValue }] of Object.entries(values ?? {}))
    for (const one of multiValue && multiValue.length > 0 ? multiValue : [{ value }])
      yield [name, String(one.value ?? "")];
}

export function requestEvent(distribution: DistributionSpec, request: ViewerRequest): EdgeEvent {
  const { cookie, ...headers } = request.headers;
  const queries = request.query === "" ? [] : request.query.split("&");
  return {
    version: "1.0",
    context: {
      distributionDomainName: distribution.domainName,
      distributionId: distribution.id,
      eventType: "viewer-request",
      requestId: request.id,
    },
    viewer: { ip: request.ip },
    request: {
      method: request.method,
      uri: request.uri,
      querystring: valuesOf(
        queries.map((pair): [string, string] => {
          const equals = pair.indexOf("=");
          return equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
        }),
      ),
      headers: valuesOf(Object.entries({ ...headers, ...viewerHeaders(request) })),
      cookies: valuesOf(readCookies(cookie)),
    },
  };
}

/** What a function has made of a request, or the answer that it gives itself. */
export function readRequestResult(request: ViewerRequest, result: unknown): ViewerRequest | Answer {
  if (!isRecord(result)) throw new MalformedResult("it returned neither a request nor a response");
  if (result.statusCode !== undefined) return generated(result as unknown as EdgeResponse);
  const { uri, querystring, headers, cookies } = result as unknown as Partial<EdgeRequest>;
  if (typeof uri !== "string" || !uri.startsWith("/"))
    throw new MalformedResult("the uri of the request must be a text that begins with /");
  const left: Record<string, string> = {};
  for (const [name, value] of pairsOf(headers)) {
    const key = name.toLowerCase();
    left[key] = left[key] === undefined ? value : `${left[key]},${value}`;
  }
  const pairs = [...pairsOf(cookies)].map(([name, value]) => `${name}=${value}`);
  if (pairs.length > 0) left.cookie = pairs.join("; ");
  for (const name of Object.keys(viewerHeaders(request))) delete left[name];
  // Whom the request is for, and how long its body is, is not a function's to say.
  for (const name of ["host", "content-length", "transfer-encoding"])
    if (request.headers[name] !== undefined) left[name] = request.headers[name];
  const query = [...pairsOf(querystring)].map(([name, value]) => (value === "" ? name : `${name}=${value}`));
  return { ...request, uri, query: query.join("&"), headers: left };
}

function generated(response: EdgeResponse): Answer {
  const status = Number(response.statusCode);
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new MalformedResult("statusCode must be a whole number from 200 to 599");
  const { body } = response;
  return {
    status,
    headers: headersOf(response),
    body:
      body === undefined || typeof body === "string"
        ? Buffer.from(body ?? "")
        : Buffer.from(body.data, body.encoding === "base64" ? "base64" : "utf8"),
    cache: "FunctionGeneratedResponse",
  };
}

export function responseEvent(event: EdgeEvent, answer: Answer): EdgeEvent {
  const { "set-cookie": setCookie, ...headers } = answer.headers;
  return {
    ...event,
    context: { ...event.context, eventType: "viewer-response" },
    response: {
      statusCode: answer.status,
      headers: valuesOf(
        Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
      ),
      cookies: Object.fromEntries([setCookie ?? []].flat().map(readSetCookie)),
    },
  };
}

/** @returns The answer with the status and headers that the function gave it. */
export function readResponseResult(answer: Answer, result: unknown): Answer {
  if (!isRecord(result) || result.statusCode === undefined)
    throw new MalformedResult("it returned no response");
  const response = result as unknown as EdgeResponse;
  const replaced = response.body === undefined ? undefined : generated(response);
  const { size, ...rest } = answer;
  return {
    ...rest,
    status: Number(response.statusCode),
    headers: headersOf(response),
    ...(replaced ? { body: replaced.body } : size !== undefined && { size }),
  };
}

function headersOf({ headers, cookies }: EdgeResponse): Headers {
  const left: Headers = {};
  for (const [name, value] of pairsOf(headers)) {
    const key = name.toLowerCase();
    left[key] = left[key] === undefined ? value : `${String(left[key])},${value}`;
  }
  const set = Object.entries(cookies ?? {}).flatMap(([name, { value, attributes, multiValue }]) =>
    (multiValue && multiValue.length > 0 ? multiValue : [{ value, attributes }]).map((one) =>
      [`${name}=${one.value}`, one.attributes].filter(Boolean).join("; "),
    ),
  );
  if (set.length > 0) left["set-cookie"] = set;
  return left;
}

function readSetCookie(line: string): [name: string, value: EdgeValue] {
  const [pair = "", ...attributes] = line.split(";");
  const equals = pair.indexOf("=");
  const name = equals < 0 ? pair.trim() : pair.slice(0, equals).trim();
  const value = equals < 0 ? "" : pair.slice(equals + 1).trim();
  const rest = attributes.map((one) => one.trim()).join("; ");
  return [name, { value, ...(rest !== "" && { attributes: rest }) }];
}

/**
 * The origin that a function has chosen; what it does not say stays as the behaviour's origin has it.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/helper-functions-origin-modification.html
 */
export function changedOrigin(
  distribution: DistributionSpec,
  base: OriginSpec,
  { select, update }: OriginChange,
): OriginSpec {
  const chosen =
    select === undefined ? base : (distribution.origins.find(({ id }) => id === select) ?? missing(select));
  if (!update) return chosen;
  const { customOriginConfig: custom, originAccessControlConfig: control } = update;
  const { access, ...origin } = chosen;
  const signing = control?.signingBehavior === "never" ? "never" : "always";
  const service = control?.originType === "lambda" ? "lambda" : "s3";
  const signed = control ? (control.enabled ? ({ service, signing } as const) : undefined) : access;
  return {
    ...origin,
    ...(update.domainName !== undefined && { domainName: update.domainName.toLowerCase() }),
    ...(update.originPath !== undefined && { path: update.originPath.replace(/\/+$/, "") }),
    ...(update.customHeaders && { headers: update.customHeaders }),
    ...(custom?.protocol && { protocol: custom.protocol }),
    ...(custom?.port !== undefined &&
      (custom.protocol === "http" ? { httpPort: custom.port } : { httpsPort: custom.port })),
    ...(update.timeouts?.readTimeout !== undefined && { readTimeoutSeconds: update.timeouts.readTimeout }),
    ...(signed && { access: signed }),
  };
}
function missing(id: string): never {
  throw new MalformedResult(`the distribution has no origin "${id}"`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
