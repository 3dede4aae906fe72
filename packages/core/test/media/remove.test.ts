import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as clock from "../../src/clock/index.ts";
import { arm } from "../../src/faults/index.ts";
import * as jobs from "../../src/jobs/index.ts";
import * as media from "../../src/media/index.ts";
import * as processing from "../../src/media/processing/index.ts";
import { Answer } from "../support/aws.ts";
import { createDouble, type Double } from "../support/pictures.ts";
import {
  as,
  createWorld,
  eventsReceived,
  listen,
  signIn,
  type TestUser,
  type World,
} from "../support/world.ts";
import { asSystem, created, objects, stateOf, upload } from "./support.ts";

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

const tell = (mediaId: string, attempt = 1) =>
  asSystem(() => processing.take([created(media.uploadKey(mediaId), attempt)]));
const remove = (mediaId: string, user = noor) => as(user, () => media.remove({ mediaId }));
/** What the jobs consumer does until nothing is due. */
const work = () => asSystem(() => jobs.work({ remainingMs: () => 60_000 }));
const ready = async (content: string, visibility: "public" | "private" = "public", user = noor) => {
  const id = await upload(world, user, content, visibility);
  await tell(id);
  expect(await stateOf(world, id)).toBe("ready");
  return id;
};
const outside = () =>
  world.aws.calls.filter(({ operation }) => /^(?:DeleteObject|CreateInvalidation)$/.test(operation));

describe("a picture that is deleted", () => {
  test.each([
    "public",
    "private",
  ] as const)("%s: every object goes, and then the CDN forgets them", async (visibility) => {
    const id = await ready("picture one", visibility);
    const names = objects(world).map(([key]) => key);
    const folder = names[0]?.slice(0, names[0].lastIndexOf("/"));
    await listen(world, "c", noor, `media:${id}`);
    await remove(id);
    expect(objects(world)).toHaveLength(4);
    await work();
    expect(objects(world)).toEqual([]);
    expect(outside().map(({ operation }) => operation)).toEqual([
      ...Array(4).fill("DeleteObject"),
      "CreateInvalidation",
    ]);
    expect(outside().at(-1)?.key).toBe(`EDISTRIBUTION /${folder}/*`);
    expect(eventsReceived(world, "c").map(({ type }) => type)).toEqual(["media.deleted"]);
    await expect(as(noor, () => media.get({ mediaId: id }))).rejects.toMatchObject({ kind: "gone" });
    expect((await as(noor, () => media.list({}))).media).toEqual([]);
  });

  test("again is as good as once", async () => {
    const id = await ready("picture one");
    await remove(id);
    await remove(id);
    await work();
    expect(outside()).toHaveLength(5);
    expect(await world.count("events where type = 'media.deleted' and topic like 'media:%'")).toBe(1);
  });

  test("stays for as long as anybody else has it", async () => {
    const other = await signIn("other", "recruiter");
    const [mine, theirs] = [await ready("picture one"), await ready("picture one", "public", other)];
    await remove(mine);
    await work();
    expect(objects(world)).toHaveLength(4);
    expect(outside()).toEqual([]);
    await remove(theirs, other);
    await work();
    expect(objects(world)).toEqual([]);
  });

  test("and comes again has other names: what is on its way to delete the old ones does not touch it", async () => {
    const first = await ready("picture one");
    const before = objects(world).map(([key]) => key);
    await remove(first);
    await ready("picture one");
    await work();
    const now = objects(world).map(([key]) => key);
    expect(now).toHaveLength(4);
    expect(now.filter((key) => before.includes(key))).toEqual([]);
  });

  test("S3 or the CDN fails: the job goes on trying, and all of it is gone in the end", async () => {
    const id = await ready("picture one");
    for (const operation of ["DeleteObject", "CreateInvalidation"]) {
      world.aws.intercept = (call) => {
        if (call.operation === operation) throw new Answer(400, "Refused");
      };
      if (operation === "DeleteObject") await remove(id);
      await work();
      restores.push(clock.provide({ now: () => Date.now() + 3_600_000, sleep: async () => {} }));
    }
    world.aws.intercept = undefined;
    restores.push(clock.provide({ now: () => Date.now() + 7_200_000, sleep: async () => {} }));
    await work();
    expect(objects(world)).toEqual([]);
    expect(outside().at(-1)?.operation).toBe("CreateInvalidation");
    expect(await world.rows("select state from frontdesk.jobs where type = 'removePicture'")).toEqual([
      { state: "done" },
    ]);
  });

  test.each([
    "media.process.claimed",
    "media.process.planned",
    "media.process.written",
  ] as const)("while it is being made (%s) leaves nothing behind", async (point) => {
    const id = await upload(world, noor, "picture one");
    restores.push(arm(point, () => remove(id)));
    await tell(id);
    await work();
    expect(await stateOf(world, id)).toBe("deleted");
    expect(objects(world)).toEqual([]);
  });

  test("while its maker is killed leaves nothing behind once the record comes again", async () => {
    const id = await upload(world, noor, "picture one");
    const disarm = arm("media.process.written", async () => {
      disarm();
      await remove(id);
      await work();
      world.aws.put("home", "media/late", "");
      throw new Error("killed");
    });
    expect((await tell(id)).failed).toHaveLength(1);
    world.aws.calls.length = 0;
    await tell(id, 2);
    await work();
    expect(outside()).toHaveLength(5);
  });

  test("before its bytes came: they become nothing", async () => {
    const id = await upload(world, noor, "picture one");
    await remove(id);
    expect(await tell(id)).toEqual({ failed: [] });
    expect(await stateOf(world, id)).toBe("deleted");
    expect(pictures.derived).toEqual([]);
  });
});

test("nobody deletes what is somebody else's, but administrators", async () => {
  const id = await ready("picture one");
  await expect(remove(id, await signIn("other", "recruiter"))).rejects.toMatchObject({
    code: "media_not_found",
  });
  await remove(id, await signIn("admin", "admin"));
  expect(await stateOf(world, id)).toBe("deleted");
});

describe("what waits in vain", () => {
  const pass = (ms: number) =>
    restores.push(clock.provide({ now: () => Date.now() + ms, sleep: async () => {} }));
  const hour = 3_600_000;

  test("an upload that never came is expired by the job, an hour after its form; one that comes after all is taken", async () => {
    const id = await upload(world, noor, "picture one");
    await asSystem(media.askToExpire);
    await work();
    expect(await stateOf(world, id)).toBe("pending");
    pass(1.2 * hour);
    await asSystem(media.askToExpire);
    await asSystem(media.askToExpire);
    await work();
    expect(await stateOf(world, id)).toBe("expired");
    expect(await world.rows("select state from frontdesk.jobs where type = 'expireUploads'")).toHaveLength(2);
    await tell(id);
    expect(await stateOf(world, id)).toBe("ready");
  });

  test("a picture that nobody managed to process is refused, and is made when its dead letter is sent back", async () => {
    const id = await upload(world, noor, "picture one");
    world.aws.intercept = ({ operation }) => {
      if (operation === "PutObject") throw new Answer(403, "AccessDenied");
    };
    await tell(id);
    pass(3 * hour);
    await asSystem(media.askToExpire);
    await work();
    expect(await as(noor, () => media.get({ mediaId: id }))).toMatchObject({
      state: "refused",
      reason: { code: "processing_failed" },
    });
    world.aws.intercept = undefined;
    await tell(id);
    expect(await as(noor, () => media.get({ mediaId: id }))).toMatchObject({ state: "ready", reason: null });
  });

  test("what became nothing is forgotten after thirty days", async () => {
    const [deleted, kept] = [await ready("picture one"), await ready("picture two")];
    await remove(deleted);
    pass(31 * 24 * hour);
    await asSystem(media.askToExpire);
    await work();
    expect(await world.rows("select id from frontdesk.media")).toEqual([{ id: kept }]);
  });
});
