import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as claims from "../../src/claims/index.ts";
import * as clock from "../../src/clock/index.ts";
import * as database from "../../src/database/index.ts";
import { deleteSQSFiles } from "../../src/deletions/delete-sqs-files.ts";
import * as deletions from "../../src/deletions/index.ts";
import { findOrphans } from "../../src/deletions/orphans.ts";
import * as owners from "../../src/deletions/owners.ts";
import { round } from "../../src/deletions/run.ts";
import * as faults from "../../src/faults/index.ts";
import * as jobs from "../../src/jobs/index.ts";
import { asSystem, workAll } from "../support/jobs.ts";
import { createWorld, type World } from "../support/world.ts";

let world: World;
let ahead = 0;
const restores: (() => void)[] = [];
/** What the owner of `things/` refers to, in the table of mailboxes' names: any row that a transaction can hold back. */
const owner: owners.Owner = {
  async referenced({ query }, keys) {
    const rows = await query<{ key: string }>(
      "select cause as key from frontdesk.failures where cause = any($1)",
      [keys],
    );
    return rows.map(({ key }) => key);
  },
};
const refer = (key: string) =>
  database.use(({ query }) =>
    query(
      `insert into frontdesk.failures (id, queue, queue_message_id, attempt, code, cause, created_at)
       values ($1, 'test', $1, 1, 'test', $1, now())`,
      [key],
    ),
  );

beforeAll(async () => {
  world = await createWorld();
  restores.push(
    owners.provide({ "things/": owner }),
    clock.provide({ ...clock.systemClock, now: () => Date.now() + ahead }),
  );
});
afterAll(async () => {
  for (const restore of restores) restore();
  await world.stop();
});
beforeEach(async () => {
  ahead = 0;
  await world.reset();
});

const put = (...keys: string[]) => {
  for (const key of keys) world.aws.put("home", key, key);
};
const objects = () => [...(world.aws.buckets.get("home") ?? new Map<string, unknown>()).keys()].toSorted();
const request = (...keys: string[]) => asSystem(() => deletions.request(keys.map((key) => ({ key }))));
const keep = (key: string, putAt = new Date(clock.now())) =>
  database.transaction(async () => {
    await refer(key);
    await deletions.keep([key], putAt);
  });

describe("what was asked for", () => {
  test("is deleted by the job, and nothing else is", async () => {
    put("things/a", "things/b", "things/c", "attachments/x");
    await request("things/a", "things/c");
    expect(objects()).toHaveLength(4);
    await workAll();
    expect(objects()).toEqual(["attachments/x", "things/b"]);
    expect(await world.rows("select type, state, result from frontdesk.jobs")).toEqual([
      { type: "deleteSQSFiles", state: "done", result: { deleted: 2, kept: 0, failed: 0, orphans: 0 } },
    ]);
  });

  test("in a transaction that is rolled back is not", async () => {
    put("things/a");
    await expect(
      database.transaction(async () => {
        await request("things/a");
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    await workAll();
    expect(objects()).toEqual(["things/a"]);
    expect(await world.count("jobs")).toBe(0);
  });

  test("below a prefix that no domain owns is refused, and the prefix itself", async () => {
    for (const key of ["attachments/x", "inbound/y", "things/", "", "thing"])
      await expect(request(key)).rejects.toThrow(/no domain owns/);
    expect(await world.count("object_deletions")).toBe(0);
  });

  test("is deleted in calls of a thousand, each key's error looked at; what S3 refuses is tried again later", async () => {
    const keys = Array.from({ length: 1_100 }, (_, index) => `things/${String(index).padStart(4, "0")}`);
    put(...keys);
    world.aws.undeletable.add("things/0007").add("things/1050");
    await request(...keys);
    await workAll();
    expect(objects()).toEqual(["things/0007", "things/1050"]);
    expect(world.aws.calls.filter(({ operation }) => operation === "DeleteObjects")).toHaveLength(2);
    expect(
      await world.rows(
        "select key, last_error as error from frontdesk.object_deletions where state = 'deleting' order by 1",
      ),
    ).toEqual(["things/0007", "things/1050"].map((key) => ({ key, error: "AccessDenied" })));
    world.aws.undeletable.clear();
    ahead = 3_600_000;
    await round();
    expect(objects()).toEqual([]);
  });

  test("twice, and of an object that is not there, is no failure", async () => {
    await request("things/a", "things/a");
    await request("things/a");
    expect(await round()).toEqual({ deleted: 1, kept: 0, failed: 0 });
    expect(await round()).toBeUndefined();
  });
});

describe("what somebody refers to is not deleted", () => {
  test("whoever asked, and however often", async () => {
    put("things/a", "things/b");
    await refer("things/a");
    await request("things/a", "things/b");
    expect(await round()).toEqual({ deleted: 1, kept: 1, failed: 0 });
    expect(objects()).toEqual(["things/a"]);
  });

  test("when the reference is on its way: the deletion neither waits for it nor overlooks it", async () => {
    put("things/a");
    await request("things/a");
    const written = Promise.withResolvers<void>();
    const commit = Promise.withResolvers<void>();
    const referring = database.transaction(async () => {
      await refer("things/a");
      await deletions.keep(["things/a"], new Date());
      written.resolve();
      await commit.promise;
    });
    await written.promise;
    expect(await round()).toEqual({ deleted: 0, kept: 0, failed: 0 });
    commit.resolve();
    await referring;
    ahead = 5_000;
    await round();
    expect(objects()).toEqual(["things/a"]);
    expect(await world.count("object_deletions")).toBe(0);
  });

  test("a reference that comes between the look and the deletion is refused: put it again", async () => {
    put("things/a");
    await request("things/a");
    let refused: unknown;
    const disarm = faults.arm("deletions.taken", async () => {
      refused = await keep("things/a").catch((error: unknown) => error);
    });
    await round();
    disarm();
    expect(refused).toMatchObject({ kind: "conflict", code: "object_deleted" });
    expect(await world.count("failures")).toBe(0);
    expect(objects()).toEqual([]);
  });

  test("an object that was put before its deletion and referred to after it is put again; one put since is kept", async () => {
    put("things/a");
    const putAt = new Date();
    await request("things/a");
    await round();
    await expect(keep("things/a", putAt)).rejects.toMatchObject({ code: "object_deleted" });
    ahead = 60_000;
    put("things/a");
    await keep("things/a");
    await request("things/a");
    expect(await round()).toEqual({ deleted: 0, kept: 1, failed: 0 });
    expect(objects()).toEqual(["things/a"]);
  });

  test("fifty who refer and twenty rounds at once: no reference leads nowhere", async () => {
    const keys = Array.from({ length: 10 }, (_, index) => `things/${index}`);
    put(...keys);
    await request(...keys);
    const referring = Array.from({ length: 50 }, async (_, index) => {
      const key = keys[index % keys.length] ?? "";
      await clock.sleep(index % 7);
      await database
        .transaction(async ({ query }) => {
          await query(
            "insert into frontdesk.failures (id, queue, queue_message_id, attempt, code, cause, created_at) values ($1, 'test', $1, 1, 'test', $2, now())",
            [`${index}`, key],
          );
          await deletions.keep([key], new Date());
        })
        .catch((error: unknown) => expect(error).toMatchObject({ code: "object_deleted" }));
    });
    await Promise.all([...referring, ...Array.from({ length: 20 }, () => round())]);
    ahead = 2_000;
    await round();
    const named = await world.rows<{ key: string }>(
      "select distinct cause as key from frontdesk.failures order by 1",
    );
    expect(objects()).toEqual(expect.arrayContaining(named.map(({ key }) => key)));
    // All that nobody refers to is gone.
    expect(objects()).toEqual(named.map(({ key }) => key));
  });

  test("keeping is part of the transaction that refers", async () => {
    await expect(deletions.keep(["things/a"], new Date())).rejects.toThrow(/transaction/);
  });
});

describe("a crash", () => {
  test.each([
    "deletions.taken",
    "deletions.deleted",
  ] as const)("at %s: another round ends what was begun", async (point) => {
    put("things/a", "things/b");
    await request("things/a", "things/b");
    const disarm = faults.arm(point, () => {
      throw new Error("killed");
    });
    await expect(round()).rejects.toThrow("killed");
    disarm();
    // Whoever took them may be at it still.
    expect(await round()).toBeUndefined();
    ahead = 121_000;
    expect(await round()).toEqual({ deleted: 2, kept: 0, failed: 0 });
    expect(objects()).toEqual([]);
  });
});

describe("claims", () => {
  const large = { text: "x".repeat(200_000) };
  const job = "job_01M85RK07HS9T8XPHXKBPSSDSF";
  const age = (days: number) => {
    for (const object of world.aws.buckets.get("home")?.values() ?? [])
      object.modified = new Date(Date.now() - days * 86_400_000);
  };
  const sweepUp = async () => {
    await asSystem(() => jobs.enqueue(deleteSQSFiles, { orphans: true }));
    await workAll();
  };

  test("of a job that is known stay, whatever its state; those of one that is forgotten go with it", async () => {
    const claim = await claims.put(job, "payload", { orphans: false });
    const { id } = await asSystem(() => jobs.enqueue(deleteSQSFiles, { orphans: false }, { claim }));
    expect(id).toBe(job);
    age(40);
    await sweepUp();
    expect(objects()).toEqual([claim.key]);
    await world.rows("update frontdesk.jobs set finished_at = now() - interval '31 days' where id = $1", [
      id,
    ]);
    const pruneJobs = jobs.find("pruneJobs");
    if (!pruneJobs) throw new Error("no pruneJobs");
    await asSystem(() => jobs.enqueue(pruneJobs, {}));
    await workAll();
    expect(await world.rows("select 1 from frontdesk.jobs where id = $1", [id])).toEqual([]);
    expect(objects()).toEqual([]);
  });

  test("that a transaction left behind are found after a day, and not before", async () => {
    const orphan = await claims.put(job, "payload", large);
    await sweepUp();
    expect(objects()).toEqual([orphan.key]);
    age(0.9);
    await sweepUp();
    expect(objects()).toEqual([orphan.key]);
    age(1.1);
    await sweepUp();
    expect(objects()).toEqual([]);
  });

  test("are found page by page, in whatever number; what is not a claim is not looked at", async () => {
    for (let index = 0; index < 2_050; index++)
      put(`claims/${job}/result/${String(index).padStart(64, "0")}`);
    put("attachments/x", "media/y");
    age(2);
    const first = await findOrphans();
    expect(first).toMatchObject({ orphans: 1_000 });
    await sweepUp();
    expect(objects()).toEqual(["attachments/x", "media/y"]);
  });

  test("a claim that another job took over with its place is still needed", async () => {
    const claim = await claims.put(job, "payload", { orphans: false });
    await asSystem(() =>
      jobs.enqueue(
        deleteSQSFiles,
        {},
        { dedupe: { key: "k", mode: "replace" }, runAt: new Date(Date.now() + 60_000) },
      ),
    );
    const replaced = await asSystem(() =>
      jobs.enqueue(
        deleteSQSFiles,
        { orphans: false },
        { claim, dedupe: { key: "k", mode: "replace" }, runAt: new Date(Date.now() + 60_000) },
      ),
    );
    expect(replaced.created).toBe(false);
    age(2);
    await sweepUp();
    expect(objects()).toEqual([claim.key]);
  });
});
