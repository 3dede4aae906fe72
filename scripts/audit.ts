/**
 * `npm run audit [-- --stage name] [--json]`: judges a stage's graph by the controls of cdk-nag, Checkov and AWS
 * Foundational Security Best Practices, without AWS. Exits with 1 when something fails, with 2 when it was called wrongly.
 */
import { parseArgs } from "node:util";
import { ensurePlatform, synthesise } from "@frontdesk/local";
import { evaluate } from "./audit/evaluate.ts";
import { renderJson } from "./audit/json.ts";
import { renderTable } from "./audit/table.ts";
import { isStage } from "./run/options.ts";
import { root } from "./run/root.ts";

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        stage: { type: "string", default: "production" },
        json: { type: "boolean", default: false },
      },
    });
    if (!isStage(values.stage))
      throw new Error(
        `--stage ${JSON.stringify(values.stage)}: there is no such stage; production, staging, local, or a personal one in lower-case letters, digits and dashes, 20 at most`,
      );
    return values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nusage: npm run audit [-- --stage name] [--json]\n`);
    process.exit(2);
  }
}

const { stage, json } = readOptions();
try {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  await ensurePlatform(root, stage, log);
  const report = evaluate(await synthesise({ appDir: root, stage, log }));
  process.stdout.write(`${json ? renderJson(report) : renderTable(report)}\n`);
  if (report.counts.fail > 0 || report.errors.length > 0) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
