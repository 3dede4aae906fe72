/**
 * One picture in a process of its own, so that its memory and time can be seen: `node child.ts <file> [formats]`.
 * Prints a line of JSON.
 */
import { existsSync, readFileSync } from "node:fs";
import { derive, inspect, type Variant } from "../../../src/media/picture/index.ts";

const [file = "", formats = "avif,webp,jpeg"] = process.argv.slice(2);
const bytes = readFileSync(file);
const from = performance.now();
let outcome = "ready";
let variants = 0;
try {
  for await (const _ of derive(bytes, await inspect(bytes), {
    formats: formats.split(",") as Variant["format"][],
  }))
    variants++;
} catch (error) {
  const { name, code, message } = error as { name: string; code?: string; message: string };
  outcome = name === "Refusal" ? String(code) : `failed: ${message}`;
}
/** `getrusage` begins with what the parent had when it forked (getrusage(2), execve keeps it), `VmHWM` with nothing. */
function mostMegabytes(): number {
  if (!existsSync("/proc/self/status")) return process.resourceUsage().maxRSS / 1024;
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;
}

const { userCPUTime, systemCPUTime } = process.resourceUsage();
console.log(
  JSON.stringify({
    outcome,
    variants,
    seconds: (performance.now() - from) / 1000,
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    /** Of the whole process, Node included. */
    megabytes: mostMegabytes(),
  }),
);
