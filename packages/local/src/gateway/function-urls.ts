/**
 * Function URLs: the addresses that functions have of their own, each on a loopback listener and under its AWS host
 * name behind the front door (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html).
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Cloud, CredentialStore, Part, Ports } from "../cloud/types.ts";
import { createAuthenticator, type HostHandler, hostOf } from "../front-door/index.ts";
import { MAX_SYNC_BYTES } from "../functions/limits.ts";
import type { FunctionUrlSpec } from "../plan/types.ts";
import { type HttpAnswer, MalformedAnswer, readAnswer } from "./answer.ts";
import { type Authenticate, signedBy } from "./authorizers.ts";
import { readBody } from "./body.ts";
import { isPreflight, preflightAnswer, withCors } from "./cors.ts";
import { callFunction } from "./invoke.ts";
import { type Listener, listen } from "./listener.ts";
import { eventV2 } from "./payload.ts";
import { BadRequest, type Door, type GatewayRequest, readRequest } from "./request.ts";
import { respond } from "./respond.ts";

export interface FunctionUrlOptions {
  /** Ports by the function's logical name; whatever is not named is chosen by the system. */
  listen?: Record<string, number>;
  /** Whose signatures addresses with `AWS_IAM` know. Absent: they refuse everybody. */
  credentials?: CredentialStore;
}
export interface FunctionUrls extends Part {
  /** Where a function listens on this machine, by its URL's id: `http://127.0.0.1:port`. */
  url(id: string): string;
  /** For the front door: the functions under their AWS host names. */
  readonly hosts: HostHandler[];
}

export function createFunctionUrls(
  cloud: Cloud,
  ports: Ports,
  options: FunctionUrlOptions = {},
): FunctionUrls {
  const authenticate: Authenticate = options.credentials
    ? createAuthenticator(options.credentials, "lambda", cloud.clock)
    : () => undefined;
  const listeners = new Map<string, Listener>();

  async function answer(spec: FunctionUrlSpec, incoming: IncomingMessage, request: GatewayRequest) {
    if (spec.cors && isPreflight(request)) return preflightAnswer(spec.cors, request);
    const body = await readBody(incoming, MAX_SYNC_BYTES);
    const caller = spec.authorization === "AWS_IAM" ? signed(spec, incoming, body) : undefined;
    if (spec.authorization === "AWS_IAM" && !caller) return forbidden();
    const source = {
      gateway: { id: spec.id, stage: "$default" },
      accountId: caller ? cloud.plan.accountId : "anonymous",
      // Unlike an HTTP API, a function's address hands the path over as it was sent.
      request: { ...request, path: request.rawPath },
      match: { route: { key: "$default" }, pathParameters: undefined },
      ...(caller && { authorisation: signedBy(cloud.plan.accountId, caller) }),
    };
    const outcome = await callFunction(cloud, ports, {
      functionArn: spec.functionArn,
      by: caller?.principal ?? { kind: "anonymous" },
      event: eventV2(source, body),
      trace: request.trace,
    });
    if (outcome.kind === "answered") return readResult(outcome.payload, spec);
    if (outcome.kind === "refused") {
      if (outcome.error.code === "TooManyRequestsException") return own(429, "Rate Exceeded.");
      if (outcome.error.status === 413) return own(413, "Request Entity Too Large");
      if (outcome.error.status === 403) return forbidden();
    }
    return own(502, "Internal Server Error");
  }

  /** Undefined, with the reason in the log: who calls is unknown or may not. */
  function signed(spec: FunctionUrlSpec, incoming: IncomingMessage, body: Buffer) {
    try {
      const caller = authenticate(incoming, body);
      if (!caller) throw new Error("the request is not signed");
      cloud.authoriser.authorise({
        principal: caller.principal,
        action: "lambda:InvokeFunctionUrl",
        resource: spec.functionArn,
        context: { "lambda:FunctionUrlAuthType": spec.authorization },
      });
      return caller;
    } catch (error) {
      cloud.log(`function URL of ${spec.name}: ${(error as Error).message}`);
      return undefined;
    }
  }

  async function serve(
    spec: FunctionUrlSpec,
    door: Door,
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const started = performance.now();
    let request: GatewayRequest | undefined;
    let result: HttpAnswer;
    try {
      request = readRequest(incoming, { ...spec, protocol: "HTTP", stage: "$default" }, door, cloud.clock);
      result = await answer(spec, incoming, request);
    } catch (error) {
      if (incoming.destroyed && !incoming.complete) return;
      result = failure(spec, error);
    }
    if (spec.cors && request && !isPreflight(request))
      result = withCors(spec.cors, request.header("origin"), result);
    const status = respond(incoming, response, result, {
      ...(request && {
        headers: { "x-amzn-requestid": request.requestId, "x-amzn-trace-id": request.trace },
      }),
      unsendable: (error) => failure(spec, error),
    });
    cloud.observer.record("apigw.request", spec.functionArn, request?.trace, {
      method: incoming.method,
      path: request?.rawPath ?? null,
      status,
      ms: Math.round((performance.now() - started) * 10) / 10,
      requestId: request?.requestId,
    });
  }

  function failure(spec: FunctionUrlSpec, error: unknown): HttpAnswer {
    if (error instanceof BadRequest) return own(error.status, error.message);
    const reason =
      error instanceof MalformedAnswer || error instanceof SyntaxError ? error.message : String(error);
    cloud.log(`${spec.name}: a function's answer cannot be sent: ${reason}`);
    return own(502, "Internal Server Error");
  }

  function run(spec: FunctionUrlSpec, door: Door, incoming: IncomingMessage, response: ServerResponse) {
    serve(spec, door, incoming, response).catch((error: unknown) => {
      cloud.log(`${spec.name}: ${String(error)}`);
      response.destroy();
    });
  }

  return {
    url(id) {
      const listener = listeners.get(id);
      if (!listener) throw new Error(`no function URL ${id} is listening`);
      return `http://127.0.0.1:${listener.port}`;
    },
    hosts: [
      {
        pattern: /^[a-z0-9]+\.lambda-url\.[a-z0-9-]+\.on\.aws$/,
        request(incoming, response) {
          const host = hostOf(incoming.headers.host);
          const spec = cloud.plan.functionUrls.find((one) => one.host === host);
          if (spec) return run(spec, "execute-api", incoming, response);
          incoming.resume();
          respond(incoming, response, forbidden(), { unsendable: forbidden });
        },
      },
    ],
    async start() {
      await Promise.all(
        cloud.plan.functionUrls.map(async (spec) => {
          const listener = await listen(`function ${spec.name}`, options.listen?.[spec.name] ?? 0, {
            request: (incoming, response) => run(spec, "loopback", incoming, response),
          });
          listeners.set(spec.id, listener);
        }),
      );
    },
    async stop() {
      await Promise.all([...listeners.values()].map((listener) => listener.stop()));
      listeners.clear();
    },
  };
}

/**
 * As payload format 2.0 of HTTP APIs, but without a content type it is JSON; what a handler streams without a status
 * is the body as it is.
 */
function readResult(payload: string, spec: FunctionUrlSpec): HttpAnswer {
  const result = spec.streaming ? parsed(payload) : (JSON.parse(payload || "null") as unknown);
  const structured = typeof result === "object" && result !== null && "statusCode" in result;
  if (spec.streaming && !structured)
    return {
      status: 200,
      headers: { "content-type": ["application/octet-stream"] },
      body: Buffer.from(payload),
    };
  const answer = readAnswer(payload, "2.0");
  if (!structured) return answer;
  const { headers } = result as { headers?: Record<string, unknown> | null };
  const typed = Object.keys(headers ?? {}).some((name) => name.toLowerCase() === "content-type");
  return typed ? answer : { ...answer, headers: { ...answer.headers, "content-type": ["application/json"] } };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const own = (status: number, Message: string, headers: Record<string, string[]> = {}): HttpAnswer => ({
  status,
  headers: { "content-type": ["application/json"], ...headers },
  body: Buffer.from(JSON.stringify({ Message })),
});
const forbidden = () =>
  own(
    403,
    "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
    { "x-amzn-errortype": ["AccessDeniedException"] },
  );
