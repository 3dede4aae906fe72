/** What a picture costs, seen from outside: each in a process of its own. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";

const run = promisify(execFile);

export interface Cost {
  outcome: string;
  variants: number;
  cpuSeconds: number;
  /** Of the whole process, Node included. */
  megabytes: number;
}

export async function cost(bytes: Buffer, formats = "avif,webp,jpeg"): Promise<Cost> {
  const folder = mkdtempSync(join(tmpdir(), "pictures-"));
  try {
    const file = join(folder, "picture");
    writeFileSync(file, bytes);
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, "child.ts"), file, formats]);
    return JSON.parse(stdout) as Cost;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

let nothing: Promise<Cost> | undefined;

/** Costs hardly more than what is refused at its first byte. */
export async function expectCheap(bytes: Buffer, outcome: string): Promise<void> {
  nothing ??= cost(Buffer.from("no picture"));
  const least = await nothing;
  const found = await cost(bytes, "webp");
  expect(found.outcome).toBe(outcome);
  expect(found.megabytes - least.megabytes, "megabytes above those of refusing a text").toBeLessThan(64);
  expect(found.cpuSeconds - least.cpuSeconds, "seconds above those of refusing a text").toBeLessThan(1.5);
}

export function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}
