/**
 * `npm run db:generate [-- --name what-changes]`: the next migration from the tables, and the module that bundles all
 * of them (a function has no folder to read). With `--check` it writes nothing and fails when either is out of date.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";

const core = join(import.meta.dirname, "../packages/core");
const folder = join(core, "migrations");
const bundle = join(core, "src/migrations/statements.generated.ts");

const { values } = parseArgs({
  options: { name: { type: "string" }, check: { type: "boolean", default: false } },
});

function generate(out: string): void {
  const named = values.name === undefined ? [] : ["--name", values.name];
  const config = ["--dialect", "postgresql", "--schema", "./src/**/*.sql.ts", "--out", out];
  execFileSync("drizzle-kit", ["generate", ...config, ...named], {
    cwd: core,
    stdio: ["ignore", "pipe", "inherit"],
  });
}

function files(of: string): string[] {
  return readdirSync(of)
    .filter((file) => file.endsWith(".sql"))
    .sort();
}

function bundled(): string {
  const migrations = files(folder).map((file) => ({
    tag: file.replace(/\.sql$/, ""),
    statements: readFileSync(join(folder, file), "utf8")
      .split("--> statement-breakpoint")
      // The schema is made before the first migration: the list of migrations lies in it.
      .map((statement) => statement.trim().replace(/^CREATE SCHEMA "/, 'CREATE SCHEMA IF NOT EXISTS "'))
      .filter((statement) => statement !== ""),
  }));
  const text = [
    "// Written by `npm run db:generate` from packages/core/migrations. Do not edit.",
    'import type { Migration } from "./runner.ts";',
    "",
    `export const migrations: readonly Migration[] = ${JSON.stringify(migrations, null, 2)};`,
    "",
  ].join("\n");
  return execFileSync("biome", ["format", `--stdin-file-path=${bundle}`], { input: text, encoding: "utf8" });
}

if (values.check) {
  // Drizzle finds out by writing, so it writes into a copy.
  const copy = mkdtempSync(join(tmpdir(), "frontdesk-migrations-"));
  try {
    cpSync(folder, copy, { recursive: true });
    // Drizzle reads snapshots relative to where it runs, also when the path is absolute.
    generate(relative(core, copy));
    const missing = files(copy).length > files(folder).length;
    const stale = readFileSync(bundle, "utf8") !== bundled();
    if (missing || stale) {
      console.error(
        `${missing ? "the tables have changed" : `${bundle} is out of date`}: run npm run db:generate`,
      );
      process.exitCode = 1;
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
} else {
  generate("./migrations");
  writeFileSync(bundle, bundled());
}
