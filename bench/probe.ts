import { createHash } from "node:crypto";
import { quantile } from "./row.ts";

/**
 * How steady the machine is: the same SHA-256 work again and again.
 * @returns p90 of the times over the fastest; 1.00 is a machine that does nothing else.
 */
export function steadiness(samples = 40): number {
  const block = Buffer.alloc(1 << 20, 7);
  const times: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    const from = performance.now();
    for (let round = 0; round < 4; round++) createHash("sha256").update(block).digest();
    times.push(performance.now() - from);
  }
  return quantile(times, 0.9) / Math.min(...times);
}
