/**
 * drizzle over a borrowed connection, by its proxy driver. Its node-postgres driver imports `pg` itself, past the one
 * door to it (pg.cjs).
 */
import { drizzle, type PgRemoteDatabase } from "drizzle-orm/pg-proxy";
import type { CustomTypesConfig, PoolClient } from "pg";
import pg from "./pg.cjs";

export type Orm = PgRemoteDatabase;

const { builtins } = pg.types;
/** Dates and times, and arrays of them and of numbers: drizzle's columns read these from text. */
const asText = new Set<number>([
  builtins.TIMESTAMPTZ,
  builtins.TIMESTAMP,
  builtins.DATE,
  builtins.INTERVAL,
  ...[1115, 1182, 1185, 1187, 1231],
]);
const types: CustomTypesConfig = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    asText.has(oid) ? (value: string) => value : pg.types.getTypeParser(oid, format),
};

export function ormOf(client: PoolClient): Orm {
  return drizzle(async (text, values, method) => {
    const { rows } =
      method === "all"
        ? await client.query({ text, values, rowMode: "array", types })
        : await client.query(text, values);
    return { rows };
  });
}
