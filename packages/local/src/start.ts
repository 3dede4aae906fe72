/** Brings a plan to life on this machine, and takes it down again leaving nothing behind. */
import { readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { createAddresses } from "./cloud/addresses.ts";
import { createClock } from "./cloud/clock.ts";
import { createFaults } from "./cloud/faults.ts";
import { LOCK_FILE, lockFolder } from "./cloud/lock.ts";
import { createObserver } from "./cloud/observer.ts";
import { openState } from "./cloud/state.ts";
import type { Cloud, Credentials, Part, Ports } from "./cloud/types.ts";
import { createCloudFront } from "./cloudfront/index.ts";
import { createCognito } from "./cognito/index.ts";
import { createCredentialStore } from "./front-door/credentials.ts";
import { createFrontDoor } from "./front-door/index.ts";
import { BUNDLES } from "./functions/bundles.ts";
import { COMPILE_CACHE } from "./functions/execution.ts";
import { createLambda } from "./functions/index.ts";
import { runInvocations } from "./functions/invocations.ts";
import { createFunctionUrls } from "./gateway/function-urls.ts";
import { createGateways } from "./gateway/index.ts";
import type { Graph } from "./graph/types.ts";
import { createIam } from "./iam/index.ts";
import { createEventSourceMappings } from "./mappings/index.ts";
import { buildPlan } from "./plan/index.ts";
import type { Plan } from "./plan/types.ts";
import { createPostgres } from "./postgres/index.ts";
import { createRedis } from "./redis/index.ts";
import { createRules } from "./rules/index.ts";
import { putFiles } from "./services/s3/files.ts";
import { createS3 } from "./services/s3/index.ts";
import { createScheduler } from "./services/scheduler/index.ts";
import { createSecrets } from "./services/secrets/index.ts";
import { createSns } from "./services/sns/index.ts";
import { createSqs } from "./services/sqs/index.ts";
import { createSsm } from "./services/ssm/index.ts";
import { createSts } from "./services/sts/index.ts";
import { createMailReceiver } from "./smtp/index.ts";
import { SEED_FILE } from "./synth/seed.ts";
import { openCertificateAuthority } from "./tls/ca.ts";

export interface StartOptions {
  /** Root of the SST app: where `sst.config.ts` is. */
  appDir: string;
  graph: Graph;
  /** Everything that outlives the run is kept here. */
  stateDir: string;
  /** Empties the state first. */
  fresh?: boolean;
  /** Trades the safety of data on a machine that loses power for speed: no fsync. For tests and demonstrations. */
  fast?: boolean;
  /** Rebuilds the functions whose sources change. */
  watch?: boolean;
  /** Ports to use; whatever is not named is chosen by the system. */
  ports?: RequestedPorts;
  /** Human-readable lines; stderr by default. */
  log?: (message: string) => void;
  /** Which Redis: the machine's own server, the embedded one, or the server where there is one (default). */
  redis?: "auto" | "server" | "embedded";
  /** Gives up the start; what had started is stopped. */
  signal?: AbortSignal;
}
export interface RequestedPorts {
  aws?: number;
  awsTls?: number;
  smtp?: number;
  postgres?: number;
  redis?: number;
  /** By the logical name of the API, of the function that has a URL, or of what a distribution belongs to. */
  gateways?: Record<string, number>;
}

export interface LocalCloud {
  readonly cloud: Cloud;
  readonly ports: Ports;
  readonly iam: ReturnType<typeof createIam>;
  readonly cognito: ReturnType<typeof createCognito>;
  readonly mail: ReturnType<typeof createMailReceiver>;
  readonly lambda: ReturnType<typeof createLambda>;
  /** Pollers of the queues; they can be paused. */
  readonly mappings: ReturnType<typeof createEventSourceMappings>;
  /** Where things are reached from this machine. */
  readonly endpoints: Endpoints;
  /** Access keys that may do everything; for the developer's own tools. */
  readonly developer: Credentials;
  /** Ends everything; safe to call twice. */
  stop(): Promise<void>;
}
export interface Endpoints {
  /** The front door, to be used as `AWS_ENDPOINT_URL`. */
  aws: string;
  /** HTTP and websocket APIs by logical name. */
  gateways: Record<string, string>;
  /** Function URLs by the function's logical name. */
  functionUrls: Record<string, string>;
  /** CloudFront's distributions by the logical name of what they belong to. */
  distributions: Record<string, string>;
  /** SMTP ports by region. */
  smtp: Record<string, number>;
  /** Postgres by cluster identifier: host names as AWS would give them, and the loopback port behind. */
  postgres: Record<string, { host: string; port: number; database: string; user: string }>;
  redis: Record<string, { host: string; port: number }>;
}

/**
 * Starts everything that the graph asks for and this package can run; what it cannot is named on `log`.
 * Resolves when the functions that the deployment itself calls have run and traffic may come.
 * @throws Error naming the part that did not start; what had started has been stopped then.
 */
export async function startLocal(options: StartOptions): Promise<LocalCloud> {
  const log = options.log ?? ((message: string) => process.stderr.write(`${message}\n`));
  const plan = buildPlan(options.graph);
  const root = resolve(options.stateDir);
  const unlock = lockFolder(openState(root).root);
  const started: Part[] = [];
  let stopping: Promise<void> | undefined;
  const clock = createClock();
  const stop = () => {
    stopping ??= (async () => {
      for (const part of started.toReversed())
        await part.stop().catch((error: Error) => log(`while stopping: ${error.message}`));
      clock.stop();
      unlock();
    })();
    return stopping;
  };

  try {
    if (options.fresh) emptyFolder(root);
    const state = openState(root);
    const observer = createObserver(clock);
    const iam = createIam(plan, { observer, now: clock.now });
    for (const problem of iam.problems()) log(`policies: ${problem}`);
    const cloud: Cloud = {
      plan,
      clock,
      faults: createFaults(),
      observer,
      authoriser: iam,
      state,
      addresses: createAddresses(),
      ca: await openCertificateAuthority(state, { domains: ownDomains(plan) }),
      log,
    };
    for (const { type, name, reason } of plan.notRun) log(`not run here: ${name} (${type}): ${reason}`);

    const credentials = createCredentialStore();
    const ports = {} as Ports;
    const sqs = createSqs(cloud, ports);
    const sns = createSns(cloud, ports);
    const s3 = createS3(cloud, ports, { credentials });
    const secrets = createSecrets(cloud);
    const scheduler = createScheduler(cloud, ports);
    const cognito = createCognito(cloud, ports);
    const asked = splitPorts(plan, options.ports?.gateways ?? {});
    const cloudFront = createCloudFront(cloud, { listen: asked.distributions, credentials });
    const gateways = createGateways(cloud, ports, {
      listen: asked.gateways,
      credentials,
      onLoopback: cloudFront.onLoopback,
    });
    const functionUrls = createFunctionUrls(cloud, ports, { listen: asked.functionUrls, credentials });
    const lambda = createLambda(cloud, ports, {
      appDir: resolve(options.appDir),
      credentials,
      frontDoorPort: () => frontDoor.httpPort,
      watch: options.watch ?? false,
    });
    Object.assign(ports, { sqs, sns, s3, lambda, cognito });
    const frontDoor = createFrontDoor(cloud, {
      credentials,
      services: [
        sqs,
        sns,
        s3,
        secrets,
        scheduler,
        createSsm(cloud),
        createSts(cloud, { credentials }),
        cognito,
        gateways,
        lambda,
        cloudFront,
      ],
      ports: { http: options.ports?.aws, https: options.ports?.awsTls },
    });
    frontDoor.addHost(gateways.hosts);
    frontDoor.addHost(functionUrls.hosts);
    frontDoor.addHost(cognito.hosts);
    frontDoor.addHost(sns.hosts);
    frontDoor.addHost(cloudFront.hosts);
    const postgres = createPostgres(cloud, ports, {
      credentials,
      fast: options.fast ?? false,
      secretValue: secrets.value,
      port: options.ports?.postgres,
    });
    const redis = createRedis(cloud, ports, { engine: options.redis ?? "auto", port: options.ports?.redis });
    const mail = createMailReceiver(cloud, ports, { ports: smtpPort(plan, options.ports?.smtp) });

    const start = async (...parts: Part[]) => {
      for (const part of parts) started.push(part);
      // Settled, not raced: what a failure stops must have come up whole.
      const ended = await Promise.allSettled(parts.map(async (part) => part.start?.()));
      for (const result of ended) if (result.status === "rejected") throw result.reason;
      options.signal?.throwIfAborted();
    };
    await start(sqs, sns, s3, secrets, scheduler, cognito, postgres, redis, frontDoor);
    await start(lambda, gateways, functionUrls, cloudFront);
    await putFiles(cloud, s3, resolve(options.appDir));
    // What the deployment calls itself (migrations) comes before traffic, as on AWS.
    await runInvocations(cloud, ports, lambda);
    options.signal?.throwIfAborted();
    const mappings = createEventSourceMappings(cloud, ports, {
      cores: Math.max(2, availableParallelism()),
    });
    await start(mappings, createRules(cloud, ports), mail);
    scheduler.run();

    return {
      cloud,
      ports,
      iam,
      cognito,
      mail,
      lambda,
      mappings,
      developer: credentials.issue({ kind: "developer" }),
      endpoints: {
        aws: `http://127.0.0.1:${frontDoor.httpPort}`,
        gateways: Object.fromEntries(
          plan.gateways.map((gateway) => [gateway.name, gateways.url(gateway.id)]),
        ),
        functionUrls: Object.fromEntries(
          plan.functionUrls.map(({ id, name }) => [name, functionUrls.url(id)]),
        ),
        distributions: Object.fromEntries(
          plan.distributions.flatMap(({ id, name, enabled }) =>
            enabled ? [[name, cloudFront.url(id)]] : [],
          ),
        ),
        smtp: Object.fromEntries(
          Object.keys(plan.activeRuleSets).map((region) => [region, mail.port(region)]),
        ),
        postgres: postgres.endpoints(),
        redis: redis.endpoints(),
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Components' names are unique, so one list of ports serves all. What nothing is named like is said by the gateways. */
function splitPorts(plan: Plan, asked: Record<string, number>) {
  const named = (list: { name: string }[]) => (name: string) => list.some((one) => one.name === name);
  const ofFunction = named(plan.functionUrls);
  const ofDistribution = named(plan.distributions);
  const pick = (wanted: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(asked).filter(([name]) => wanted(name)));
  return {
    gateways: pick((name) => !ofFunction(name) && !ofDistribution(name)),
    functionUrls: pick(ofFunction),
    distributions: pick(ofDistribution),
  };
}

/** One port can be asked for: it is the first region's that has an active rule set. */
function smtpPort(plan: Plan, port: number | undefined): Record<string, number> {
  const [region] = Object.keys(plan.activeRuleSets);
  return port === undefined || region === undefined ? {} : { [region]: port };
}

/** Domains of the app's own under which its APIs, sign-in pages and distributions answer. */
function ownDomains(plan: Plan): string[] {
  return [
    ...plan.gateways.flatMap(({ customDomains }) => customDomains),
    ...plan.userPools.flatMap(({ domain }) => (domain?.includes(".") ? [domain] : [])),
    ...plan.distributions.flatMap(({ aliases }) => aliases),
  ];
}

/** What a fresh start keeps: its lock, the seed that the graph's passwords have come from already, and built code. */
const kept: string[] = [LOCK_FILE, SEED_FILE, BUNDLES, COMPILE_CACHE];
function emptyFolder(root: string) {
  for (const entry of readdirSync(root))
    if (!kept.includes(entry)) rmSync(join(root, entry), { recursive: true, force: true });
}

/**
 * The databases of a plan and nothing else, for tools and measurements.
 * @returns Stops them.
 */
export async function startPostgres(plan: Plan, stateDir: string): Promise<() => Promise<void>> {
  const clock = createClock();
  const observer = createObserver(clock);
  const state = openState(stateDir);
  const cloud: Cloud = {
    plan,
    clock,
    faults: createFaults(),
    observer,
    authoriser: createIam(plan, { observer }),
    state,
    addresses: createAddresses(),
    ca: await openCertificateAuthority(state),
    log: () => undefined,
  };
  const postgres = createPostgres(cloud, {} as Ports, { credentials: createCredentialStore(), fast: true });
  await postgres.start();
  return async () => {
    await postgres.stop();
    clock.stop();
  };
}
