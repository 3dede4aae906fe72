import type { Owner } from "../deletions/owners.ts";

/**
 * A claim is needed for as long as a job's row names it. By the key as a whole: a job that took another one's place keeps
 * its identifier, and takes over a claim that was put under the other one's.
 */
export const claimOwner: Owner = {
  async referenced({ query }, keys) {
    const rows = await query<{ key: string }>(
      `select key from unnest($1::text[]) as given (key)
        where exists (select from frontdesk.jobs j where j.payload_claim is not null and j.payload_claim ->> 'key' = given.key)
           or exists (select from frontdesk.jobs j where j.result_claim is not null and j.result_claim ->> 'key' = given.key)`,
      [keys],
    );
    return rows.map(({ key }) => key);
  },
};
