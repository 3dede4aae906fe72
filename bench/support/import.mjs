// @ts-check
/** Imports one module in a process that does nothing else, and says what that took. Plain JavaScript: nothing to strip. */
import { performance } from "node:perf_hooks";

const [file = ""] = process.argv.slice(2);
const wall = performance.now();
const before = process.cpuUsage();
await import(file);
const { user, system } = process.cpuUsage(before);
process.stdout.write(JSON.stringify({ cpu: (user + system) / 1000, wall: performance.now() - wall }));
process.exit(0);
