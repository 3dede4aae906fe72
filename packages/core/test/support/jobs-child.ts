/** A consumer that is killed as its n-th call to the database or to AWS is answered; see jobs/kill.thorough.test.ts. */
import http from "node:http";
import type { PoolClient } from "pg";
import { provide } from "../../src/actor/index.ts";
import * as config from "../../src/config/index.ts";
import * as database from "../../src/database/index.ts";
import { consume } from "../../src/jobs/index.ts";
import * as registry from "../../src/jobs/registry.ts";
import * as log from "../../src/log/index.ts";
import { createPool } from "../../src/pool/index.ts";
import { killTypes } from "./kill-types.ts";

interface Order {
  config: Partial<config.ConfigInput>;
  connection: { host: string; port: number; database: string; user: string };
  /** Which call is the last. */
  call: number;
}

const order = JSON.parse(process.argv[2] ?? "{}") as Order;
let calls = 0;
function answered(): void {
  calls += 1;
  if (calls === order.call) process.kill(process.pid, "SIGKILL");
}

const request = http.request;
http.request = ((...given: Parameters<typeof request>) =>
  request(...given).on("response", answered)) as typeof request;

const pool = createPool(order.connection);
pool.on("connect", (client: PoolClient) => {
  const query = client.query.bind(client) as (...given: unknown[]) => unknown;
  client.query = (async (...given: unknown[]) => {
    const result = await query(...given);
    answered();
    return result;
  }) as PoolClient["query"];
});

log.configure({ sink: () => {} });
config.provide(order.config);
database.provide(pool);
registry.provide(killTypes);
const delivery = { messageId: "1", receiptHandle: "1", attempt: 1, body: JSON.stringify({ job: "next" }) };
void provide({ actor: { kind: "system", name: "child" } }, () =>
  consume([delivery], { remainingMs: () => 120_000 }),
).then(() => process.exit(0));
