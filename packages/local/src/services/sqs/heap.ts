/** A binary heap whose items know their place in it, so that any of them can be taken out in O(log n). */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;
  readonly #place: (item: T, at: number) => void;

  /**
   * @param before Whether `a` comes out before `b`.
   * @param place Told where an item is; -1 when it is out. The item must give that number to `remove`.
   */
  constructor(before: (a: T, b: T) => boolean, place: (item: T, at: number) => void) {
    this.#before = before;
    this.#place = place;
  }

  get size(): number {
    return this.#items.length;
  }
  get first(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.remove(first, 0);
    return first;
  }

  /** @param at What `place` was last told of the item. */
  remove(item: T, at: number): void {
    const last = this.#items.pop();
    this.#place(item, -1);
    if (last === undefined || last === item) return;
    if (!this.#sink(last, at)) this.#rise(last, at);
  }

  clear(): void {
    for (const item of this.#items.splice(0)) this.#place(item, -1);
  }

  #rise(item: T, from: number) {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#items[above];
      if (parent === undefined || !this.#before(item, parent)) break;
      this.#put(parent, at);
      at = above;
    }
    this.#put(item, at);
  }

  /** @returns whether the item went down. */
  #sink(item: T, from: number): boolean {
    let at = from;
    for (;;) {
      let below = 2 * at + 1;
      let child = this.#items[below];
      if (child === undefined) break;
      const other = this.#items[below + 1];
      if (other !== undefined && this.#before(other, child)) {
        below += 1;
        child = other;
      }
      if (!this.#before(child, item)) break;
      this.#put(child, at);
      at = below;
    }
    this.#put(item, at);
    return at !== from;
  }

  #put(item: T, at: number) {
    this.#items[at] = item;
    this.#place(item, at);
  }
}
