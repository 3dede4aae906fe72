/** A process that takes in one batch and is killed at a named point; see mail/crash.test.ts. */
import * as config from "../../src/config/index.ts";
import * as database from "../../src/database/index.ts";
import * as faults from "../../src/faults/index.ts";
import * as log from "../../src/log/index.ts";
import { type Delivery, ingest } from "../../src/mail/index.ts";
import { createPool } from "../../src/pool/index.ts";

interface Order {
  config: Partial<config.ConfigInput>;
  connection: { host: string; port: number; database: string; user: string };
  point: faults.Point;
  deliveries: Delivery[];
}

const order = JSON.parse(process.argv[2] ?? "{}") as Order;
log.configure({ sink: () => {} });
config.provide(order.config);
database.provide(createPool(order.connection));
faults.arm(order.point, () => {
  process.kill(process.pid, "SIGKILL");
});
void ingest(order.deliveries);
