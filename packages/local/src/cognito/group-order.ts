import type { Group, PoolStore, User } from "./store.ts";

/** The groups of a user, the one with the lowest precedence value first, as tokens list them. */
export function groupsOf(store: PoolStore, user: User): Group[] {
  return user.groups
    .map((name) => store.group(name))
    .filter((group) => group !== undefined)
    .sort(
      (a, b) =>
        (a.precedence ?? Number.POSITIVE_INFINITY) - (b.precedence ?? Number.POSITIVE_INFINITY) ||
        (a.name < b.name ? -1 : 1),
    );
}
