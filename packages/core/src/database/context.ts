import { AsyncLocalStorage } from "node:async_hooks";
import type { PoolClient } from "pg";

/**
 * An open transaction. Only transactions are kept in context, never a pool or a borrowed connection: what is found
 * here has BEGIN behind it, so a `transaction` inside a `use` cannot mistake one for the other.
 */
export interface Open {
  client: PoolClient;
  depth: number;
  after: (() => unknown)[];
}

export const storage = new AsyncLocalStorage<Open | undefined>();

export function inTransaction(): boolean {
  return storage.getStore() !== undefined;
}
