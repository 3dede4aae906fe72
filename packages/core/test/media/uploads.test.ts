import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as clock from "../../src/clock/index.ts";
import * as database from "../../src/database/index.ts";
import * as media from "../../src/media/index.ts";
import { as, createWorld, signIn, type TestUser, type World } from "../support/world.ts";

let world: World;
let restoreClock = () => {};
let noor: TestUser;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(async () => {
  await world.reset();
  noor = await signIn("noor", "recruiter");
});
afterEach(() => restoreClock());

const request = { visibility: "private", contentType: "image/png", size: 1234, filename: "me.png" } as const;
const ask = (input: Parameters<typeof media.createUpload>[0] = request, user = noor) =>
  as(user, () => media.createUpload(input));

/** The policy that S3 will hold the form to. */
const policyOf = ({ upload }: media.Upload) =>
  JSON.parse(Buffer.from(upload.fields.Policy ?? "", "base64").toString()) as {
    expiration: string;
    conditions: unknown[];
  };

describe("the form", () => {
  test("takes one key, one size, one type, for ten minutes, and leaves nothing else open", async () => {
    const before = Date.now();
    const upload = await ask();
    const { expiration, conditions } = policyOf(upload);
    const { fields } = upload.upload;
    expect(conditions).toEqual(
      expect.arrayContaining([
        ["content-length-range", 1234, 1234],
        { "Content-Type": "image/png" },
        { success_action_status: "201" },
        { bucket: "home" },
        { key: `tmp/uploads/${upload.id}` },
      ]),
    );
    // Whatever else is demanded is of the signature.
    const others = conditions
      .filter((one) => !Array.isArray(one))
      .flatMap((one) => Object.keys(one as object));
    expect(others.filter((name) => !name.startsWith("X-Amz-")).toSorted()).toEqual([
      "Content-Type",
      "bucket",
      "key",
      "success_action_status",
    ]);
    expect(
      Object.keys(fields)
        .filter((name) => !others.includes(name))
        .toSorted(),
    ).toEqual(["Policy", "X-Amz-Signature"]);
    for (const end of [new Date(expiration), upload.expiresAt]) {
      expect(end.getTime()).toBeGreaterThanOrEqual(before + 599_000);
      expect(end.getTime()).toBeLessThanOrEqual(Date.now() + 600_000);
    }
    expect(world.aws.calls).toEqual([]);
  });

  test("names the person nowhere, nor the file", async () => {
    const text = JSON.stringify([policyOf(await ask()), (await ask()).upload]);
    expect(text).not.toMatch(/noor|me\.png|usr_/);
  });
});

test("a media waits for its bytes, and belongs to whoever asked", async () => {
  const { id } = await ask();
  expect(await as(noor, () => media.get({ mediaId: id }))).toMatchObject({
    id,
    state: "pending",
    visibility: "private",
    filename: "me.png",
    contentType: "image/png",
    size: 1234,
    reason: null,
    picture: null,
    attachment: null,
  });
  const other = await signIn("other", "recruiter");
  await expect(as(other, () => media.get({ mediaId: id }))).rejects.toMatchObject({
    code: "media_not_found",
  });
  const admin = await signIn("admin", "admin");
  expect(await as(admin, () => media.get({ mediaId: id }))).toMatchObject({ id });
});

test.each([
  [{ ...request, size: 0 }, "size"],
  [{ ...request, size: 1.5 }, "size"],
  [{ ...request, size: 50 * 1024 * 1024 + 1 }, "size"],
  [{ ...request, contentType: "text/html" }, "contentType"],
  [{ ...request, contentType: "image/" }, "contentType"],
  [{ ...request, contentType: "image/png; charset=x" }, "contentType"],
  [{ ...request, contentType: "image/png\r\nx: y" }, "contentType"],
  [{ ...request, filename: "a\0b" }, "filename"],
  [{ ...request, filename: "\ud800" }, "filename"],
  [{ ...request, filename: "x".repeat(256) }, "filename"],
  [{ ...request, visibility: "secret" as "public" }, "visibility"],
  [{ ...request, idempotencyKey: "with space" }, "idempotencyKey"],
])("%j is refused for its %s", async (input, path) => {
  const refused = async () => ask(input);
  await expect(refused()).rejects.toMatchObject({ kind: "validation", issues: [{ path }] });
  expect(await world.count("media")).toBe(0);
});

describe("an idempotency key", () => {
  const keyed = { ...request, idempotencyKey: "one" };

  test("with the same request gives the same answer, later too, and one media", async () => {
    const first = await ask(keyed);
    expect(await ask(keyed)).toEqual(first);
    restoreClock = clock.provide({ now: () => Date.now() + 120_000, sleep: async () => {} });
    expect(await ask(keyed)).toEqual(first);
    expect(await world.count("media")).toBe(1);
  });

  test("at the same time gives everybody the same answer", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(keyed)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await world.count("media")).toBe(1);
  });

  test.each([
    { ...keyed, size: 1235 },
    { ...keyed, visibility: "public" as const },
    { ...keyed, contentType: "image/jpeg" },
    { ...keyed, filename: "other.png" },
  ])("with another request is refused: %j", async (other) => {
    await ask(keyed);
    await expect(ask(other)).rejects.toMatchObject({ kind: "conflict", code: "idempotency_key_reused" });
    expect(await world.count("media")).toBe(1);
  });

  test("is each person's own", async () => {
    const first = await ask(keyed);
    const second = await ask({ ...keyed, size: 99 }, await signIn("other", "viewer"));
    expect(second.id).not.toBe(first.id);
  });
});

/** One asks; the others are rows like its own. */
async function askFor(count: number) {
  await ask();
  await database.use(({ query }) =>
    query(
      `insert into frontdesk.media (id, owner_id, visibility, state, content_type, size, version, expires_at, created_at, updated_at)
       select 'med_' || n, owner_id, visibility, state, content_type, size, version, expires_at, created_at, updated_at
         from frontdesk.media, generate_series(2, $1) n`,
      [count],
    ),
  );
}

test("somebody who has asked for a hundred and sent none waits, until they expire; others do not", async () => {
  await askFor(media.mostPending);
  const refused = await ask().catch((error: unknown) => error);
  expect(refused).toMatchObject({ kind: "rate_limited", code: "too_many_uploads" });
  expect((refused as { retryAfter: number }).retryAfter).toBeGreaterThan(500);
  await ask(request, await signIn("other", "recruiter"));
  restoreClock = clock.provide({ now: () => Date.now() + 601_000, sleep: async () => {} });
  await ask();
});

test("many requests of one person at the same time get no more than are left", async () => {
  await askFor(media.mostPending - 2);
  const asked = await Promise.allSettled(Array.from({ length: 10 }, () => ask()));
  expect(asked.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
});

describe("the list", () => {
  test("shows each person their own by page, the newest first, and administrators all", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++)
      ids.unshift((await ask({ ...request, visibility: n % 2 ? "public" : "private" })).id);
    const other = await signIn("other", "recruiter");
    const theirs = (await ask(request, other)).id;
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await as(noor, () => media.list({ limit: 2, ...(cursor && { cursor }) }));
      seen.push(...page.media.map(({ id }) => id));
      cursor = page.cursor ?? undefined;
    } while (cursor);
    expect(seen).toEqual(ids);
    const admin = await signIn("admin", "admin");
    expect((await as(admin, () => media.list({}))).media.map(({ id }) => id)).toEqual([theirs, ...ids]);
    expect((await as(noor, () => media.list({ visibility: "public" }))).media).toHaveLength(2);
    expect((await as(noor, () => media.list({ state: "ready" }))).media).toEqual([]);
  });

  test("does not take the cursor of another filter", async () => {
    for (let n = 0; n < 3; n++) await ask();
    const { cursor } = await as(noor, () => media.list({ limit: 1 }));
    await expect(
      as(noor, () => media.list({ state: "pending", cursor: cursor ?? "" })),
    ).rejects.toMatchObject({
      code: "invalid_cursor",
    });
  });
});
