import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAddresses } from "../../src/cloud/addresses.ts";
import { createClock } from "../../src/cloud/clock.ts";
import { createFaults } from "../../src/cloud/faults.ts";
import { createObserver } from "../../src/cloud/observer.ts";
import { openState } from "../../src/cloud/state.ts";
import type { AwsAnswer, AwsCall, AwsService, Cloud, Credentials } from "../../src/cloud/types.ts";
import { createCredentialStore, createFrontDoor, type FrontDoor } from "../../src/front-door/index.ts";
import { createIam, type Iam } from "../../src/iam/index.ts";
import type { Plan, PolicyStatement } from "../../src/plan/types.ts";
import { openCertificateAuthority } from "../../src/tls/ca.ts";
import { account, document, emptyPlan, roleArn } from "../iam/support.ts";

export interface Door {
  cloud: Cloud;
  iam: Iam;
  door: FrontDoor;
  credentials: ReturnType<typeof createCredentialStore>;
  /** Keys of the role `worker`. */
  worker: Credentials;
  developer: Credentials;
  log: string[];
  endpoint: string;
  stop(): Promise<void>;
}

/** A front door with the given services, and a role `worker` with the given grants. */
export async function openDoor(
  grants: PolicyStatement[],
  services: (cloud: Cloud, credentials: Door["credentials"]) => AwsService[],
  change: Partial<Plan> = {},
): Promise<Door> {
  const folder = mkdtempSync(join(tmpdir(), "front-door-"));
  const state = openState(folder);
  const clock = createClock();
  const observer = createObserver(clock);
  const role = {
    arn: roleArn,
    name: "worker",
    trust: document([
      { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" },
    ]),
    policies: [{ name: "inline", document: document(grants) }],
  };
  const plan = emptyPlan({ ...change, roles: [role, ...(change.roles ?? [])] });
  const iam = createIam(plan, { observer, now: clock.now });
  const log: string[] = [];
  const cloud: Cloud = {
    plan,
    clock,
    faults: createFaults(),
    observer,
    authoriser: iam,
    state,
    addresses: createAddresses(),
    ca: await openCertificateAuthority(state),
    log: (message) => log.push(message),
  };
  const credentials = createCredentialStore();
  const door = createFrontDoor(cloud, { credentials, services: services(cloud, credentials) });
  await door.start?.();
  return {
    cloud,
    iam,
    door,
    credentials,
    worker: credentials.issue({ kind: "role", roleArn, sessionName: "worker-fn" }),
    developer: credentials.issue({ kind: "developer" }),
    log,
    endpoint: `http://127.0.0.1:${door.httpPort}`,
    async stop() {
      await door.stop();
      clock.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Settings for an SDK client that speaks to the door. */
export function client(door: Door, credentials: Credentials = door.worker) {
  return { region: "eu-west-1", endpoint: door.endpoint, credentials, maxAttempts: 1 };
}

/** A service that keeps the calls it got and answers with what it is told. */
export function recorder(
  signingName: string,
  answer: (call: AwsCall) => AwsAnswer | Promise<AwsAnswer>,
): AwsService & { calls: AwsCall[] } {
  const calls: AwsCall[] = [];
  return {
    signingNames: [signingName],
    calls,
    async handle(call) {
      calls.push(call);
      return answer(call);
    },
  };
}

/** Objects in memory under `arn:aws:s3:::bucket/key`, enough to see what the front door hands on. */
export function memoryS3(): AwsService & { objects: Map<string, Buffer>; calls: AwsCall[] } {
  const objects = new Map<string, Buffer>();
  const service = recorder("s3", async (call): Promise<AwsAnswer> => {
    const key = decodeURIComponent(call.http.path);
    if (call.http.method === "OPTIONS") return { status: 200 };
    if (call.http.method === "PUT") {
      call.authorise("s3:PutObject", `arn:aws:s3:::${key.slice(1)}`);
      const chunks: Buffer[] = [];
      for await (const chunk of call.http.body) chunks.push(chunk as Buffer);
      objects.set(key, Buffer.concat(chunks));
      return { headers: { etag: '"1"' } };
    }
    call.authorise("s3:GetObject", `arn:aws:s3:::${key.slice(1)}`);
    const body = objects.get(key);
    return body
      ? { body, headers: { "content-type": "text/plain" } }
      : { status: 404, body: "<Error><Code>NoSuchKey</Code></Error>" };
  });
  return { ...service, objects };
}

export { account, roleArn };
