/** Changes of the kinds that break parsers. */
const extremes = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/**
 * @param next Random numbers from 0 up to 1.
 * @returns A copy that differs in one to four places, and what was done, for the reader of a failure.
 */
export function mutated(source: Buffer, next: () => number): { bytes: Buffer; how: string } {
  let bytes: Buffer = Buffer.from(source);
  const done: string[] = [];
  const below = (limit: number) => Math.floor(next() * limit);
  // Headers are at the beginning: half of the changes go there.
  const place = () => below(next() < 0.5 ? Math.min(200, bytes.length) : bytes.length);
  const count = 1 + below(4);
  for (let change = 0; change < count && bytes.length > 8; change++) {
    const at = place();
    const kind = below(7);
    done.push(`${kind}@${at}`);
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
    else if (kind === 1) bytes[at] = below(256);
    else if (kind === 2) {
      const value = extremes[below(extremes.length)] ?? 0;
      const size = Math.min(1 << below(3), bytes.length - at);
      const big = below(2) === 0;
      for (let index = 0; index < size; index++)
        bytes[at + index] = (value >>> (8 * (big ? size - 1 - index : index))) & 0xff;
    } else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(40))]);
    else if (kind === 4) {
      const from = below(bytes.length);
      const piece = bytes.subarray(from, from + 1 + below(100));
      bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
    } else if (kind === 5) bytes = Buffer.from(bytes.subarray(0, Math.max(8, at)));
    else bytes.fill(below(2) === 0 ? 0 : 0xff, at, Math.min(bytes.length, at + below(16)));
  }
  return { bytes, how: done.join(" ") };
}
