import type { Handle } from "../database/index.ts";

/** The domain that an object's prefix belongs to, and that alone knows who refers to it. */
export interface Owner {
  /**
   * Which of these keys somebody still refers to. Asked in the transaction that decides on their deletion, under the
   * locks that {@link keep} takes: what it does not name is deleted.
   */
  referenced(handle: Handle, keys: readonly string[]): Promise<string[]>;
  /**
   * What must follow once objects are gone, such as that caches forget them. It may come again for the same objects.
   * @returns Why it could not be done yet, by key: S3 is asked again and this is tried again later.
   */
  deleted?(keys: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

/** By prefix. What lies elsewhere is not deleted by us: it expires, or people erase it (docs/retention.md). */
let owners: Record<string, () => Promise<Owner>> = {
  "claims/": async () => (await import("../jobs/references.ts")).claimOwner,
  "media/": async () => (await import("../media/owner.ts")).pictureOwner,
  "private/": async () => (await import("../media/owner.ts")).pictureOwner,
  "tmp/uploads/": async () => (await import("../media/owner.ts")).uploadOwner,
};

/** Sorted as S3 lists. */
export const prefixes = (): string[] => Object.keys(owners).toSorted();

export function prefixOf(key: string): string | undefined {
  return Object.keys(owners).find((prefix) => key.startsWith(prefix) && key.length > prefix.length);
}

export async function ownerOf(prefix: string): Promise<Owner> {
  const load = owners[prefix];
  if (!load) throw new Error(`no domain owns objects below ${prefix}`);
  return load();
}

/** Further owners, for tests. The returned function restores what was before. */
export function provide(more: Record<string, Owner>): () => void {
  const before = owners;
  owners = {
    ...owners,
    ...Object.fromEntries(Object.entries(more).map(([prefix, owner]) => [prefix, async () => owner])),
  };
  return () => {
    owners = before;
  };
}
