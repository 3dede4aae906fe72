import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as clock from "../../src/clock/index.ts";
import { deleteSQSFiles } from "../../src/deletions/delete-sqs-files.ts";
import { arm } from "../../src/faults/index.ts";
import * as jobs from "../../src/jobs/index.ts";
import { expireUploads } from "../../src/media/expire-uploads.ts";
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
const expire = async () => {
  await asSystem(() => jobs.enqueue(expireUploads, {}));
  await work();
};
const ready = async (content: string, visibility: "public" | "private" = "public", user = noor) => {
  const id = await upload(world, user, content, visibility);
  await tell(id);
  expect(await stateOf(world, id)).toBe("ready");
  return id;
};
const hour = 3_600_000;
const pass = (ms: number) =>
  restores.push(clock.provide({ now: () => Date.now() + ms, sleep: async () => {} }));
/** Makes every object older. */
const age = (hours: number) => {
  for (const object of world.aws.buckets.get("home")?.values() ?? [])
    object.modified = new Date(Date.now() - hours * hour);
};
/** What the schedule asks for every hour. */
const sweepUp = async () => {
  await asSystem(() => jobs.enqueue(deleteSQSFiles, {}));
  await work();
};
const outside = () =>
  world.aws.calls.filter(({ operation }) => /^(?:DeleteObjects|CreateInvalidation)$/.test(operation));

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
    expect(outside().map(({ operation }) => operation)).toEqual(["DeleteObjects", "CreateInvalidation"]);
    expect(outside().at(-1)?.key).toBe(`EDISTRIBUTION /${folder}/*`);
    expect(eventsReceived(world, "c").map(({ type }) => type)).toEqual(["media.deleted"]);
    await expect(as(noor, () => media.get({ mediaId: id }))).rejects.toMatchObject({ kind: "gone" });
    expect((await as(noor, () => media.list({}))).media).toEqual([]);
  });

  test("takes the file as it was sent with it, and the one that comes by its form after that a day later", async () => {
    const [id, other] = [await ready("picture one"), await ready("picture one")];
    const sent = () => [...(world.aws.buckets.get("home")?.keys() ?? [])].filter((key) => /^tmp\//.test(key));
    expect(sent()).toEqual([id, other].map(media.uploadKey));
    await remove(id);
    await work();
    expect(sent()).toEqual([media.uploadKey(other)]);
    world.aws.put("home", media.uploadKey(id), "picture one");
    expect(await tell(id)).toEqual({ failed: [] });
    age(25);
    await sweepUp();
    expect(sent()).toEqual([media.uploadKey(other)]);
    expect(objects(world)).toHaveLength(4);
  });

  test("again is as good as once", async () => {
    const id = await ready("picture one");
    await remove(id);
    await work();
    await remove(id);
    await work();
    expect(outside()).toHaveLength(2);
    expect(await world.count("events where type = 'media.deleted' and topic like 'media:%'")).toBe(1);
  });

  test("stays for as long as anybody else has it", async () => {
    const other = await signIn("other", "recruiter");
    const [mine, theirs] = [await ready("picture one"), await ready("picture one", "public", other)];
    await remove(mine);
    await work();
    expect(objects(world)).toHaveLength(4);
    // Of the file as it was sent.
    expect(outside().map(({ operation }) => operation)).toEqual(["DeleteObjects"]);
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
    await remove(await ready("picture one"));
    const left = () =>
      world.rows(
        "select distinct state, last_error as error from frontdesk.object_deletions where key like 'media/%'",
      );
    for (const [operation, error] of [
      ["DeleteObjects", null],
      ["CreateInvalidation", "TooManyInvalidationsInProgress"],
    ] as const) {
      world.aws.intercept = (call) => {
        if (call.operation === operation) throw new Answer(400, "TooManyInvalidationsInProgress");
      };
      await work();
      expect(await left()).toEqual([{ state: "deleting", error }]);
      pass(hour);
    }
    expect(objects(world)).toEqual([]);
    world.aws.intercept = undefined;
    world.aws.calls.length = 0;
    pass(2 * hour);
    await work();
    expect(outside().map(({ operation }) => operation)).toEqual(["DeleteObjects", "CreateInvalidation"]);
    expect(await left()).toEqual([{ state: "deleted", error: null }]);
  });

  test("with many others: CloudFront is asked for no more paths at once than it takes", async () => {
    for (let index = 0; index < 20; index++) await remove(await ready(`picture ${index}`));
    const asked: number[] = [];
    world.aws.intercept = ({ operation, key }) => {
      if (operation === "CreateInvalidation") asked.push(key.split(" ").length - 1);
    };
    await work();
    expect(objects(world)).toEqual([]);
    expect(asked).toEqual([15, 5]);
  });

  test.each([
    "media.process.begun",
    "media.process.claimed",
    "media.process.planned",
    "media.process.written",
  ] as const)("while it is being made (%s) leaves nothing behind, and is no failure", async (point) => {
    const id = await upload(world, noor, "picture one");
    const disarm = arm(point, async () => {
      disarm();
      await remove(id);
      await work();
    });
    expect(await tell(id)).toEqual({ failed: [] });
    await work();
    expect(await stateOf(world, id)).toBe("deleted");
    expect(objects(world)).toEqual([]);
  });

  test("while its maker is killed: what that had written is found a day later", async () => {
    const id = await upload(world, noor, "picture one");
    restores.push(
      arm("media.process.planned", async () => {
        await remove(id);
        await work();
      }),
      arm("media.process.written", () => {
        throw new Error("killed");
      }),
    );
    expect((await tell(id)).failed).toHaveLength(1);
    expect(await tell(id, 2)).toEqual({ failed: [] });
    expect(objects(world)).toHaveLength(4);
    await sweepUp();
    expect(objects(world)).toHaveLength(4);
    age(25);
    await sweepUp();
    expect(objects(world)).toEqual([]);
  });

  test("while its objects are written: those that come between S3's deletion and our note of it go, too", async () => {
    const id = await upload(world, noor, "picture one");
    const deleted = Promise.withResolvers<void>();
    const told = Promise.withResolvers<void>();
    let working: Promise<unknown> | undefined;
    const notWritten = arm("media.process.written", async () => {
      notWritten();
      const late = objects(world);
      const notDeleted = arm("deletions.deleted", async () => {
        notDeleted();
        for (const [key, { body }] of late) world.aws.put("home", key, body);
        deleted.resolve();
        await told.promise;
      });
      await remove(id);
      working = work();
      await deleted.promise;
    });
    await tell(id);
    told.resolve();
    await working;
    await work();
    expect(objects(world)).toEqual([]);
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

describe("orphans", () => {
  test("below media/ and private/ are found after a day; what is in use, or none of ours, stays", async () => {
    const kept = [await ready("picture one"), await ready("picture two", "private")];
    const names = objects(world).map(([key]) => key);
    const hash = "0".repeat(64);
    for (const key of [`media/${hash}/320.jpeg`, `private/${hash}/320.jpeg`, "media/logo.png"])
      world.aws.put("home", key, "left behind");
    age(23);
    await sweepUp();
    expect(objects(world)).toHaveLength(names.length + 3);
    age(25);
    await sweepUp();
    expect(objects(world).map(([key]) => key)).toEqual([...names, "media/logo.png"]);
    for (const id of kept) expect(await stateOf(world, id)).toBe("ready");
  });

  test("that get their picture back while they are deleted: it is made after that, and has every object", async () => {
    // As after the database was set back to before the picture: the same bytes get the same names.
    await ready("picture one");
    const names = objects(world).map(([key]) => key);
    await world.rows("delete from frontdesk.media");
    await world.rows("delete from frontdesk.media_contents");
    age(25);
    const id = await upload(world, noor, "picture one");
    const told: string[][] = [];
    const disarm = arm("deletions.taken", async () => {
      disarm();
      told.push((await tell(id)).failed);
    });
    await sweepUp();
    expect(told).toEqual([[expect.any(String)]]);
    expect(objects(world)).toEqual([]);
    pass(60_000);
    expect(await tell(id, 2)).toEqual({ failed: [] });
    await sweepUp();
    expect(objects(world).map(([key]) => key)).toEqual(names);
    expect(await stateOf(world, id)).toBe("ready");
  });
});

describe("what waits in vain", () => {
  test("an upload that never came is expired by the job, an hour after its form; one that comes after all is taken", async () => {
    const id = await upload(world, noor, "picture one");
    await expire();
    expect(await stateOf(world, id)).toBe("pending");
    pass(1.2 * hour);
    await expire();
    expect(await stateOf(world, id)).toBe("expired");
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
    await expire();
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
    await expire();
    expect(await world.rows("select id from frontdesk.media")).toEqual([{ id: kept }]);
  });
});
