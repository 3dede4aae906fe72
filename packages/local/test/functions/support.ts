/** A cloud with functions and nothing else, on real processes; who may do what is up to the test. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createAddresses } from "../../src/cloud/addresses.ts";
import { createClock } from "../../src/cloud/clock.ts";
import { AccessDenied } from "../../src/cloud/errors.ts";
import { createFaults } from "../../src/cloud/faults.ts";
import { createObserver } from "../../src/cloud/observer.ts";
import { openState } from "../../src/cloud/state.ts";
import type {
  AuthorisationRequest,
  CertificateAuthority,
  Cloud,
  Observation,
  Ports,
} from "../../src/cloud/types.ts";
import { createCredentialStore } from "../../src/front-door/credentials.ts";
import { createLambda, type Lambda, type LambdaOptions } from "../../src/functions/index.ts";
import type { FunctionSpec, Plan } from "../../src/plan/types.ts";

export const appDir = resolve(import.meta.dirname, "fixtures");
export const accountId = "123456789012";
export const developer = { kind: "developer" } as const;

export function functionSpec(
  handler: string,
  changes: Partial<Omit<FunctionSpec, "build">> & { build?: Partial<FunctionSpec["build"]> } = {},
): FunctionSpec {
  const name = changes.name ?? handler.replaceAll(/[^a-zA-Z0-9]/g, "-");
  return {
    arn: `arn:aws:lambda:ca-central-1:${accountId}:function:${name}`,
    name,
    region: "ca-central-1",
    roleArn: `arn:aws:iam::${accountId}:role/${name}-role`,
    timeoutSeconds: 20,
    memoryMB: 512,
    storageMB: 512,
    environment: {},
    architecture: "arm64",
    asyncRetries: 2,
    vpc: false,
    layers: [],
    ...changes,
    build: {
      id: name,
      handler,
      runtime: "nodejs22.x",
      links: {},
      properties: {},
      ...changes.build,
    },
  };
}

export function emptyPlan(changes: Partial<Plan> = {}): Plan {
  return {
    app: "fixture",
    stage: "test",
    accountId,
    homeRegion: "ca-central-1",
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
    ...changes,
  };
}

export interface TestCloud extends AsyncDisposable {
  cloud: Cloud;
  ports: Ports;
  observations: Observation[];
  logs: string[];
  /** Calls that policies do not allow: `action resource`. */
  denied: Set<string>;
  requests: AuthorisationRequest[];
  /** Resolves with the first observation from now on that matches. */
  next(matches: (observation: Observation) => boolean): Promise<Observation>;
}

const noAuthority: CertificateAuthority = {
  file: "",
  pem: "",
  issue: () => Promise.reject(new Error("no certificates here")),
};

export function createTestCloud(
  plan: Partial<Plan> = {},
  options: { stateDir?: string; ca?: CertificateAuthority } = {},
): TestCloud {
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), "local-functions-"));
  const clock = createClock();
  const observer = createObserver(clock);
  const observations: Observation[] = [];
  const logs: string[] = [];
  const denied = new Set<string>();
  const requests: AuthorisationRequest[] = [];
  observer.on((observation) => observations.push(observation));
  const cloud: Cloud = {
    plan: emptyPlan(plan),
    clock,
    faults: createFaults(),
    observer,
    authoriser: {
      authorise(request) {
        requests.push(request);
        if (request.principal.kind === "developer") return;
        if (denied.has(`${request.action} ${request.resource}`))
          throw new AccessDenied(
            `not authorized to perform: ${request.action} on resource: ${request.resource}`,
          );
      },
    },
    state: openState(stateDir),
    addresses: createAddresses(),
    ca: options.ca ?? noAuthority,
    log: (message) => logs.push(message),
  };
  return {
    cloud,
    ports: {} as Ports,
    observations,
    logs,
    denied,
    requests,
    next: (matches) =>
      new Promise((done) => {
        const off = observer.on((observation) => {
          if (!matches(observation)) return;
          off();
          done(observation);
        });
      }),
    async [Symbol.asyncDispose]() {
      clock.stop();
      if (options.stateDir === undefined) rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

export interface TestLambda extends TestCloud {
  lambda: Lambda;
  /** Invokes as the developer; resolves with the parsed answer. */
  call(handler: string, event?: unknown): Promise<{ error: boolean; value: unknown }>;
  arn(handler: string): string;
}

/** Starts the functions; disposing stops them. */
export async function startLambda(
  functions: FunctionSpec[],
  options: Partial<LambdaOptions> & {
    stateDir?: string;
    plan?: Partial<Plan>;
    ca?: CertificateAuthority;
  } = {},
): Promise<TestLambda> {
  const { stateDir, plan, ca, ...lambdaOptions } = options;
  const test = createTestCloud({ ...plan, functions }, { ...(stateDir && { stateDir }), ...(ca && { ca }) });
  const lambda = createLambda(test.cloud, test.ports, {
    appDir,
    credentials: createCredentialStore(),
    frontDoorPort: () => 1,
    ...lambdaOptions,
  });
  test.ports.lambda = lambda;
  await lambda.start();
  const arn = (handler: string) => {
    const found = functions.find((fn) => fn.build.handler === handler || fn.name === handler);
    if (!found) throw new Error(`no function ${handler}`);
    return found.arn;
  };
  const dispose = test[Symbol.asyncDispose].bind(test);
  return {
    ...test,
    lambda,
    arn,
    async call(handler, event = {}) {
      const result = await lambda.invoke(developer, arn(handler), event);
      return { error: result.functionError !== undefined, value: JSON.parse(result.payload) };
    },
    async [Symbol.asyncDispose]() {
      await lambda.stop();
      await dispose();
    },
  };
}
