import type { Redis } from "ioredis";
import * as z from "zod";
import { now } from "../clock/index.ts";
import { config } from "../config/index.ts";
import { describe } from "../error/index.ts";
import * as log from "../log/index.ts";
import { forget, secretJson } from "../secrets/index.ts";

/** A cache that answers later than this is slower than what it saves. */
const commandMs = 250;
const connectMs = 1_000;
/** After a failure Redis is left alone for so long, so that not every request waits for it. */
const restMs = 5_000;

const tokenSecret = z.object({ authToken: z.string().min(1) });

let open: Promise<Redis> | undefined;
let restUntil = 0;

/** A connection that is ready, or undefined while Redis is away. Never throws. */
export async function redis(): Promise<Redis | undefined> {
  if (now() < restUntil) return undefined;
  open ??= connect().catch(async (error) => {
    if (!isRefused(error)) throw error;
    // The token was rotated since it was read.
    forget(config("Cache").secretArn);
    return connect();
  });
  try {
    const client = await open;
    if (client.status === "ready") return client;
    throw new Error(`the connection is ${client.status}`);
  } catch (error) {
    await rest(error);
    return undefined;
  }
}

/** Notes a failed command: the next ones go to Postgres for a while. */
export async function rest(error: unknown): Promise<void> {
  log.warn("cache unavailable; reading from the database", { error: describe(error) });
  restUntil = now() + restMs;
  await close();
}

export async function close(): Promise<void> {
  const closing = open;
  open = undefined;
  (await closing?.catch(() => undefined))?.disconnect();
}

/** For tests: forgets that Redis was away. */
export function wake(): void {
  restUntil = 0;
}

async function connect(): Promise<Redis> {
  const { host, port, local, secretArn } = config("Cache");
  const { default: Redis } = await import("./ioredis.cjs");
  const client = new Redis({
    host,
    port,
    ...(!local && {
      password: (await secretJson(secretArn, config("Settings").homeRegion, tokenSecret)).authToken,
      tls: { servername: host, rejectUnauthorized: true },
    }),
    lazyConnect: true,
    connectTimeout: connectMs,
    commandTimeout: commandMs,
    // One try and no queue: whoever asks has the database.
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: () => null,
  });
  // Without a listener ioredis writes to the console; every failure is seen by the command that meets it.
  let last: unknown;
  client.on("error", (error) => {
    last = error;
  });
  try {
    await client.connect();
  } catch (error) {
    client.disconnect();
    throw isRefused(last) ? last : error;
  }
  return client;
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && /WRONGPASS|NOAUTH|invalid (?:username-)?password/i.test(error.message);
}
