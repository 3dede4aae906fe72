import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Signer } from "@aws-sdk/rds-signer";
import pg from "pg";
import { createAddresses } from "../../src/cloud/addresses.ts";
import { createClock } from "../../src/cloud/clock.ts";
import { AccessDenied } from "../../src/cloud/errors.ts";
import { createFaults } from "../../src/cloud/faults.ts";
import { createObserver } from "../../src/cloud/observer.ts";
import { openState } from "../../src/cloud/state.ts";
import type { AuthorisationRequest, Cloud, Credentials, Ports } from "../../src/cloud/types.ts";
import { createCredentialStore } from "../../src/front-door/credentials.ts";
import type { DatabaseProxySpec, DatabaseSpec, Plan } from "../../src/plan/types.ts";
import { createPostgres } from "../../src/postgres/index.ts";
import { openCertificateAuthority } from "../../src/tls/ca.ts";

export const region = "ca-central-1";
export const writer = "shop.cluster-abc123.ca-central-1.rds.amazonaws.com";
export const reader = "shop.cluster-ro-abc123.ca-central-1.rds.amazonaws.com";
export const proxyHost = "shop.proxy-abc123.ca-central-1.rds.amazonaws.com";
export const appSecret = `arn:aws:secretsmanager:${region}:123456789012:secret:app-AbCdEf`;
export const plainSecret = `arn:aws:secretsmanager:${region}:123456789012:secret:plain-AbCdEf`;

export const database: DatabaseSpec = {
  id: "shop",
  arn: `arn:aws:rds:${region}:123456789012:cluster:shop`,
  resourceId: "cluster-ABC",
  region,
  engineVersion: "17.5",
  hosts: [writer, reader],
  port: 5432,
  databaseName: "shop",
  masterUsername: "master",
  masterPassword: "m4ster'\\pass",
  iamAuthentication: true,
};
export const proxy: DatabaseProxySpec = {
  name: "shop-proxy",
  arn: `arn:aws:rds:${region}:123456789012:db-proxy:prx-XYZ`,
  resourceId: "prx-XYZ",
  region,
  host: proxyHost,
  port: 5432,
  clusterId: "shop",
  requireTls: true,
  roleArn: "arn:aws:iam::123456789012:role/proxy",
  auth: [
    { secretArn: appSecret, iamAuth: "REQUIRED", scheme: "SECRETS" },
    { secretArn: plainSecret, iamAuth: "DISABLED", scheme: "SECRETS" },
  ],
};

/** A cluster with everything that a test can turn. `denied` holds `action resource` pairs that are refused. */
export async function startPostgres(
  options: {
    databases?: DatabaseSpec[];
    proxies?: DatabaseProxySpec[];
    secrets?: Record<string, string>;
    root?: string;
  } = {},
) {
  const root = options.root ?? mkdtempSync(join(tmpdir(), "postgres-test-"));
  const state = openState(root);
  const clock = createClock();
  const requests: AuthorisationRequest[] = [];
  const denied = new Set<string>();
  const lines: string[] = [];
  const cloud: Cloud = {
    plan: {
      accountId: "123456789012",
      databases: options.databases ?? [database],
      databaseProxies: options.proxies ?? [],
    } as unknown as Plan,
    clock,
    faults: createFaults(),
    observer: createObserver(clock),
    authoriser: {
      authorise(request) {
        requests.push(request);
        if (denied.has(`${request.action} ${request.resource}`))
          throw new AccessDenied(`not authorized to perform ${request.action} on ${request.resource}`);
      },
    },
    state,
    addresses: createAddresses(),
    ca: await openCertificateAuthority(state),
    log: (line) => lines.push(line),
  };
  const credentials = createCredentialStore();
  const postgres = createPostgres(cloud, {} as Ports, {
    credentials,
    fast: true,
    secretValue: (arn) => options.secrets?.[arn],
  });
  await postgres.start();

  const open: pg.Client[] = [];
  return {
    root,
    cloud,
    credentials,
    postgres,
    requests,
    denied,
    lines,
    /** A verified connection as AWS's clients make it: to the AWS name, turned to loopback. */
    async connect(user: string, password: string, host = writer, more: pg.ClientConfig = {}) {
      const client = new pg.Client({
        host: "127.0.0.1",
        port: postgres.port(host === proxyHost ? "shop-proxy" : "shop"),
        user,
        password,
        database: "shop",
        ssl: { ca: cloud.ca.pem, servername: host },
        ...more,
      });
      client.on("error", () => {});
      await client.connect();
      open.push(client);
      return client;
    },
    async admin(sql: string, database = "shop") {
      const client = new pg.Client({ connectionString: postgres.adminUrl("shop", database) });
      // A server that stops cuts the connection: the query fails, and the event that says it again is not to be thrown.
      client.on("error", () => {});
      await client.connect();
      try {
        return await client.query(sql);
      } finally {
        await client.end();
      }
    },
    async stop() {
      await Promise.all(open.map((client) => client.end().catch(() => {})));
      await postgres.stop();
      clock.stop();
      if (!options.root) rmSync(root, { recursive: true, force: true });
    },
  };
}

export function token(
  credentials: Credentials,
  username: string,
  changes: { hostname?: string; port?: number; region?: string } = {},
): Promise<string> {
  return new Signer({
    hostname: writer,
    port: 5432,
    username,
    region,
    credentials,
    ...changes,
  }).getAuthToken();
}

/** What a promise rejects with, as SQLSTATE and words. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return `${code ?? "-"} ${message}`;
  }
  return "no refusal";
}
