import { afterAll, beforeAll, expect, test } from "vitest";
import { call, expectJson, expectProblem } from "../support/api.ts";
import { createDesk, type Desk } from "../support/desk.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await createDesk();
});
afterAll(() => desk?.stop());

const put = (name: string, body: unknown, headers: Record<string, string> = {}) =>
  call(`/schedules/${name}`, desk.claims.admin, { method: "PUT", body, headers });
const daily = { type: "expireTickets", cron: "0 9 * * 1-5", zone: "America/Toronto" };

test("a schedule is made, read, changed by its etag, and removed", async () => {
  const made = await put("daily", daily);
  const etag = made.headers.get("etag") ?? "";
  expect(await expectJson(made)).toMatchObject({ name: "daily", sync: { state: "pending" } });
  const read = await call("/schedules/daily", desk.claims.admin);
  expect(read.headers.get("etag")).toBe(etag);
  expect((await expectJson<{ nextRuns: string[] }>(read)).nextRuns).toHaveLength(5);
  const changed = await put("daily", { ...daily, paused: true }, { "if-match": etag });
  expect(await expectJson(changed)).toMatchObject({ paused: true, nextRuns: [] });
  await expectProblem(await put("daily", daily, { "if-match": etag }), 412, "schedule_changed");
  await expectProblem(await put("daily", daily, { "if-match": "abc" }), 400, "invalid_if_match");
  for (let time = 0; time < 2; time++)
    expect((await call("/schedules/daily", desk.claims.admin, { method: "DELETE" })).status).toBe(204);
  await expectProblem(await call("/schedules/daily", desk.claims.admin), 404, "schedule_not_found");
});

test("what is wrong is named, with how to mend it", async () => {
  const { issues } = await expectProblem(
    await put("wrong", { ...daily, cron: "0 9 1 * 1" }),
    400,
    "invalid_cron",
  );
  expect(issues).toMatchObject([{ path: "cron", message: expect.stringContaining("make two") }]);
  await expectProblem(await put("wrong", { ...daily, zone: "Mars/Olympus" }), 400);
  await expectProblem(await put("wrong", { ...daily, owner: "usr_1" }), 400);
  await expectProblem(await put("a%20b", daily), 400);
});

test("a built-in one may be paused and not removed", async () => {
  const removed = await call("/schedules/expire-tickets", desk.claims.admin, { method: "DELETE" });
  await expectProblem(removed, 409, "built_in");
});
