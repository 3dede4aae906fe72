/**
 * Lambda authorizers of HTTP and WebSocket APIs: the answer read, the policy in it evaluated, the result cached by
 * identity (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html).
 */
import type { Cloud, Ports } from "../cloud/types.ts";
import { evaluate } from "../iam/index.ts";
import type { AuthorizerSpec, PolicyDocument } from "../plan/types.ts";
import { callFunction } from "./invoke.ts";
import { Refusal } from "./refusal.ts";

/** A verdict as the function gave it; policies are evaluated anew for each resource. */
export interface Verdict {
  allows(resourceArn: string, sourceIp: string): boolean;
  principalId: string | undefined;
  context: Record<string, unknown>;
}
export interface AuthorizerQuestion {
  /** Values of the identity sources; a missing one refuses the request. */
  identity: (string | undefined)[];
  /** What is asked for: `arn:aws:execute-api:region:account:api/stage/GET/path`. */
  resourceArn: string;
  /** The event for the function. */
  event: (identity: string[]) => unknown;
  trace: string;
  /** For policies with a condition on aws:SourceIp. */
  sourceIp: string;
}
export interface LambdaAuthorizer {
  /** Throws Refusal 401, 403 or 500. */
  ask(question: AuthorizerQuestion): Promise<Verdict>;
}

/** How long an authorizer may take. */
const TIMEOUT_MS = 10_000;
/** Beyond it the oldest verdicts go. */
const CACHE_SIZE = 10_000;

export function createLambdaAuthorizer(
  cloud: Cloud,
  ports: Ports,
  spec: AuthorizerSpec,
  executionArn: string,
): LambdaAuthorizer {
  const lambda = spec.lambda;
  if (!lambda) throw new Error(`authorizer "${spec.name}" names no function`);
  const cache = new Map<string, { verdict: Verdict; until: number }>();

  return {
    async ask({ identity, resourceArn, event, trace, sourceIp }) {
      if (identity.length > 0 && identity.some((value) => value === undefined))
        throw new Refusal(401, `an identity source of authorizer "${spec.name}" is missing`);
      const values = identity.filter((value) => value !== undefined);
      // Without an identity there is nothing to cache by.
      const key = lambda.ttlSeconds > 0 && values.length > 0 ? JSON.stringify(values) : undefined;
      const known = key === undefined ? undefined : cache.get(key);
      let verdict = known && known.until > cloud.clock.now() ? known.verdict : undefined;
      if (!verdict) {
        const outcome = await callFunction(cloud, ports, {
          functionArn: lambda.functionArn,
          by: { sourceArn: `${executionArn}/authorizers/${spec.id}` },
          event: event(values),
          trace,
          timeoutMs: TIMEOUT_MS,
        });
        // A function that fails with exactly this message says 401 (documented for Lambda authorizers).
        if (outcome.kind === "failed" && errorMessage(outcome.result.payload) === "Unauthorized")
          throw new Refusal(401, `authorizer "${spec.name}" answered Unauthorized`);
        if (outcome.kind !== "answered") throw new Refusal(500, `authorizer "${spec.name}" ${outcome.kind}`);
        verdict = readVerdict(cloud, spec, outcome.payload);
        if (key !== undefined) {
          cache.delete(key);
          cache.set(key, { verdict, until: cloud.clock.now() + lambda.ttlSeconds * 1000 });
          const [oldest] = cache.keys();
          if (cache.size > CACHE_SIZE && oldest !== undefined) cache.delete(oldest);
        }
      }
      if (!verdict.allows(resourceArn, sourceIp))
        throw new Refusal(403, `authorizer "${spec.name}" does not allow ${resourceArn}`);
      return verdict;
    },
  };
}

function readVerdict(cloud: Cloud, spec: AuthorizerSpec, payload: string): Verdict {
  const { name } = spec;
  const answer = asRecord(parse(payload));
  if (!answer) throw new Refusal(500, `authorizer "${name}" returned no object`);
  const context = asRecord(answer.context) ?? {};
  const principalId = typeof answer.principalId === "string" ? answer.principalId : undefined;
  if (spec.lambda?.simpleResponses) {
    if (typeof answer.isAuthorized !== "boolean")
      throw new Refusal(500, `authorizer "${name}" returned no isAuthorized`);
    const { isAuthorized } = answer;
    return { allows: () => isAuthorized, principalId, context };
  }
  const document = asRecord(answer.policyDocument) as PolicyDocument | undefined;
  if (document?.Statement === undefined)
    throw new Refusal(500, `authorizer "${name}" returned no policyDocument`);
  const { accountId, functions } = cloud.plan;
  const roleArn =
    functions.find(({ arn }) => arn === spec.lambda?.functionArn)?.roleArn ??
    `arn:aws:iam::${accountId}:role/authorizer`;
  return {
    principalId,
    context,
    allows(resource, sourceIp) {
      const request = {
        principal: { kind: "role", roleArn, sessionName: name },
        action: "execute-api:Invoke",
        resource,
        context: { "aws:SourceIp": sourceIp },
      } as const;
      try {
        return evaluate(
          { identity: [{ name: "policyDocument", document }], accountId },
          request,
          cloud.clock.now(),
        ).allowed;
      } catch (error) {
        throw new Refusal(
          500,
          `authorizer "${name}": ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    },
  };
}

function errorMessage(payload: string): unknown {
  return asRecord(parse(payload))?.errorMessage;
}
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
