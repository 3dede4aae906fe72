/** A run in a process of its own, for tests that kill it. Prints `postmaster socketFolder` when it is up. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startPostgres } from "./support.ts";

const root = process.argv[2] ?? "";
const rds = await startPostgres({ root });
const pid = readFileSync(join(root, "postgres/shop/data/postmaster.pid"), "utf8").split("\n")[0];
await rds.admin("create table if not exists kept (at timestamptz default now())");
await rds.admin("insert into kept default values");
process.stdout.write(`${pid}\n`);
setInterval(() => {}, 1000);
