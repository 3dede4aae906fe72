/**
 * Redis, for reading faster. Nothing lives here alone: when Redis is away, slow or wrong, everything is read from
 * Postgres, and losing it loses no data.
 *
 * | space       | key     | value                      | expiry | invalidated by                       |
 * | ----------- | ------- | -------------------------- | ------ | ------------------------------------ |
 * | `members`   | address | ids of their mailboxes     | 60 s   | `mailboxes.setMembership`, `.sync`   |
 * | `mailboxes` | `all`   | the directory of mailboxes | 60 s   | `mailboxes.sync`                     |
 *
 * A space is invalidated as a whole by raising its generation. A value carries the generation under which it was
 * read, so one that was read before a change and written after it is never served. Where Redis is not linked (the
 * migrator) or cannot be reached an invalidation is lost, and a value is served until it expires: expiries bound how
 * long a revoked right lasts.
 */
import type { z } from "zod";
import { refuseInTransaction } from "../aws/index.ts";
import { config, has } from "../config/index.ts";
import { redis, rest } from "./connection.ts";

export { close, wake } from "./connection.ts";

export type Space = "members" | "mailboxes";

const expirySeconds: Record<Space, number> = { members: 60, mailboxes: 60 };

const generationKey = (space: Space) => `frontdesk:${config("Settings").stage}:${space}:generation`;
const valueKey = (space: Space, key: string) => `frontdesk:${config("Settings").stage}:${space}:${key}`;

/** What is kept under a key, else what `load` gives, kept for the next one. Functions without a cache just load. */
export async function remember<S extends z.ZodType>(
  space: Space,
  key: string,
  schema: S,
  load: () => Promise<z.output<S>>,
): Promise<z.output<S>> {
  const client = has("Cache") ? await redis() : undefined;
  if (!client) return load();
  refuseInTransaction("a cache read");
  let generation: string;
  try {
    const [current, kept] = await client.mget(generationKey(space), valueKey(space, key));
    generation = current ?? "0";
    const value = kept ? decode(kept, generation, schema) : undefined;
    if (value !== undefined) return value;
  } catch (error) {
    await rest(error);
    return load();
  }
  const value = await load();
  try {
    await client.set(
      valueKey(space, key),
      `${generation} ${JSON.stringify(value)}`,
      "EX",
      expirySeconds[space],
    );
  } catch (error) {
    await rest(error);
  }
  return value;
}

/** Makes everything in a space stale. Call it after the commit that changed what lies beneath. */
export async function invalidate(space: Space): Promise<void> {
  const client = has("Cache") ? await redis() : undefined;
  if (!client) return;
  refuseInTransaction("a cache write");
  try {
    await client.incr(generationKey(space));
  } catch (error) {
    await rest(error);
  }
}

function decode<S extends z.ZodType>(kept: string, generation: string, schema: S): z.output<S> | undefined {
  const space = kept.indexOf(" ");
  if (kept.slice(0, space) !== generation) return undefined;
  try {
    const result = schema.safeParse(JSON.parse(kept.slice(space + 1)));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}
