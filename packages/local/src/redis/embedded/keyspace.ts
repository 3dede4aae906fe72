/** The keys of one numbered database, their values and when they expire. */
import { Failure } from "../resp.ts";

export type Value =
  | { type: "string"; data: string }
  | { type: "list"; data: string[] }
  | { type: "set"; data: Set<string> }
  | { type: "hash"; data: Map<string, string> }
  | { type: "zset"; data: Map<string, number> };
export type Type = Value["type"];
interface DataOf {
  string: string;
  list: string[];
  set: Set<string>;
  hash: Map<string, string>;
  zset: Map<string, number>;
}
type Data<T extends Type> = DataOf[T];

interface Entry {
  value: Value;
  /** Milliseconds of the local clock. */
  expiresAt: number | undefined;
}

export class Keyspace {
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;
  readonly #onChange: (key: string) => void;

  /** @param onChange Called for each key that is written or goes. */
  constructor(now: () => number, onChange: (key: string) => void) {
    this.#now = now;
    this.#onChange = onChange;
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry?.expiresAt === undefined || entry.expiresAt > this.#now()) return entry;
    this.#entries.delete(key);
    this.#onChange(key);
    return undefined;
  }

  get(key: string): Value | undefined {
    return this.#live(key)?.value;
  }
  /** @throws WRONGTYPE */
  read<T extends Type>(key: string, type: T): Data<T> | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (value.type !== type)
      throw new Failure("WRONGTYPE Operation against a key holding the wrong kind of value");
    return value.data as Data<T>;
  }
  /** The collection of a key, made empty where there is none; `wrote` must follow. @throws WRONGTYPE */
  open<T extends Exclude<Type, "string">>(key: string, type: T): Data<T> {
    const existing = this.read(key, type);
    if (existing) return existing;
    const made: { [K in Exclude<Type, "string">]: () => Value } = {
      list: () => ({ type: "list", data: [] }),
      set: () => ({ type: "set", data: new Set() }),
      hash: () => ({ type: "hash", data: new Map() }),
      zset: () => ({ type: "zset", data: new Map() }),
    };
    const value = made[type]();
    this.#entries.set(key, { value, expiresAt: undefined });
    return value.data as Data<T>;
  }
  /** After a collection changed: one that is empty is no longer there. */
  wrote(key: string): void {
    const value = this.#entries.get(key)?.value;
    if (value && value.type !== "string") {
      const size = value.type === "list" ? value.data.length : value.data.size;
      if (size === 0) this.#entries.delete(key);
    }
    this.#onChange(key);
  }
  /** Replaces whatever is there, its expiry too unless it is kept. */
  set(
    key: string,
    value: Value,
    options: { keepExpiry?: boolean; expiresAt?: number | undefined } = {},
  ): void {
    const expiresAt = options.keepExpiry ? this.#live(key)?.expiresAt : options.expiresAt;
    this.#entries.set(key, { value, expiresAt });
    this.#onChange(key);
  }
  delete(key: string): boolean {
    if (!this.#live(key)) return false;
    this.#entries.delete(key);
    this.#onChange(key);
    return true;
  }
  has(key: string): boolean {
    return this.#live(key) !== undefined;
  }
  /** Undefined: it stays. */
  expiresAt(key: string): number | undefined {
    return this.#live(key)?.expiresAt;
  }
  expire(key: string, at: number | undefined): void {
    const entry = this.#live(key);
    if (!entry) return;
    if (at !== undefined && at <= this.#now()) this.#entries.delete(key);
    else entry.expiresAt = at;
    this.#onChange(key);
  }
  keys(): string[] {
    return [...this.#entries.keys()].filter((key) => this.#live(key));
  }
  clear(): void {
    for (const key of [...this.#entries.keys()]) {
      this.#entries.delete(key);
      this.#onChange(key);
    }
  }
}
