/** What Postgres may say, raised by the real one, and what of it reaches whoever asked. */
import * as identity from "@frontdesk/core/identity";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withClient } from "../../../core/test/support/database.ts";
import { createWorld, type World } from "../../../core/test/support/world.ts";
import { call, claimsOf, expectProblem, requestId } from "../support/api.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world?.stop());

/** The first query of every route writes who is asking; there Postgres raises the state, with words that are nobody's business. */
async function answerTo(state: string): Promise<Response> {
  await withClient({ connectionString: world.url }, (admin) =>
    admin.query(`
      create or replace function frontdesk.fail() returns trigger language plpgsql
        as $$ begin raise exception 'the secret is tangerine' using errcode = '${state}', detail = 'tangerine'; end $$;
      create or replace trigger fail before insert on frontdesk.users for each row execute function frontdesk.fail()`),
  );
  identity.forget();
  world.logged.length = 0;
  return call("/me", claimsOf("admin", "admin"));
}

test.each([
  ["40001", "serialization_failure"],
  ["40P01", "deadlock_detected"],
  ["53300", "too_many_connections"],
  ["55P03", "lock_not_available"],
  ["57014", "query_canceled"],
  ["57P01", "admin_shutdown"],
  ["57P03", "cannot_connect_now"],
  ["08006", "connection_failure"],
])("%s, %s: 503 with Retry-After", async (state) => {
  const response = await answerTo(state);
  const body = await expectProblem(response, 503, "database_unavailable");
  expect(response.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
  expect(JSON.stringify([body, world.logged])).not.toContain("tangerine");
});

test.each([
  ["22012", "division_by_zero"],
  ["23505", "unique_violation"],
  ["42501", "insufficient_privilege"],
  ["P0001", "raise_exception"],
])("%s, %s: an opaque 500, found in the log by the request's identifier", async (state) => {
  const body = await expectProblem(await answerTo(state), 500, "internal_error");
  expect(Object.keys(body).toSorted()).toEqual(["code", "requestId", "status", "title", "type"]);
  expect(JSON.parse(world.logged.at(-1) ?? "")).toMatchObject({ requestId, error: { code: state } });
  expect(JSON.stringify([body, world.logged])).not.toContain("tangerine");
});
