import * as database from "@frontdesk/core/database";
import { createPool } from "@frontdesk/core/pool";
import { expect, test } from "vitest";
import { call, expectJson } from "../support/api.ts";

test("answers without a token, and while the database is away", async () => {
  const away = createPool({ host: "127.0.0.1", port: 1 });
  const restore = database.provide(away);
  try {
    expect(await expectJson(await call("/health", undefined))).toEqual({ status: "ok" });
  } finally {
    restore();
    await away.end();
  }
});
