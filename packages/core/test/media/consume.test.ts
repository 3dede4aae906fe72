import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as clock from "../../src/clock/index.ts";
import * as database from "../../src/database/index.ts";
import * as media from "../../src/media/index.ts";
import * as processing from "../../src/media/processing/index.ts";
import { createPool } from "../../src/pool/index.ts";
import { Answer } from "../support/aws.ts";
import { createDouble, type Double } from "../support/pictures.ts";
import {
  as,
  cdnUrl,
  createWorld,
  eventsReceived,
  listen,
  signIn,
  type TestUser,
  type World,
} from "../support/world.ts";
import { asSystem, created, objects, record, stateOf, upload } from "./support.ts";

let world: World;
let pictures: Double;
let noor: TestUser;
const restores: (() => void)[] = [];
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(async () => {
  await world.reset();
  pictures = createDouble();
  restores.push(processing.providePictures(pictures));
  noor = await signIn("noor", "recruiter");
});
afterEach(() => {
  for (const restore of restores.splice(0).reverse()) restore();
});

const take = (...records: processing.Delivery[]) => asSystem(() => processing.take(records));
const tell = (mediaId: string, attempt = 1) => take(created(media.uploadKey(mediaId), attempt));
const later = (ms: number) =>
  restores.push(clock.provide({ now: () => Date.now() + ms, sleep: async () => {} }));
const get = (mediaId: string, user = noor) => as(user, () => media.get({ mediaId }));
const failures = () =>
  world.rows<{ code: string; cause: string; attempt: number }>(
    "select * from frontdesk.failures order by id",
  );

describe("an upload that arrives", () => {
  test("becomes objects under names of their content, for ever, without a word about who sent it", async () => {
    const id = await upload(world, noor, "picture one");
    expect(await tell(id)).toEqual({ failed: [] });
    const stored = objects(world);
    expect(stored.map(([key]) => key.replace(/[0-9a-f]{64}/, "*")).toSorted()).toEqual([
      "media/*/320.avif",
      "media/*/320.jpeg",
      "media/*/640.avif",
      "media/*/640.jpeg",
    ]);
    for (const [key, { headers, tags }] of stored) {
      const [, width, format] = /(\d+)\.(\w+)$/.exec(key) ?? [];
      expect(headers).toEqual({
        "content-type": `image/${format}`,
        "content-disposition": `inline; filename="${width}.${format}"`,
        "cache-control": "public, max-age=31536000, immutable",
      });
      expect(tags).toEqual({});
    }
  });

  test("is answered ready for srcset, with addresses that never end", async () => {
    const id = await upload(world, noor, "picture one");
    await tell(id);
    const { state, picture } = await get(id);
    expect(state).toBe("ready");
    expect(picture).toMatchObject({
      width: 800,
      height: 600,
      averageColour: "#808080",
      placeholder: "data:image/webp;base64,AAAA",
      expiresAt: null,
    });
    expect(picture?.sources.map(({ contentType }) => contentType)).toEqual(["image/avif", "image/jpeg"]);
    for (const { sizes, srcset } of picture?.sources ?? []) {
      expect(sizes.map(({ width, height }) => [width, height])).toEqual([
        [320, 240],
        [640, 480],
      ]);
      expect(srcset).toBe(sizes.map(({ url, width }) => `${url} ${width}w`).join(", "));
      for (const { url, size } of sizes) {
        expect(url.startsWith(`${cdnUrl}/media/`)).toBe(true);
        expect(world.aws.buckets.get("home")?.get(url.slice(cdnUrl.length + 1))?.body.length).toBe(size);
      }
    }
  });

  test("is announced on its own topic and its owner's, each change once", async () => {
    const id = await upload(world, noor, "picture one");
    await listen(world, "c", noor, `media:${id}`, `user:${noor.userId}`);
    await tell(id);
    await tell(id, 2);
    for (const topic of [`media:${id}`, `user:${noor.userId}`])
      expect(
        eventsReceived(world, "c")
          .filter((event) => event.topic === topic)
          .map(({ type, data }) => [type, data]),
      ).toEqual([
        ["media.processing", expect.objectContaining({ mediaId: id, state: "processing" })],
        ["media.ready", expect.objectContaining({ mediaId: id, state: "ready", width: 800, height: 600 })],
      ]);
  });

  test("private: lies apart, and is shown by addresses that are signed, end, and stay the same for a while", async () => {
    const id = await upload(world, noor, "picture one", "private");
    await tell(id);
    expect(objects(world).every(([key]) => key.startsWith("private/"))).toBe(true);
    const first = await get(id);
    const url = new URL(first.picture?.sources[0]?.sizes[0]?.url ?? "");
    expect(url.pathname).toMatch(/^\/private\/[0-9a-f]{64}\/320\.avif$/);
    expect(url.searchParams.get("Key-Pair-Id")).toBe("KCURRENT");
    const until = first.picture?.expiresAt?.getTime() ?? 0;
    const policy = Buffer.from(
      (url.searchParams.get("Policy") ?? "").replaceAll("-", "+").replaceAll("~", "/"),
      "base64",
    );
    expect(JSON.parse(policy.toString().replace(/}[^}]*$/, "}"))).toMatchObject({
      Statement: [{ Condition: { DateLessThan: { "AWS:EpochTime": until / 1_000 } } }],
    });
    expect(until - Date.now()).toBeGreaterThan(14 * 60_000);
    expect(until - Date.now()).toBeLessThanOrEqual(30 * 60_000);
    later(16 * 60_000);
    expect((await get(id)).etag).not.toBe(first.etag);
  });
});

describe("the same picture", () => {
  test("twice, by whomever, costs once", async () => {
    const [mine, again] = [
      await upload(world, noor, "picture one"),
      await upload(world, noor, "picture one"),
    ];
    const theirs = await upload(world, await signIn("other", "viewer"), "picture one");
    for (const id of [mine, again, theirs]) await tell(id);
    expect(pictures.derived).toEqual(["picture one"]);
    expect(objects(world)).toHaveLength(4);
    expect(await Promise.all([mine, again, theirs].map((id) => stateOf(world, id)))).toEqual(
      Array(3).fill("ready"),
    );
  });

  test("at the same time in several consumers is made once, and all of them are ready when it is", async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, () => upload(world, noor, "picture one")));
    expect(await Promise.all(ids.map((id) => tell(id)))).toEqual(Array(6).fill({ failed: [] }));
    expect(pictures.derived).toEqual(["picture one"]);
    expect(await Promise.all(ids.map((id) => stateOf(world, id)))).toEqual(Array(6).fill("ready"));
    expect(world.aws.calls.filter(({ operation }) => operation === "PutObject")).toHaveLength(4);
  });

  test("public and private share nothing", async () => {
    const [shown, hidden] = [
      await upload(world, noor, "picture one", "public"),
      await upload(world, noor, "picture one", "private"),
    ];
    await tell(shown);
    await tell(hidden);
    const names = objects(world).map(([key]) => media.contentOfKey(key));
    expect(new Set(names).size).toBe(2);
  });

  test("that is being made is waited for by whoever comes later, until its maker is taken for dead", async () => {
    const [first, second] = [
      await upload(world, noor, "picture one"),
      await upload(world, noor, "picture one"),
    ];
    pictures.before = async () => {
      await tell(second);
      expect(await stateOf(world, second)).toBe("processing");
      throw new Error("killed");
    };
    expect((await tell(first)).failed).toHaveLength(1);
    pictures.before = undefined;
    await tell(first, 2);
    expect([await stateOf(world, first), await stateOf(world, second)]).toEqual(["ready", "ready"]);
  });
});

describe("told again", () => {
  test("after it is done nothing is read or written, and another object under the same key changes nothing", async () => {
    const id = await upload(world, noor, "picture one");
    await tell(id);
    const before = await get(id);
    world.aws.put("home", media.uploadKey(id), "picture two");
    world.aws.calls.length = 0;
    expect(await tell(id)).toEqual({ failed: [] });
    expect(world.aws.calls).toEqual([]);
    expect(await get(id)).toEqual(before);
    expect(pictures.derived).toEqual(["picture one"]);
  });

  test("several times at once: one result", async () => {
    const id = await upload(world, noor, "picture one");
    await Promise.all(Array.from({ length: 5 }, () => tell(id)));
    expect(pictures.derived).toEqual(["picture one"]);
    expect(
      await world.rows("select type from frontdesk.events where topic = $1 order by seq", [`media:${id}`]),
    ).toEqual([{ type: "media.processing" }, { type: "media.ready" }]);
  });
});

describe("what is no picture", () => {
  test.each([
    ["hello", "picture_unsupported", "The file is a text, not a picture."],
    ["broken one", "picture_corrupt", "The picture is damaged: it ends early."],
  ])("%s is refused with a sentence, and is done with", async (content, code, message) => {
    const id = await upload(world, noor, content);
    await listen(world, "c", noor, `media:${id}`);
    expect(await tell(id)).toEqual({ failed: [] });
    expect(await get(id)).toMatchObject({ state: "refused", reason: { code, message }, picture: null });
    expect(eventsReceived(world, "c").at(-1)).toMatchObject({
      type: "media.refused",
      data: { reason: { code, message } },
    });
    expect(objects(world)).toEqual([]);
    expect(await failures()).toEqual([]);
    // And again, as if nothing had been.
    await tell(id, 2);
    expect(await stateOf(world, id)).toBe("refused");
  });

  test("refused bytes are refused for all who have them", async () => {
    const ids = [await upload(world, noor, "broken one"), await upload(world, noor, "broken one")];
    await Promise.all(ids.map((id) => tell(id)));
    expect(await Promise.all(ids.map((id) => stateOf(world, id)))).toEqual(["refused", "refused"]);
  });

  test("more bytes than a picture may have are not read to their end", async () => {
    const id = await upload(world, noor, "picture one");
    world.aws.put("home", media.uploadKey(id), Buffer.alloc(50 * 1024 * 1024 + 1));
    await tell(id);
    expect(await get(id)).toMatchObject({ state: "refused", reason: { code: "picture_too_large" } });
  });
});

describe("records that can never succeed", () => {
  test.each([
    ["no JSON: secret", "notice_malformed"],
    [{ Records: [] }, "notice_malformed"],
    [{ secret: true }, "notice_malformed"],
    [{ attachment: "att_1", more: "secret" }, "notice_malformed"],
    [{ attachment: "att_01M85RK07HS9T8XPHXKBPSSDSF" }, "attachment_unknown"],
    [created("tmp/uploads/med_01M85RK07HS9T8XPHXKBPSSDSF").body, "upload_unknown"],
    [created("tmp/uploads/secret").body, "upload_unknown"],
    [created("tmp/other/med_01M85RK07HS9T8XPHXKBPSSDSF").body, "upload_unknown"],
    [created("tmp/uploads/med_01M85RK07HS9T8XPHXKBPSSDSF", 1, "other").body, "notice_foreign"],
    [created("x").body.replace('"x"', '"%zz"'), "notice_malformed"],
  ])("%j goes to the dead letters with its cause", async (body, code) => {
    const bad = record(body);
    expect(await take(bad)).toEqual({ failed: [bad.messageId] });
    expect(await failures()).toMatchObject([{ code, attempt: 1 }]);
    expect(JSON.stringify([await failures(), world.logged])).not.toContain("secret");
    expect(world.aws.shown.map(({ receipt }) => receipt)).toEqual([bad.receiptHandle]);
  });

  test("do not touch the others of their batch", async () => {
    const [one, two] = [await upload(world, noor, "picture one"), await upload(world, noor, "picture two")];
    const bad = record("no JSON");
    const { failed } = await take(created(media.uploadKey(one)), bad, created(media.uploadKey(two)));
    expect(failed).toEqual([bad.messageId]);
    expect([await stateOf(world, one), await stateOf(world, two)]).toEqual(["ready", "ready"]);
  });

  test("S3's test and removals are done with", async () => {
    const removed = created("tmp/uploads/x").body.replace("ObjectCreated:Post", "ObjectRemoved:Delete");
    expect(await take(record({ Service: "Amazon S3", Event: "s3:TestEvent" }), record(removed))).toEqual({
      failed: [],
    });
    expect(await failures()).toEqual([]);
  });
});

describe("what another try may mend", () => {
  test.each([
    "GetObject",
    "PutObject",
  ])("%s fails: the record comes again, with the cause, and then succeeds", async (operation) => {
    const id = await upload(world, noor, "picture one");
    world.aws.intercept = (call) => {
      if (call.operation === operation) throw new Answer(403, "AccessDenied");
    };
    expect((await tell(id)).failed).toHaveLength(1);
    expect(await failures()).toMatchObject([
      { code: operation === "GetObject" ? "object_unreadable" : "picture_failed" },
    ]);
    expect(await stateOf(world, id)).toBe("processing");
    world.aws.intercept = undefined;
    expect(await tell(id, 2)).toEqual({ failed: [] });
    expect(await stateOf(world, id)).toBe("ready");
  });

  test("a maker who is slow does not finish what somebody else has taken over", async () => {
    const id = await upload(world, noor, "picture one");
    pictures.before = async () => {
      pictures.before = undefined;
      later(150_000);
      await tell(id, 2);
    };
    expect(await tell(id)).toEqual({ failed: [] });
    expect(await stateOf(world, id)).toBe("ready");
    expect(pictures.derived).toHaveLength(2);
    expect(objects(world)).toHaveLength(4);
    expect(
      await world.rows("select seq from frontdesk.events where topic = $1 and type = 'media.ready'", [
        `media:${id}`,
      ]),
    ).toHaveLength(1);
  });

  test("without a database the whole batch comes again", async () => {
    const id = await upload(world, noor, "picture one");
    const pool = createPool({ host: "127.0.0.1", port: 1 });
    const restore = database.provide(pool);
    await expect(tell(id)).rejects.toMatchObject({ kind: "unavailable" });
    restore();
    await pool.end();
    expect(await tell(id, 2)).toEqual({ failed: [] });
    expect(await stateOf(world, id)).toBe("ready");
  });
});
