/**
 * Typechecks the whole repository. SST's platform ships as TypeScript sources that `noUncheckedIndexedAccess` finds fault
 * with (880 lines in 3.19.3), and `skipLibCheck` spares declarations only: what lies in `.sst` is read for its types, and
 * its own errors are left out. Errors of ours fail.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./run/root.ts";

if (!existsSync(join(root, ".sst/platform/config.d.ts"))) {
  console.error("SST's platform is not there yet; `npm run synth` installs it");
  process.exit(1);
}

function check(project: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const tsc = spawn(join(root, "node_modules/.bin/tsc"), ["-p", project, "--pretty", "false"], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    tsc.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    tsc.on("error", reject);
    tsc.on("close", () => resolve(output.split("\n")));
  });
}

/** An error's first line names a file; the lines that explain it are indented. */
function ours(lines: string[]): string[] {
  let keep = false;
  return lines.filter((line) => {
    if (line !== "" && !line.startsWith(" ")) keep = !/^(\.\.\/)*\.sst\/platform\//.test(line);
    return line !== "" && keep;
  });
}

const errors = (await Promise.all(["tsconfig.json", "infra/tsconfig.json"].map(check))).flatMap(ours);
for (const line of errors) console.error(line);
process.exit(errors.length > 0 ? 1 : 0);
