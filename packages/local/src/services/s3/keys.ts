/** Keys in the order that S3 lists them: by their UTF-8 bytes. */

/** A chunk that grows beyond this is cut in two. */
const CHUNK = 512;

/**
 * A sorted list in chunks: finding costs O(log n), adding and deleting that and the moving of half a chunk. At a
 * million keys there are some three thousand chunks, which is what inserting a new one moves.
 */
export class KeyList {
  /** Never holds an empty chunk. */
  readonly #chunks: string[][] = [];
  /** Some key has characters that JavaScript orders otherwise than UTF-8 does. */
  #exotic = false;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(key: string): void {
    this.#exotic ||= isExotic(key);
    const before = this.#before(key);
    // A key behind the end of a chunk belongs to the next; behind all, to the last.
    const at = Math.min(this.#chunkOf(before), this.#chunks.length - 1);
    const chunk = this.#chunks[at];
    if (!chunk) {
      this.#chunks.push([key]);
      this.#size += 1;
      return;
    }
    const index = lowerBound(chunk, before);
    if (chunk[index] === key) return;
    chunk.splice(index, 0, key);
    this.#size += 1;
    if (chunk.length > CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK / 2));
  }

  delete(key: string): void {
    const before = this.#before(key);
    const at = this.#chunkOf(before);
    const chunk = this.#chunks[at];
    const index = chunk ? lowerBound(chunk, before) : 0;
    if (!chunk || chunk[index] !== key) return;
    chunk.splice(index, 1);
    this.#size -= 1;
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** Keys at or after `from`, or only after it. The list must not change meanwhile. */
  *from(from: string, exclusive: boolean): Iterable<string> {
    const before = this.#before(from);
    let at = this.#chunkOf(before);
    let index = lowerBound(this.#chunks[at] ?? [], before);
    for (; at < this.#chunks.length; at++, index = 0)
      for (const chunk = this.#chunks[at] ?? []; index < chunk.length; index++) {
        const key = chunk[index] ?? "";
        if (!exclusive || key !== from) yield key;
      }
  }

  /** The first key that sorts behind everything beginning with the prefix. */
  afterPrefix(prefix: string): string | undefined {
    const earlier = this.#before(prefix);
    const before = (key: string) => key.startsWith(prefix) || earlier(key);
    const chunk = this.#chunks[this.#chunkOf(before)];
    return chunk?.[lowerBound(chunk, before)];
  }

  #before(key: string): (other: string) => boolean {
    return this.#exotic || isExotic(key) ? (other) => compareUtf8(other, key) < 0 : (other) => other < key;
  }

  /** Index of the first chunk whose last key is not before. */
  #chunkOf(before: (key: string) => boolean): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (before(this.#chunks[middle]?.at(-1) ?? "")) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Index of the first item that is not before; those that are come first. */
function lowerBound(items: readonly string[], before: (item: string) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (before(items[middle] ?? "")) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Surrogates, and what UTF-16 puts behind them though it comes before the characters they stand for. */
function isExotic(text: string): boolean {
  return /[\ud800-\uffff]/.test(text);
}

/** JavaScript compares UTF-16 units, which order surrogates (U+10000 and above) before U+E000 to U+FFFF. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}
/** Moves the surrogates behind the rest of the basic plane. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}
