/** A local cloud of queues, topics and buckets behind the real front door, and the real SDK's clients for it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3Client } from "@aws-sdk/client-s3";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { SNSClient } from "@aws-sdk/client-sns";
import { SQSClient } from "@aws-sdk/client-sqs";
import { createAddresses } from "../../src/cloud/addresses.ts";
import { createClock } from "../../src/cloud/clock.ts";
import { createFaults } from "../../src/cloud/faults.ts";
import { createObserver } from "../../src/cloud/observer.ts";
import { openState } from "../../src/cloud/state.ts";
import type { Cloud, Credentials, LambdaPort, Observation, Ports, Principal } from "../../src/cloud/types.ts";
import { createCloudFront } from "../../src/cloudfront/index.ts";
import { createCredentialStore } from "../../src/front-door/credentials.ts";
import { createFrontDoor } from "../../src/front-door/index.ts";
import { createIam } from "../../src/iam/index.ts";
import type { BucketSpec, Plan, PolicyStatement, QueueSpec, TopicSpec } from "../../src/plan/types.ts";
import { createS3 } from "../../src/services/s3/index.ts";
import { createScheduler } from "../../src/services/scheduler/index.ts";
import { createSns } from "../../src/services/sns/index.ts";
import { createSqs } from "../../src/services/sqs/index.ts";
import { openCertificateAuthority } from "../../src/tls/ca.ts";

export const account = "111122223333";
export const region = "eu-west-1";
export const roleArn = `arn:aws:iam::${account}:role/worker`;
export const worker: Principal = { kind: "role", roleArn, sessionName: "worker-fn" };
export const developer: Principal = { kind: "developer" };

export function queueSpec(name: string, change: Partial<QueueSpec> = {}): QueueSpec {
  const at = change.region ?? region;
  return {
    arn: `arn:aws:sqs:${at}:${account}:${name}`,
    name,
    url: `https://sqs.${at}.amazonaws.com/${account}/${name}`,
    region: at,
    fifo: name.endsWith(".fifo"),
    contentBasedDeduplication: false,
    visibilityTimeoutSeconds: 30,
    delaySeconds: 0,
    retentionSeconds: 345_600,
    maximumMessageSize: 262_144,
    receiveWaitSeconds: 0,
    tags: {},
    ...change,
  };
}
export function topicSpec(name: string, at = region): TopicSpec {
  return { arn: `arn:aws:sns:${at}:${account}:${name}`, name, region: at, fifo: name.endsWith(".fifo") };
}
export function bucketSpec(name: string, change: Partial<BucketSpec> = {}): BucketSpec {
  return {
    arn: `arn:aws:s3:::${name}`,
    name,
    region,
    notifications: [],
    lifecycle: [],
    cors: [],
    versioning: false,
    blockPublicAccess: false,
    ...change,
  };
}

export function allow(action: string | string[], resource: string | string[]): PolicyStatement {
  return { Effect: "Allow", Action: action, Resource: resource };
}
/** What a resource policy says of a service, as SST writes it. */
export function allowService(service: string, action: string, resource: string, source: string) {
  return {
    resource,
    document: {
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow" as const,
          Principal: { Service: service },
          Action: action,
          Resource: resource,
          Condition: { ArnEquals: { "aws:SourceArn": source } },
        },
      ],
    },
  };
}

export function planOf(change: Partial<Plan> & { grants?: PolicyStatement[] } = {}): Plan {
  const { grants = [], ...rest } = change;
  return {
    app: "app",
    stage: "test",
    accountId: account,
    homeRegion: region,
    roles: [
      {
        arn: roleArn,
        name: "worker",
        trust: { Version: "2012-10-17", Statement: [] },
        policies: [{ name: "own", document: { Version: "2012-10-17", Statement: grants } }],
      },
    ],
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
    ...rest,
  };
}

/** Resolves when what was begun has come to where it waits for time, files or sockets. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** The functions of a test: what they were invoked with, and whether they take it. */
export interface Invocations extends Pick<LambdaPort, "invokeAsync"> {
  events: { functionArn: string; event: unknown; principal: Principal; traces: string[] }[];
  /** Throws what it wants thrown. */
  refuse: (() => void) | undefined;
}

export interface Services {
  cloud: Cloud;
  ports: Ports;
  iam: ReturnType<typeof createIam>;
  sqs: ReturnType<typeof createSqs>;
  sns: ReturnType<typeof createSns>;
  s3: ReturnType<typeof createS3>;
  scheduler: ReturnType<typeof createScheduler>;
  cloudFront: ReturnType<typeof createCloudFront>;
  invocations: Invocations;
  observations: Observation[];
  logs: string[];
  origin: string;
  httpsPort: number;
  folder: string;
  credentials(principal: Principal): Credentials;
  sqsClient(options?: ClientOptions): SQSClient;
  snsClient(options?: ClientOptions): SNSClient;
  s3Client(options?: ClientOptions): S3Client;
  schedulerClient(options?: ClientOptions): SchedulerClient;
  /** Resolves with the next thing observed that is meant, or that was observed already. */
  observed(meant: (observation: Observation) => boolean): Promise<Observation>;
  /** Ends as a killed process would, as far as a test can: nothing is said to anybody. */
  stop(options?: { keep?: boolean }): Promise<void>;
}
export interface ClientOptions {
  as?: Principal;
  region?: string;
}

interface StartOptions {
  /** State of an earlier run. */
  folder?: string;
  arrange?: (cloud: Cloud) => void;
}

export async function startServices(plan: Plan, options: StartOptions = {}): Promise<Services> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "services-"));
  try {
    return await assemble(plan, folder, options.arrange);
  } catch (error) {
    if (!options.folder) rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function assemble(plan: Plan, folder: string, arrange?: (cloud: Cloud) => void): Promise<Services> {
  const clock = createClock();
  const observer = createObserver(clock);
  const state = openState(folder);
  const iam = createIam(plan, { observer });
  const logs: string[] = [];
  const observations: Observation[] = [];
  observer.on((observation) => observations.push(observation));
  const cloud: Cloud = {
    plan,
    clock,
    faults: createFaults(),
    observer,
    authoriser: iam,
    state,
    addresses: createAddresses(),
    ca: await openCertificateAuthority(state),
    log: (message) => logs.push(message),
  };
  arrange?.(cloud);
  const store = createCredentialStore();
  const ports = {} as Ports;
  const sqs = createSqs(cloud, ports);
  const sns = createSns(cloud, ports);
  const s3 = createS3(cloud, ports, { credentials: store });
  const scheduler = createScheduler(cloud, ports);
  const cloudFront = createCloudFront(cloud, { credentials: store });
  const invocations = recordInvocations(iam);
  const lambda: LambdaPort = {
    invokeAsync: invocations.invokeAsync,
    invoke: () => Promise.reject(new Error("not part of this test")),
  };
  Object.assign(ports, { sqs, sns, s3, lambda });
  const services = [sqs, sns, s3, scheduler, cloudFront];
  const frontDoor = createFrontDoor(cloud, { credentials: store, services });
  frontDoor.addHost(sns.hosts);
  frontDoor.addHost(cloudFront.hosts);
  await Promise.all([sqs.start?.(), sns.start?.(), s3.start?.(), scheduler.start(), frontDoor.start?.()]);
  await cloudFront.start?.();
  scheduler.run();
  const origin = `http://127.0.0.1:${frontDoor.httpPort}`;

  const clients: { destroy(): void }[] = [];
  const issued = new Map<string, Credentials>();
  function credentials(principal: Principal): Credentials {
    const id = JSON.stringify(principal);
    const known = issued.get(id) ?? store.issue(principal);
    issued.set(id, known);
    return known;
  }
  const settings = ({ as = developer, region: at = region }: ClientOptions = {}) => ({
    endpoint: origin,
    region: at,
    credentials: credentials(as),
    maxAttempts: 1,
  });
  function keep<T extends { destroy(): void }>(client: T): T {
    clients.push(client);
    return client;
  }

  return {
    cloud,
    ports,
    iam,
    sqs,
    sns,
    s3,
    scheduler,
    cloudFront,
    invocations,
    observations,
    logs,
    origin,
    httpsPort: frontDoor.httpsPort,
    folder,
    credentials,
    sqsClient: (client) => keep(new SQSClient(settings(client))),
    snsClient: (client) => keep(new SNSClient(settings(client))),
    s3Client: (client) => keep(new S3Client(settings(client))),
    schedulerClient: (client) => keep(new SchedulerClient(settings(client))),
    observed: (meant) => {
      const past = observations.find(meant);
      if (past) return Promise.resolve(past);
      return new Promise((resolve) => {
        const off = observer.on((observation) => {
          if (!meant(observation)) return;
          off();
          resolve(observation);
        });
      });
    },
    async stop({ keep: keepFolder = false } = {}) {
      for (const client of clients) client.destroy();
      await frontDoor.stop();
      await scheduler.stop();
      await Promise.all([cloudFront.stop(), sqs.stop(), sns.stop(), s3.stop()]);
      clock.stop();
      if (!keepFolder) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function recordInvocations(iam: ReturnType<typeof createIam>): Invocations {
  const invocations: Invocations = {
    events: [],
    refuse: undefined,
    async invokeAsync(principal, functionArn, event, options) {
      iam.authorise({ principal, action: "lambda:InvokeFunction", resource: functionArn });
      invocations.refuse?.();
      invocations.events.push({ functionArn, event, principal, traces: options?.traces ?? [] });
    },
  };
  return invocations;
}
