/** Everything a domain test stands on: database, AWS, settings, mailboxes; and what it does with them. */

import { generateKeyPairSync } from "node:crypto";
import { Client } from "pg";
import { provide as provideActor } from "../../src/actor/index.ts";
import * as awsClients from "../../src/aws/index.ts";
import * as config from "../../src/config/index.ts";
import * as database from "../../src/database/index.ts";
import * as identity from "../../src/identity/index.ts";
import * as log from "../../src/log/index.ts";
import type { Delivery } from "../../src/mail/index.ts";
import * as mailboxes from "../../src/mailboxes/index.ts";
import * as realtime from "../../src/realtime/index.ts";
import { startAws, type TestAws } from "./aws.ts";
import { sharedPostgres, type TestPostgres } from "./database.ts";

export const mailDomain = "in.desk.test";
export const workspaceDomain = "desk.test";
export const address = (name: string) => `${name}@${mailDomain}`;

export const cdnUrl = "https://cdn.desk.test";
const cdnSecretArn = "arn:aws:secretsmanager:ca-central-1:1:secret:cdn";
const cdnKey = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

export interface World {
  postgres: TestPostgres;
  aws: TestAws;
  /** Superuser's address of the current database. */
  url: string;
  /** Identifiers by the local part of their address. */
  mailbox: Record<string, string>;
  /** Lines logged since the last reset. */
  logged: string[];
  /** Empties everything and makes the mailboxes again. */
  reset(): Promise<void>;
  stop(): Promise<void>;
  rows<T extends object = Record<string, unknown>>(text: string, values?: unknown[]): Promise<T[]>;
  count(table: string): Promise<number>;
}

process.env.AWS_ACCESS_KEY_ID ??= "test";
process.env.AWS_SECRET_ACCESS_KEY ??= "test";

export function configOf(aws: { url: string }): Partial<config.ConfigInput> {
  return {
    Settings: {
      stage: "test",
      permanent: false,
      homeRegion: "ca-central-1",
      mailRegion: "us-east-1",
      mailDomain,
      workspaceDomain,
      mailboxes: ["jobs", "payroll", "hello"].map((name) => ({ address: address(name), name })),
      allowedOrigins: ["https://console.desk.test"],
      jobHistoryDays: 30,
      logLevel: "info",
      claimCheckBytes: 131_072,
    },
    MailBucket: { name: "mail", region: "us-east-1" },
    HomeBucket: { name: "home", region: "ca-central-1" },
    ...Object.fromEntries(
      ["Email", "Jobs", "Image", "MailEvents"]
        .flatMap((queue) => [`${queue}Queue`, `${queue}DeadLetterQueue`])
        .map((link) => {
          const name = link.replace("Queue", "").toLowerCase();
          return [link, { url: `${aws.url}/1/${name}`, arn: `arn:aws:sqs:ca-central-1:1:${name}` }];
        }),
    ),
    Cdn: { url: cdnUrl, keyGroupId: "group", distributionId: "EDISTRIBUTION", secretArn: cdnSecretArn },
    Scheduler: {
      groupName: "frontdesk-test",
      roleArn: "arn:aws:iam::000000000001:role/scheduler",
      queueArn: "arn:aws:sqs:ca-central-1:000000000001:jobs",
      deadLetterQueueArn: "arn:aws:sqs:ca-central-1:000000000001:jobs-dead",
    },
    Realtime: { url: "wss://socket.test/$default", managementEndpoint: `${aws.url}/$default` },
  };
}

export async function createWorld(): Promise<World> {
  const postgres = sharedPostgres();
  const aws = await startAws(["mail", "home"]);
  process.env.AWS_ENDPOINT_URL = aws.url;
  const key = (keyPairId: string) => ({ keyPairId, privateKey: cdnKey.privateKey });
  aws.secrets.set(cdnSecretArn, JSON.stringify({ current: key("KCURRENT"), previous: key("KPREVIOUS") }));
  const restoreConfig = config.provide(configOf(aws));
  const current = await postgres.create();
  const restorePool = database.provide(current.pool);
  const admin = new Client({ connectionString: current.url });
  admin.on("error", () => undefined); // the query that waits fails, too
  await admin.connect();
  // Deletes, since a truncate makes files anew: five times as long for tables this small. As a replica no foreign key asks.
  const empty = `set session_replication_role = replica; ${(await tablesOf(admin)).map((name) => `delete from ${name};`).join(" ")}`;
  const logged: string[] = [];
  log.configure({ sink: (line) => logged.push(line) });
  const world: World = {
    postgres,
    aws,
    url: current.url,
    mailbox: {},
    logged,
    async reset() {
      await admin.query(empty);
      for (const bucket of aws.buckets.values()) bucket.clear();
      aws.connections.clear();
      aws.calls.length = 0;
      aws.schedules.clear();
      aws.sent.length = 0;
      aws.shown.length = 0;
      aws.queues.clear();
      aws.undeletable.clear();
      aws.intercept = undefined;
      logged.length = 0;
      await fill(world);
    },
    async stop() {
      await awsClients.close();
      restorePool();
      restoreConfig();
      await admin.end();
      await current.drop();
      await aws.stop();
    },
    rows: (text, values) => database.use(({ query }) => query(text, values)),
    async count(table) {
      const [row] = await world.rows<{ count: number }>(`select count(*) from frontdesk.${table}`);
      return row?.count ?? 0;
    },
  };
  await fill(world);
  return world;
}

async function tablesOf(admin: Client): Promise<string[]> {
  const { rows } = await admin.query<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'frontdesk' and tablename <> 'migrations'",
  );
  return rows.map(({ name }) => name);
}

async function fill(world: World): Promise<void> {
  identity.forget(); // who was known before, in this file or in the one before it, is not any more
  await mailboxes.sync(config.config("Settings").mailboxes);
  const rows = await world.rows<{ id: string; address: string }>(
    "select id, address from frontdesk.mailboxes",
  );
  world.mailbox = Object.fromEntries(rows.map((row) => [row.address.split("@")[0] ?? "", row.id]));
}

let deliveries = 0;

export function delivery(body: unknown, attempt = 1): Delivery {
  deliveries += 1;
  return {
    messageId: `record-${deliveries}`,
    receiptHandle: `receipt-${deliveries}`,
    body: typeof body === "string" ? body : JSON.stringify(body),
    attempt,
    queue: "email",
  };
}

const inSns = (message: unknown) => ({
  Type: "Notification",
  MessageId: "1",
  Message: JSON.stringify(message),
});

/** S3's event as SNS hands it on. */
export function s3Notice(key: string, options: { bucket?: string; size?: number } = {}): Delivery {
  return delivery(
    inSns({
      Records: [
        {
          eventSource: "aws:s3",
          eventName: "ObjectCreated:Put",
          eventTime: "2026-01-02T03:04:05.000Z",
          s3: {
            bucket: { name: options.bucket ?? "mail" },
            object: { key: encodeURIComponent(key).replaceAll("%20", "+"), size: options.size ?? 100 },
          },
        },
      ],
    }),
  );
}

/** SES's notification as SNS hands it on. */
export function sesNotice(
  key: string,
  recipients: string[],
  verdicts: Record<string, string> = {},
): Delivery {
  const verdict = (name: string) => ({ status: verdicts[name] ?? "PASS" });
  return delivery(
    inSns({
      notificationType: "Received",
      mail: { timestamp: "2026-01-02T03:04:04.000Z", source: "sender@example.org", messageId: "1" },
      receipt: {
        timestamp: "2026-01-02T03:04:04.000Z",
        recipients,
        spamVerdict: verdict("spam"),
        virusVerdict: verdict("virus"),
        spfVerdict: verdict("spf"),
        dkimVerdict: verdict("dkim"),
        dmarcVerdict: verdict("dmarc"),
        action: { type: "S3", bucketName: "mail", objectKey: key },
      },
    }),
  );
}

export interface MailOptions {
  headers?: Record<string, string>;
  body?: string;
}

/** A plain message; headers that are given replace the defaults. */
export function mail({ headers = {}, body = "Hello\r\n" }: MailOptions = {}): string {
  const all = {
    From: "Noor <noor@example.org>",
    To: address("jobs"),
    Subject: "A question",
    Date: "Fri, 02 Jan 2026 03:04:00 +0000",
    "Message-ID": "<question@example.org>",
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== "");
  return `${lines.map(([name, value]) => `${name}: ${value}`).join("\r\n")}\r\n\r\n${body}`;
}

/** A message with one attachment of each given name. */
export function mailWithAttachments(names: string[], headers: Record<string, string> = {}): string {
  const parts = names.map(
    (name) =>
      `--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="${name}"\r\n\r\nbytes of ${name}\r\n`,
  );
  return mail({
    headers: { "MIME-Version": "1.0", "Content-Type": 'multipart/mixed; boundary="b"', ...headers },
    body: `--b\r\nContent-Type: text/plain\r\n\r\nSee attached.\r\n${parts.join("")}--b--\r\n`,
  });
}

export type TestUser = Awaited<ReturnType<typeof identity.signIn>>;

export function signIn(name: string, ...groups: string[]): Promise<TestUser> {
  return identity.signIn({ sub: name, email: `${name}@${workspaceDomain}`, "cognito:groups": groups });
}

export const as = <T>(actor: TestUser, callback: () => T): T => provideActor({ actor }, callback);

export async function join(world: World, user: TestUser, mailbox: string): Promise<void> {
  await provideActor({ actor: { kind: "system", name: "test" } }, () =>
    mailboxes.setMembership({ mailbox: world.mailbox[mailbox] ?? "", email: user.email, member: true }),
  );
}

/** An open connection of a user that listens to topics; what it gets is parsed by `received`. */
export async function listen(world: World, id: string, user: TestUser, ...topics: string[]): Promise<void> {
  world.aws.connections.set(id, []);
  await realtime.connect(id, user);
  for (const topic of topics) await realtime.receive(id, JSON.stringify({ action: "subscribe", topic }));
}

export function received(world: World, id: string): Record<string, unknown>[] {
  return (world.aws.connections.get(id) ?? []).map((text) => JSON.parse(text) as Record<string, unknown>);
}

export function eventsReceived(world: World, id: string): Record<string, unknown>[] {
  return received(world, id).filter((message) => message.action === "event");
}
