/**
 * The one way to the database.
 *
 * - `use` runs queries outside of a transaction, or in the open one.
 * - `transaction` runs a callback between BEGIN and COMMIT; inside another one it is a savepoint.
 * - `afterCommit` keeps effects until the outermost COMMIT has succeeded.
 *
 * Nothing here pins a connection behind RDS Proxy: no SET, no named prepared statement, no session-level advisory
 * lock, no temporary table, no sequence (Aurora user guide, "Avoiding pinning an RDS Proxy").
 */
import type { Pool, PoolClient } from "pg";
import { sleep } from "../clock/index.ts";
import * as log from "../log/index.ts";
import { type Open, storage } from "./context.ts";
import { isLost, isRepeatable, translate } from "./errors.ts";
import type { Orm } from "./orm.ts";

export { inTransaction } from "./context.ts";
export { isAway, isDuplicate, Overtaken } from "./errors.ts";
export { arrayLiteral, type Column, insertion, insertRows, type Statement, together } from "./rows.ts";

export interface Handle {
  /** For ordinary queries. Loaded when first asked for: drizzle costs more to import than all the rest of this folder. */
  orm(): Promise<Orm>;
  /** For hot paths: parameterised SQL. Values never go into the text. */
  query<Row extends object = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>;
}

let pool: Pool | Promise<Pool> | undefined;

/** `pg` is loaded with the first connection: what is answered without the database does not wait for it. */
function current(): Pool | Promise<Pool> {
  pool ??= import("../pool/index.ts")
    .then(({ poolFromConfig }) => poolFromConfig("app"))
    .catch((error) => {
      pool = undefined;
      throw error;
    });
  return pool;
}

/** Another pool, for tests and tools. The returned function restores the one before; closing is the caller's. */
export function provide(other: Pool): () => void {
  const before = pool;
  pool = other;
  return () => {
    pool = before;
  };
}

/** Ends the pool; the next use makes another. */
export async function close(): Promise<void> {
  const ending = pool;
  pool = undefined;
  await (await ending)?.end();
}

/**
 * Runs `callback` with a connection. It runs once, whatever it throws. Do not nest: each level holds a connection.
 * @throws VisibleError `unavailable` for the database's passing states.
 */
export async function use<T>(callback: (handle: Handle) => Promise<T>): Promise<T> {
  const open = storage.getStore();
  if (open) return callback(handleOf(open.client));
  try {
    const client = await acquire();
    let lost = false;
    try {
      return await callback(handleOf(client));
    } catch (error) {
      lost = isLost(error);
      throw error;
    } finally {
      release(client, lost);
    }
  } catch (error) {
    throw translate(error);
  }
}

export interface TransactionOptions {
  /**
   * The callback has no effect but on the database, so it may run again when the database rolled it back for a
   * deadlock or a serialization failure. Without this it runs once.
   */
  repeatable?: boolean;
}

/** Tries of a repeatable transaction, the first included. */
const tries = 4;

/**
 * Runs `callback` between BEGIN and COMMIT and returns what it returned. Inside another transaction it is a savepoint:
 * when it throws, its own changes and its own `afterCommit`s are dropped, and the outer one decides.
 * @throws VisibleError `unavailable` for the database's passing states.
 */
export async function transaction<T>(
  callback: (handle: Handle) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const outer = storage.getStore();
  if (outer) return savepoint(outer, callback);
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(callback);
    } catch (error) {
      if (!options.repeatable || attempt >= tries || !isRepeatable(error)) throw translate(error);
      // Those who collided must not meet again.
      await sleep(Math.random() * 20 * 2 ** attempt);
    }
  }
}

/**
 * Runs `effect` once the outermost transaction has committed; at once when there is none. What it throws is logged
 * and not passed on: the change is committed, and the outbox sweep makes up for what was left undone.
 */
export async function afterCommit(effect: () => unknown): Promise<void> {
  const open = storage.getStore();
  if (open) open.after.push(effect);
  else await run(effect);
}

async function once<T>(callback: (handle: Handle) => Promise<T>): Promise<T> {
  const client = await acquire();
  const open: Open = { client, depth: 0, after: [] };
  let result: T;
  let lost = true;
  try {
    await client.query("begin");
    try {
      result = await storage.run(open, () => callback(handleOf(client)));
    } catch (error) {
      // Whatever the rollback says, the caller must learn why it was needed.
      lost = isLost(error);
      if (!lost) await client.query("rollback").catch(() => (lost = true));
      throw error;
    }
    await client.query("commit");
    lost = false;
  } finally {
    release(client, lost);
  }
  for (const effect of open.after) await run(effect);
  return result;
}

async function savepoint<T>(outer: Open, callback: (handle: Handle) => Promise<T>): Promise<T> {
  const { client } = outer;
  const name = `level_${outer.depth + 1}`;
  const inner: Open = { client, depth: outer.depth + 1, after: [] };
  await client.query(`savepoint ${name}`);
  try {
    const result = await storage.run(inner, () => callback(handleOf(client)));
    await client.query(`release savepoint ${name}`);
    outer.after.push(...inner.after);
    return result;
  } catch (error) {
    // A deadlock has ended the whole transaction; then this fails too and the first error is the one that tells.
    await client.query(`rollback to savepoint ${name}`).catch(() => undefined);
    throw error;
  }
}

async function run(effect: () => unknown): Promise<void> {
  try {
    await storage.run(undefined, async () => effect());
  } catch (error) {
    log.error("an effect after commit failed; the sweep takes it", { error });
  }
}

function handleOf(client: PoolClient): Handle {
  return {
    orm: async () => (await import("./orm.ts")).ormOf(client),
    query: async (text, values) => (await client.query(text, values)).rows,
  };
}

/** A connection that lay idle longer than this is asked first: the peer of a thawed function may be long gone. */
const askAfterMs = 15_000;
const lastUsed = new WeakMap<PoolClient, number>();

async function acquire(): Promise<PoolClient> {
  for (;;) {
    const client = await (await current()).connect();
    const since = lastUsed.get(client);
    if (since === undefined || Date.now() - since < askAfterMs) return client;
    try {
      await client.query("select 1");
      return client;
    } catch {
      client.release(true);
    }
  }
}

function release(client: PoolClient, lost: boolean): void {
  lastUsed.set(client, Date.now());
  client.release(lost);
}
