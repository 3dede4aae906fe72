/**
 * `npm run tunnel -- --stage production`: psql on a stage's database, through the bastion and Session Manager. TLS is
 * verified under the database's own name, and the login is an IAM token. docs/operating.md, "The database".
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, workFolder } from "./run/root.ts";
import { authoritiesFor } from "./tunnel/authorities.ts";
import {
  connectionString,
  createPasswordFile,
  iamToken,
  masterPassword,
  tokenMinutes,
  type Way,
} from "./tunnel/login.ts";
import { readTunnelOptions } from "./tunnel/options.ts";
import { requirePrograms } from "./tunnel/programs.ts";
import { freePort, openSession } from "./tunnel/session.ts";
import { findTarget } from "./tunnel/target.ts";

/** Until there is something better to do: end, which takes password file and session along. */
let onSignal: (name: NodeJS.Signals) => void = () => process.exit(130);
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => onSignal(name));

const say = (line: string) => process.stderr.write(`${line}\n`);

/** Said in sst.config.ts alone, which cannot be imported. */
function homeRegion(): string {
  const region = /region: "([a-z0-9-]+)"/.exec(readFileSync(join(root, "sst.config.ts"), "utf8"))?.[1];
  if (!region) throw new Error("sst.config.ts names no region: give --region");
  return region;
}

async function tunnel(): Promise<number> {
  const options = readTunnelOptions(process.argv.slice(2), homeRegion());
  requirePrograms(["aws", "session-manager-plugin", ...(options.print ? [] : (["psql"] as const))]);
  const target = await findTarget(options.stage, options.region);
  const way: Way = {
    host: options.host ?? (options.master ? target.clusterHost : target.host),
    port: target.port,
    localPort: options.localPort ?? (await freePort()),
    database: target.database,
    user: options.master ? target.masterUser : (options.user ?? target.users[0] ?? ""),
    region: target.region,
  };
  const password = () =>
    options.master ? masterPassword(target.masterSecretArn, target.region) : iamToken(way);
  const ca = options.ca ?? (await authoritiesFor(way.host, way.region, join(workFolder, "authorities")));
  const passwords = createPasswordFile();
  process.once("exit", passwords.remove);
  passwords.write(way, await password());

  const session = await openSession({ ...way, instanceId: target.instanceId });
  process.once("exit", session.close);
  const renewal = setInterval(
    () => {
      password().then(
        (fresh) => passwords.write(way, fresh),
        (error: Error) => say(`the login could not be renewed: ${error.message}`),
      );
    },
    (tokenMinutes - 5) * 60_000,
  );
  try {
    return options.print ? await keepOpen() : await runPsql();
  } finally {
    clearInterval(renewal);
    session.close();
    passwords.remove();
  }

  async function keepOpen(): Promise<number> {
    say(`${way.user} at ${way.host}, through 127.0.0.1:${way.localPort}, until Ctrl-C:`);
    process.stdout.write(`PGPASSFILE=${passwords.path} psql "${connectionString(way, ca)}"\n`);
    return Promise.race([
      new Promise<number>((resolve) => {
        onSignal = () => resolve(0);
      }),
      session.ended.then(() => {
        say("the session ended");
        return 1;
      }),
    ]);
  }

  function runPsql(): Promise<number> {
    const psql = spawn("psql", [connectionString(way, ca), ...options.psql], {
      stdio: "inherit",
      env: { ...process.env, PGPASSFILE: passwords.path, PGPASSWORD: undefined },
    });
    // Ctrl-C reaches psql by itself, which cancels its query and goes on.
    onSignal = (name) => {
      if (name !== "SIGINT") psql.kill(name);
    };
    return new Promise((resolve, reject) => {
      psql.once("error", reject);
      psql.once("close", (code) => resolve(code ?? 1));
    });
  }
}

try {
  process.exit(await tunnel());
} catch (error) {
  say((error as Error).message);
  process.exit(1);
}
