/** `npm run -s token -- --role admin [--email someone@…]`: prints a JWT for the running system. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { workFolder } from "./run/root.ts";
import type { Addresses, Developer } from "./run/start.ts";
import { roles, tokenFor } from "./run/tokens.ts";

const usage = `npm run -s token -- --role ${roles.join("|")} [--email address]`;

function read<T>(file: string): T {
  try {
    return JSON.parse(readFileSync(join(workFolder, file), "utf8")) as T;
  } catch {
    throw new Error("nothing is running in this folder: start it with `npm run local` or `npm run demo`");
  }
}

try {
  const { values } = parseArgs({
    options: { role: { type: "string", default: "admin" }, email: { type: "string" } },
  });
  const role = roles.find((candidate) => candidate === values.role);
  if (!role) throw new Error(`--role must be one of ${roles.join(", ")}, not "${values.role}". ${usage}`);
  const addresses = read<Addresses>("local.json");
  const developer = read<Developer>("developer.json");
  const token = await tokenFor(
    { ...developer, endpoint: addresses.aws },
    values.email ?? `${role}@${developer.workspaceDomain}`,
    role,
  );
  process.stdout.write(`${token}\n`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
