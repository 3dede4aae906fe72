/** A whole Frontdesk in this process, with its clock, faults, observer and policies at hand. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import {
  type Graph,
  type LocalCloud,
  type Observation,
  type StartOptions,
  startLocal,
} from "@frontdesk/local";
import pg from "pg";
import {
  type Api,
  apiClient,
  type Listener,
  listen,
  type Subscription,
} from "../../../scripts/demo/inbox.ts";
import type { Outgoing } from "../../../scripts/demo/messages.ts";
import { type Sent, sendAll } from "../../../scripts/demo/send.ts";
import { root } from "../../../scripts/run/root.ts";
import { type Addresses, addressesOf, type Developer, developerOf } from "../../../scripts/run/start.ts";
import { type Role, tokenFor } from "../../../scripts/run/tokens.ts";
import { graphOf } from "../../infra/support/graphs.ts";
import { newKey, putMail } from "../../support/ses.ts";

export interface SystemOptions {
  /** Copied into the state first. */
  template?: string;
  /** Kept after the stop; default: a folder that goes with it. */
  stateDir?: string;
  /** Changes the graph before the start. */
  change?: (graph: Graph) => void;
  redis?: StartOptions["redis"];
}

export interface Mailbox {
  id: string;
  address: string;
}

export interface System {
  app: LocalCloud;
  graph: Graph;
  addresses: Addresses;
  developer: Developer;
  /** What was written to the terminal. */
  log: string[];
  /** Everything that was observed since the start. */
  observed: Observation[];
  /** By the local part of the address. */
  mailbox: Record<"jobs" | "payroll" | "hello" | "support", Mailbox>;
  /** ARN of a function, by its component's name. */
  fn(name: string): string;
  /** ARN of a queue, by its component's name. */
  queue(name: string): string;
  /** Signs in by a fresh token. */
  signIn(role: Role): Promise<SignedIn>;
  send(...messages: Outgoing[]): Promise<Sent[]>;
  /** Sends and demands that all are accepted, and waits until both notices of each have been taken from the queue. */
  deliver(...messages: Outgoing[]): Promise<Sent[]>;
  /**
   * Waits until `count` more messages than at the last call have come to the email queue, none is left in it and no
   * function runs.
   */
  handled(count: number): Promise<void>;
  /** Waits until no function runs and no message waits for one; those that failed may wait for their visibility. */
  quiet(): Promise<void>;
  /** Lets mail come of which nobody is told: the bucket finds no topic and gives up. */
  forget(raw: Buffer, ageMs: number): Promise<string>;
  /** Waits until `look` finds something; it looks again after each observation. */
  until<T>(what: string, look: () => T | Promise<T>): Promise<Exclude<NonNullable<T>, false>>;
  /** Where a message became what, by its Message-ID. */
  stored(headerId: string): Promise<{ id: string; threadId: string; key: string; trace: string }>;
  /** As the cluster's master. */
  sql<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
  /**
   * Lets time pass: on the run's clock, and for what functions have written down by the machine's clock, which nothing
   * moves (their signatures would not be accepted).
   */
  pass(ms: number): Promise<void>;
  /** Calls a function as its schedule does, and waits. */
  invoke(name: string, event?: unknown): Promise<{ payload: string; functionError?: string }>;
  stop(): Promise<void>;
}

export interface SignedIn {
  api: Api;
  token: string;
  /** One call, redirects not followed, errors not thrown. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** A socket that listens to the topics. */
  listen(...topics: Subscription[]): Promise<Listener>;
}

const PATIENCE_MS = 25_000;

export async function startSystem(options: SystemOptions): Promise<System> {
  const graph = structuredClone(await graphOf("local"));
  options.change?.(graph);
  const folder = options.stateDir ? undefined : mkdtempSync(join(tmpdir(), "frontdesk-e2e-"));
  const stateDir = options.stateDir ?? join(folder ?? "", "state");
  if (options.template) copyState(options.template, stateDir);
  const log: string[] = [];
  const app = await startLocal({
    appDir: root,
    graph,
    stateDir,
    fast: true,
    log: (line) => log.push(line),
    ...(options.redis && { redis: options.redis }),
  }).catch((error: unknown) => {
    if (folder) rmSync(folder, { recursive: true, force: true });
    throw new Error(`the system did not start; it said\n${log.join("\n")}`, { cause: error });
  });
  const { cloud, ports } = app;
  const addresses = addressesOf(app);
  const developer = developerOf({ ...app, graph });

  const observed: Observation[] = [];
  const watchers = new Set<() => void>();
  /** Request ids: what began before anybody looked is not among them. */
  const running = new Set<unknown>();
  const emailQueue = String(graph.links.EmailQueue?.arn);
  /** Notices; those of the set-up may have come before anybody looked, and none is handled that fast. */
  const waiting = ports.sqs.counts(emailQueue);
  let arrived = waiting.visible + waiting.inFlight + waiting.delayed;
  let expected = 0;
  cloud.observer.on((observation) => {
    observed.push(observation);
    if (observation.kind === "lambda.start") running.add(observation.detail.requestId);
    if (observation.kind === "lambda.end") running.delete(observation.detail.requestId);
    if (observation.kind === "sqs.send" && observation.resource === emailQueue) arrived += 1;
    for (const watcher of watchers) watcher();
  });

  async function until<T>(what: string, look: () => T | Promise<T>): Promise<Exclude<NonNullable<T>, false>> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const changed = Promise.withResolvers<void>();
      const watcher = () => changed.resolve();
      watchers.add(watcher);
      deadline.addEventListener("abort", watcher);
      try {
        const found = await look();
        if (found) return found as Exclude<NonNullable<T>, false>;
        if (deadline.aborted)
          throw new Error(`waited in vain for ${what}; the system said last\n${log.slice(-30).join("\n")}`);
        await changed.promise;
      } finally {
        watchers.delete(watcher);
        deadline.removeEventListener("abort", watcher);
      }
    }
  }

  const [database] = cloud.plan.databases;
  const endpoint = database && app.endpoints.postgres[database.id];
  if (!database || !endpoint) throw new Error("the graph has no database");
  const pool = new pg.Pool({
    host: "127.0.0.1",
    port: endpoint.port,
    database: endpoint.database,
    user: database.masterUsername,
    password: database.masterPassword,
    ssl: { ca: cloud.ca.pem, servername: endpoint.host },
    max: 2,
  });
  pool.on("error", () => {}); // the stop of the database ends idle connections

  const find = (list: readonly { name: string; arn: string }[], name: string) => {
    const found = list.find((candidate) => candidate.name === name);
    if (!found) throw new Error(`the graph has no ${name}`);
    return found.arn;
  };
  const system: System = {
    app,
    graph,
    addresses,
    developer,
    log,
    observed,
    mailbox: {} as System["mailbox"],
    fn: (name) => find(cloud.plan.functions, String(graph.links[name]?.name)),
    queue: (name) => String(graph.links[name]?.arn),
    async signIn(role) {
      const source = { ...developer, endpoint: addresses.aws };
      const token = await tokenFor(source, `${role}@${developer.workspaceDomain}`, role);
      const api = apiClient(addresses.api, token, developer.origin);
      return {
        api,
        token,
        fetch: (path, init = {}) =>
          fetch(addresses.api + path, {
            redirect: "manual",
            ...init,
            headers: { authorization: `Bearer ${token}`, ...init.headers },
          }),
        listen: (...topics) => listen(api, addresses.websocket, developer.origin, topics),
      };
    },
    send: (...messages) => sendAll(messages, addresses.smtp),
    async deliver(...messages) {
      const sent = await system.send(...messages);
      const refused = sent.filter(({ accepted }) => !accepted);
      if (refused.length > 0)
        throw new Error(refused.map(({ label, response }) => `${label}: ${response}`).join("\n"));
      await system.handled(2 * sent.length);
      // Notices of the set-up may still come in and be counted among these: what was sent must be there.
      const ids = sent.map(({ sesMessageId }) => `%/${sesMessageId}`);
      await until("what was sent to be taken in", async () => {
        const taken = await system.sql(
          "select 1 from frontdesk.raw_mail where object_key like any($1) and state in ('stored', 'quarantined')",
          [ids],
        );
        return taken.length === ids.length;
      });
      await system.quiet();
      return sent;
    },
    async handled(count) {
      expected += count;
      await until(`${expected} notices to be handled (${arrived} have come)`, () => {
        const { visible, inFlight, delayed } = ports.sqs.counts(emailQueue);
        return arrived >= expected && visible + inFlight + delayed === 0 && running.size === 0;
      });
      expected = arrived;
    },
    async quiet() {
      const calm = () => ports.sqs.counts(emailQueue).visible === 0 && running.size === 0;
      await until("quiet", async () => {
        // Between a receive and its invocation, and between a failure and its next try, there are a few turns.
        for (let turn = 0; turn < 5; turn++) {
          if (!calm()) return false;
          await setImmediate();
        }
        return true;
      });
    },
    async forget(raw, ageMs) {
      const { clock, faults } = cloud;
      const key = newKey(app);
      const from = log.length;
      // The object is made in the past, so that it has been waiting for as long.
      clock.advance(-ageMs);
      const error = { code: "NotFound", status: 404, message: "no such topic" };
      faults.add({ service: "sns", operation: "Publish", effect: { error } });
      await putMail(app, key, raw);
      const told = () => log.slice(from).some((line) => line.includes("could not notify"));
      while (!told()) await setImmediate();
      clock.advance(ageMs);
      return key;
    },
    until,
    async stored(headerId) {
      const rows = await system.sql<{ id: string; threadId: string; key: string; trace: string }>(
        `select m.id, m.thread_id as "threadId", m.trace, r.object_key as key from frontdesk.messages m
           join frontdesk.raw_mail r on r.message_id = m.id where m.header_id = $1`,
        [headerId],
      );
      const [row] = rows;
      if (!row || rows.length > 1) throw new Error(`${rows.length} messages are stored of ${headerId}`);
      return row;
    },
    sql: async <Row extends object>(text: string, values: unknown[] = []) =>
      (await pool.query<Row>(text, values)).rows,
    async pass(ms) {
      for (const [table, ...columns] of deadlines)
        await pool.query(
          `update frontdesk.${table} set ${columns.map((column) => `${column} = ${column} - $1 * interval '1 ms'`).join(", ")}`,
          [ms],
        );
      cloud.clock.advance(ms);
    },
    invoke: (name, event = {}) => ports.lambda.invoke({ kind: "developer" }, system.fn(name), event),
    async stop() {
      await pool.end();
      await app.stop();
      if (folder) rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    const rows = await system.sql<Mailbox>("select id, address from frontdesk.mailboxes");
    for (const row of rows)
      system.mailbox[(row.address.split("@")[0] ?? "") as keyof System["mailbox"]] = row;
    return system;
  } catch (error) {
    await system.stop();
    throw error;
  }
}

/** Moments that functions write down and wait for. */
const deadlines: [table: string, ...columns: string[]][] = [
  ["outbox", "available_at", "leased_until"],
  ["connections", "leased_until", "retry_at"],
  ["raw_mail", "claimed_until", "updated_at"],
];

/** With owner and times: Postgres' data belongs to the user that it runs as. Node's own copy keeps no owner. */
function copyState(from: string, to: string) {
  execFileSync("cp", ["-a", from, to]);
}
