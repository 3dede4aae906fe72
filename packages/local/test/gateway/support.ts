/** A small cloud for the tests of gateways and pools: real front door, IAM, sockets and clock; functions are closures. */
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAddresses } from "../../src/cloud/addresses.ts";
import { createClock } from "../../src/cloud/clock.ts";
import { createFaults } from "../../src/cloud/faults.ts";
import { createObserver } from "../../src/cloud/observer.ts";
import { openState } from "../../src/cloud/state.ts";
import type { Cloud, LambdaPort, Observation, Ports, Principal } from "../../src/cloud/types.ts";
import { type Cognito, createCognito } from "../../src/cognito/index.ts";
import { createCredentialStore, createFrontDoor } from "../../src/front-door/index.ts";
import { createFunctionUrls, type FunctionUrls } from "../../src/gateway/function-urls.ts";
import { createGateways, type Gateways } from "../../src/gateway/index.ts";
import { createIam } from "../../src/iam/index.ts";
import type { FunctionSpec, GatewaySpec, Plan, RouteSpec, UserPoolSpec } from "../../src/plan/types.ts";
import { openCertificateAuthority } from "../../src/tls/ca.ts";

export const accountId = "112233445566";
export const region = "eu-north-1";

export function emptyPlan(): Plan {
  return {
    app: "app",
    stage: "test",
    accountId,
    homeRegion: region,
    roles: [],
    resourcePolicies: [],
    queues: [],
    topics: [],
    subscriptions: [],
    buckets: [],
    files: [],
    functions: [],
    eventSourceMappings: [],
    gateways: [],
    functionUrls: [],
    rules: [],
    scheduleGroups: [],
    schedules: [],
    invocations: [],
    receiptRules: [],
    activeRuleSets: {},
    userPools: [],
    secrets: [],
    parameters: [],
    databases: [],
    databaseProxies: [],
    caches: [],
    distributions: [],
    keyValueStores: [],
    notRun: [],
  };
}

export const functionArn = (name: string) => `arn:aws:lambda:${region}:${accountId}:function:${name}`;

export function functionSpec(name: string): FunctionSpec {
  return {
    arn: functionArn(name),
    name,
    region,
    roleArn: `arn:aws:iam::${accountId}:role/${name}`,
    timeoutSeconds: 30,
    memoryMB: 128,
    storageMB: 512,
    environment: {},
    architecture: "arm64",
    asyncRetries: 2,
    vpc: false,
    layers: [],
    build: { id: name, handler: "index.handler", runtime: "nodejs22.x", links: {}, properties: {} },
  };
}

export function gatewaySpec(overrides: Partial<GatewaySpec> = {}): GatewaySpec {
  const id = overrides.id ?? "abc123def4";
  return {
    id,
    name: "Api",
    region,
    arn: `arn:aws:apigateway:${region}::/apis/${id}`,
    executionArn: `arn:aws:execute-api:${region}:${accountId}:${id}`,
    protocol: "HTTP",
    stage: "$default",
    host: `${id}.execute-api.${region}.amazonaws.com`,
    customDomains: [],
    routes: [],
    authorizers: [],
    ...overrides,
  };
}
export function route(key: string, name = "fn", more: Partial<RouteSpec> = {}): RouteSpec {
  return { key, functionArn: functionArn(name), scopes: [], payloadVersion: "2.0", ...more };
}

/** Thrown by a handler: the function fails with this error. */
export class FunctionFailure extends Error {}
export type Handler = (event: Record<string, unknown>, principal: Principal) => unknown;

export interface Invocation {
  functionArn: string;
  event: Record<string, unknown>;
  principal: Principal;
  traces: string[];
}

/** Functions as closures by name; every invocation is authorised as Lambda does it. */
export function closures(
  cloud: Cloud,
  handlers: Record<string, Handler>,
  invocations: Invocation[],
): LambdaPort {
  return {
    async invoke(principal, arn, event, options) {
      cloud.authoriser.authorise({ principal, action: "lambda:InvokeFunction", resource: arn });
      // What crosses to a function is JSON.
      const copy = JSON.parse(JSON.stringify(event)) as Record<string, unknown>;
      invocations.push({ functionArn: arn, event: copy, principal, traces: options?.traces ?? [] });
      const handler = handlers[arn.slice(arn.lastIndexOf(":") + 1)];
      if (!handler) throw new Error(`no handler for ${arn}`);
      try {
        const result = await handler(copy, principal);
        return { payload: JSON.stringify(result ?? null), durationMs: 1 };
      } catch (error) {
        if (!(error instanceof FunctionFailure)) throw error;
        return {
          payload: JSON.stringify({ errorType: "Error", errorMessage: error.message }),
          functionError: "Unhandled",
          durationMs: 1,
        };
      }
    },
    invokeAsync: () => Promise.reject(new Error("not used")),
  };
}

export interface World {
  cloud: Cloud;
  ports: Ports;
  gateways: Gateways;
  functionUrls: FunctionUrls;
  cognito: Cognito;
  handlers: Record<string, Handler>;
  invocations: Invocation[];
  observations: Observation[];
  logs: string[];
  /** Front door, `http://127.0.0.1:port`. */
  aws: string;
  awsTlsPort: number;
  credentials: ReturnType<typeof createCredentialStore>;
  stateDir: string;
  stop(options?: { keepState?: boolean }): Promise<void>;
}

export interface WorldOptions {
  gateways?: GatewaySpec[];
  userPools?: UserPoolSpec[];
  handlers?: Record<string, Handler>;
  plan?: Partial<Plan>;
  /** Names of functions that API Gateway and Cognito may not invoke. */
  unpermitted?: string[];
  stateDir?: string;
}

export async function startWorld(options: WorldOptions): Promise<World> {
  const handlers = options.handlers ?? {};
  const names = Object.keys(handlers);
  const plan: Plan = {
    ...emptyPlan(),
    gateways: options.gateways ?? [],
    userPools: options.userPools ?? [],
    functions: names.map(functionSpec),
    resourcePolicies: names
      .filter((name) => !options.unpermitted?.includes(name))
      .map((name) => ({
        resource: functionArn(name),
        document: {
          Version: "2012-10-17",
          Statement: ["apigateway.amazonaws.com", "cognito-idp.amazonaws.com"].map((Service) => ({
            Effect: "Allow" as const,
            Principal: { Service },
            Action: "lambda:InvokeFunction",
            Resource: functionArn(name),
            Condition: {
              ArnLike: {
                "aws:SourceArn":
                  Service === "apigateway.amazonaws.com"
                    ? (options.gateways ?? []).map(({ executionArn }) => `${executionArn}/*`)
                    : (options.userPools ?? []).map(({ arn }) => arn),
              },
            },
          })),
        },
      })),
    ...options.plan,
  };
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), "gateway-test-"));
  const state = openState(stateDir);
  const clock = createClock();
  const observer = createObserver(clock);
  const observations: Observation[] = [];
  observer.on((observation) => observations.push(observation));
  const logs: string[] = [];
  const cloud: Cloud = {
    plan,
    clock,
    faults: createFaults(),
    observer,
    authoriser: createIam(plan, { observer }),
    state,
    addresses: createAddresses(),
    ca: await openCertificateAuthority(state, {
      domains: plan.gateways.flatMap(({ customDomains }) => customDomains),
    }),
    log: (message) => logs.push(message),
  };
  const credentials = createCredentialStore();
  const ports = {} as Ports;
  const cognito = createCognito(cloud, ports);
  const gateways = createGateways(cloud, ports, {
    credentials,
    onLoopback: (address) => address.replace("https://cdn.example.com/", "http://127.0.0.1:8080/"),
  });
  const functionUrls = createFunctionUrls(cloud, ports, { credentials });
  const invocations: Invocation[] = [];
  Object.assign(ports, { lambda: closures(cloud, handlers, invocations), cognito });
  const frontDoor = createFrontDoor(cloud, { credentials, services: [gateways, cognito] });
  frontDoor.addHost(gateways.hosts);
  frontDoor.addHost(functionUrls.hosts);
  frontDoor.addHost(cognito.hosts);
  await Promise.all([cognito.start?.(), gateways.start?.(), functionUrls.start?.(), frontDoor.start?.()]);
  return {
    cloud,
    ports,
    gateways,
    functionUrls,
    cognito,
    handlers,
    invocations,
    observations,
    logs,
    aws: `http://127.0.0.1:${frontDoor.httpPort}`,
    awsTlsPort: frontDoor.httpsPort,
    credentials,
    stateDir,
    async stop({ keepState = false } = {}) {
      await Promise.all([gateways.stop(), functionUrls.stop(), cognito.stop(), frontDoor.stop()]);
      clock.stop();
      if (!keepState) rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  bytes: Buffer;
}
export interface Sent {
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer | Iterable<string>;
}

/** One request exactly as written: the target is not normalised, as `fetch` would. */
export function send(origin: string, target: string, options: Sent = {}): Promise<Reply> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        hostname,
        port,
        path: target,
        method: options.method ?? "GET",
        agent: false,
        ...(options.headers && { headers: options.headers }),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("end", () => {
          const bytes = Buffer.concat(chunks);
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: bytes.toString(),
            bytes,
          });
        });
      },
    );
    outgoing.on("error", reject);
    const { body } = options;
    if (body === undefined || typeof body === "string" || Buffer.isBuffer(body)) outgoing.end(body);
    else {
      for (const chunk of body) outgoing.write(chunk);
      outgoing.end();
    }
  });
}

/** Resolves when every WebSocket connection that came has gone; the clients must have left. */
export async function allDisconnected(world: World): Promise<void> {
  const count = (kind: string) => world.observations.filter((one) => one.kind === kind).length;
  while (count("ws.disconnect") < count("ws.connect")) await turn();
}
/** Lets everything that is due happen. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
