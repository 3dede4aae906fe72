/** One AWS call from its bytes to its answer. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { AwsError } from "../cloud/errors.ts";
import { Disconnect } from "../cloud/faults.ts";
import type { AwsAnswer, AwsCall, AwsService, Cloud, CredentialStore, Principal } from "../cloud/types.ts";
import { writeAnswer } from "./answer.ts";
import {
  flattenHeaders,
  payloadHash,
  readClaim,
  refuseUnsignedHeaders,
  s3PayloadHash,
  signable,
  splitUrl,
} from "./authenticate.ts";
import { discardBody, openBody, readBody } from "./body.ts";
import { type ErrorContext, errorAnswer } from "./errors.ts";
import { isOpenOperation, operationOfTarget, parseJson, parseQuery, protocolOf } from "./protocol.ts";
import { type RestRequest, resourceOf, restOperation } from "./rest-operations.ts";
import { createVerifier, type SignatureClaim, scopeOf, type Verified, type Verifier } from "./sigv4.ts";
import { unsignedTarget } from "./unsigned.ts";

/** Larger than any message SQS or SNS takes, and than any secret. */
const BODY_LIMIT = 20 * 1024 * 1024;
/** An email of 40 MB in base64, in SES's REST-JSON. */
const REST_BODY_LIMIT = 64 * 1024 * 1024;

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export function createAwsHandler(
  cloud: Cloud,
  credentials: CredentialStore,
  services: AwsService[],
): Handler {
  const verifier = createVerifier(credentials, cloud.clock);
  const bySigningName = new Map(
    services.flatMap((service) => service.signingNames.map((name) => [name, service])),
  );
  const missing = new Set<string>();

  function serviceFor(call: AwsCall, operation: string): AwsService {
    const service = bySigningName.get(call.service);
    if (service) return service;
    const message = `${call.service} is not part of this local run; asked for operation ${operation} by ${describe(call.principal)}`;
    if (!missing.has(message)) {
      missing.add(message);
      cloud.log(message);
    }
    // Not 501: clients without an SDK (`sst/aws/task`, OpenAuth's storage) try again at any 5xx, for a minute.
    throw new AwsError("NotImplemented", message, 400);
  }

  return async (request, response) => {
    const exchange = openExchange(request);
    let answer: AwsAnswer;
    try {
      const call = await openCall(cloud, verifier, exchange, request, response);
      const { operation } = exchange.context;
      const authorisation = guard(call);
      const service = serviceFor(call, operation);
      const point = { service: call.service, operation };
      const resource = resourceOf(cloud.plan, call.service, call.input, exchange.rest);
      await cloud.faults.strike({ ...point, resource, phase: "before" });
      answer = await service.handle(call);
      const needed = !isOpenOperation(call.service, operation) && operation !== "CORSPreflight";
      // DeleteObjects tells of each key by itself, and may have been denied them all.
      const allowed = authorisation.granted || (authorisation.asked && operation === "DeleteObjects");
      if (needed && !allowed && (answer.status ?? 200) < 400) {
        if (answer.body instanceof Readable) answer.body.destroy();
        throw new Error(`${call.service} ${operation} answered without having been authorised`);
      }
      await cloud.faults
        .strike({ ...point, resource: authorisation.resource ?? resource, phase: "after" })
        .catch((error: unknown) => {
          if (answer.body instanceof Readable) answer.body.destroy();
          throw error;
        });
    } catch (error) {
      if (error instanceof Disconnect || request.socket.destroyed) {
        request.socket.destroy();
        return;
      }
      if (!(error instanceof AwsError))
        cloud.log(
          `${exchange.context.service} ${exchange.context.operation} failed: ${(error as Error).stack}`,
        );
      answer = errorAnswer(error, exchange.context);
    }
    if (!response.headersSent) await writeAnswer(response, answer, exchange.context);
    if (!request.complete) discardBody(exchange.body ?? request);
  };
}

/** What is known of a request before anything in it has been checked; enough to answer with an error. */
interface Exchange {
  context: ErrorContext & { operation: string };
  headers: Record<string, string>;
  rawQuery: string;
  rest: RestRequest;
  /** The body as a stream, where the service reads it. */
  body?: Readable;
}

function openExchange(request: IncomingMessage): Exchange {
  const headers = flattenHeaders(request);
  const { path, query: rawQuery } = splitUrl(request.url ?? "/");
  const method = request.method ?? "GET";
  const query = new URLSearchParams(rawQuery);
  const host = (headers.host ?? "").toLowerCase().replace(/:\d+$/, "");
  const target = headers["x-amz-target"];
  const contentType = headers["content-type"];
  return {
    context: {
      protocol: protocolOf("", { method, target, contentType, query }),
      service: "",
      operation: target ? operationOfTarget(target) : (query.get("Action") ?? ""),
      requestId: randomUUID(),
      method,
      path,
      contentType,
    },
    headers,
    rawQuery,
    rest: { method, path, query, headers, host },
  };
}

async function openCall(
  cloud: Cloud,
  verifier: Verifier,
  exchange: Exchange,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<AwsCall> {
  const { context, headers, rawQuery, rest } = exchange;
  const { method, path, query } = rest;
  // The protocol decides how an error is told, so it is settled as soon as the service is known.
  const settle = (service: string) => {
    context.service = service;
    context.protocol = protocolOf(service, {
      method,
      target: headers["x-amz-target"],
      contentType: context.contentType,
      query,
    });
    if (context.protocol === "restXml" || context.protocol === "restJson")
      context.operation = restOperation(service, rest);
  };
  const likely = unsignedTarget(cloud.plan, rest, context.operation);
  if (likely) settle(likely.service);
  const claim = readClaim(headers, rawQuery);
  if (claim) settle(claim.service);
  else if (!likely) throw new AwsError("MissingAuthenticationToken", "Missing Authentication Token", 403);
  const { service, protocol } = context;
  const region = claim?.region ?? likely?.region ?? cloud.plan.homeRegion;

  let rawBody: Buffer = Buffer.alloc(0);
  let input: Record<string, unknown> = {};
  let verified: Verified | undefined;
  const signed = signable(method, path, rawQuery, headers);
  if (service === "s3") {
    if (claim) {
      refuseUnsignedHeaders(claim, headers);
      const payload = s3PayloadHash(claim, headers, query);
      verified = verifier.verify(signed, claim, payload);
      const signing = {
        key: verified.signingKey,
        date: claim.date,
        scope: scopeOf(claim),
        seed: claim.signature,
      };
      exchange.body = openBody(request, headers, payload, signing);
    } else exchange.body = openBody(request, headers, headers["x-amz-content-sha256"], undefined);
  } else {
    rawBody = await readBody(request, protocol === "restJson" ? REST_BODY_LIMIT : BODY_LIMIT);
    if (claim) verified = verifier.verify(signed, claim, payloadHash(claim, headers, rawBody));
    if (protocol === "json") input = parseJson(rawBody);
    if (protocol === "query") {
      input = parseQuery(rawBody.length > 0 ? new URLSearchParams(rawBody.toString("utf8")) : query);
      if (typeof input.Action !== "string")
        throw new AwsError("MissingAction", "The request is missing the parameter Action.");
      context.operation = input.Action;
    }
  }

  const principal: Principal = verified?.principal ?? { kind: "anonymous" };
  const base = contextKeys(service, region, headers, claim);
  const call: AwsCall = {
    requestId: context.requestId,
    service,
    region,
    principal,
    operation: protocol === "json" || protocol === "query" ? context.operation : "",
    protocol: protocol === "json" || protocol === "query" ? protocol : "rest",
    input,
    http: {
      method,
      path,
      query,
      headers,
      // Few services read what is in rawBody as a stream, and making one costs more than checking the signature.
      get body() {
        exchange.body ??= Readable.from(rawBody.length > 0 ? [rawBody] : [], { objectMode: false });
        return exchange.body;
      },
      rawBody,
      request,
      response,
    },
    trace: headers["x-amzn-trace-id"],
    // Reads the principal when it is called: S3 sets it once it has checked the policy of a form upload.
    authorise: (action, resource, extra) =>
      cloud.authoriser.authorise({
        principal: call.principal,
        action,
        resource,
        context: { ...base, ...extra },
      }),
  };
  return call;
}

interface Authorisation {
  asked: boolean;
  granted: boolean;
  /** ARN of the first resource that was authorised. */
  resource: string | undefined;
}

/** Notes whether the service has asked, and was told yes. */
function guard(call: AwsCall): Authorisation {
  const authorisation: Authorisation = { asked: false, granted: false, resource: undefined };
  const { authorise } = call;
  call.authorise = (action, resource, extra) => {
    authorisation.asked = true;
    authorise(action, resource, extra);
    authorisation.granted = true;
    authorisation.resource ??= resource;
  };
  return authorisation;
}

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys */
function contextKeys(
  service: string,
  region: string,
  headers: Record<string, string>,
  claim: SignatureClaim | undefined,
): Record<string, string> {
  const keys: Record<string, string> = { "aws:RequestedRegion": region };
  const { referer, "user-agent": agent } = headers;
  if (referer) keys["aws:Referer"] = referer;
  if (agent) keys["aws:UserAgent"] = agent;
  if (service === "s3" && claim) {
    keys["s3:authType"] = claim.presigned ? "REST-QUERY-STRING" : "REST-HEADER";
    keys["s3:signatureversion"] = "AWS4-HMAC-SHA256";
  }
  return keys;
}

function describe(principal: Principal): string {
  switch (principal.kind) {
    case "role":
      return `role ${principal.roleArn} (${principal.sessionName})`;
    case "service":
      return principal.service;
    default:
      return `the ${principal.kind}`;
  }
}
