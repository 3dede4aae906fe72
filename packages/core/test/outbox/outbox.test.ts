import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as clock from "../../src/clock/index.ts";
import * as database from "../../src/database/index.ts";
import { ingest, recover } from "../../src/mail/index.ts";
import * as outbox from "../../src/outbox/index.ts";
import { Answer } from "../support/aws.ts";
import { createWorld, delivery, mail, s3Notice, type World } from "../support/world.ts";

let world: World;
let restoreClock = () => {};
let advance: (ms: number) => void = () => {};
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(async () => {
  let at = Date.now();
  restoreClock = clock.provide({ now: () => at, sleep: async () => {} });
  advance = (ms) => {
    at += ms;
  };
  await world.reset();
});
afterEach(() => restoreClock());

const message = (key: string): outbox.Delivery => ({
  kind: "sqs",
  key,
  payload: { region: "ca-central-1", url: `${world.aws.url}/1/email`, body: `body of ${key}` },
});
const enqueue = (...deliveries: outbox.Delivery[]) => database.transaction(() => outbox.enqueue(deliveries));
const bodies = () => world.aws.sent.map(({ body }) => body);

describe("outbox", () => {
  test("a delivery is made right after the commit, and leaves nothing behind", async () => {
    await enqueue(message("a"), message("b"));
    expect(bodies().sort()).toEqual(["body of a", "body of b"]);
    expect(await world.count("outbox")).toBe(0);
    expect(await outbox.sweep()).toEqual({ delivered: 0, failed: 0 });
  });

  test("nothing is delivered for a transaction that did not commit", async () => {
    await database
      .transaction(async () => {
        await outbox.enqueue([message("a")]);
        throw new Error("no");
      })
      .catch(() => undefined);
    expect(await outbox.sweep()).toEqual({ delivered: 0, failed: 0 });
    expect(bodies()).toEqual([]);
  });

  test("what failed waits longer each time and is then delivered; the change stays committed", async () => {
    world.aws.intercept = () => {
      throw new Answer(403, "AccessDenied");
    };
    await enqueue(message("a"));
    expect(await world.rows("select attempts, last_error from frontdesk.outbox")).toEqual([
      { attempts: 1, last_error: "AccessDenied: AccessDenied" },
    ]);
    expect(await outbox.sweep()).toEqual({ delivered: 0, failed: 0 });
    advance(5_000);
    expect(await outbox.sweep()).toEqual({ delivered: 0, failed: 1 });
    world.aws.intercept = undefined;
    advance(1_000);
    expect(await outbox.sweep()).toEqual({ delivered: 0, failed: 0 });
    advance(3_600_000);
    expect(await outbox.sweep()).toEqual({ delivered: 1, failed: 0 });
    expect(bodies()).toEqual(["body of a"]);
  });

  test("the same delivery asked for again while it is owed is one delivery", async () => {
    world.aws.intercept = () => {
      throw new Answer(403, "AccessDenied");
    };
    await enqueue(message("a"));
    await enqueue(message("a"));
    world.aws.intercept = undefined;
    advance(10_000);
    await outbox.sweep();
    expect(bodies()).toEqual(["body of a"]);
  });

  test("sweeps at once share the work and repeat none of it", async () => {
    world.aws.intercept = () => {
      throw new Answer(403, "AccessDenied");
    };
    await enqueue(...Array.from({ length: 40 }, (_, index) => message(String(index))));
    world.aws.intercept = undefined;
    advance(10_000);
    const results = await Promise.all([outbox.sweep(15), outbox.sweep(15), outbox.sweep(15)]);
    expect(results.reduce((sum, { delivered }) => sum + delivered, 0)).toBe(40);
    expect(new Set(bodies()).size).toBe(40);
    expect(bodies()).toHaveLength(40);
  });

  test("a tag for an object that has expired is done", async () => {
    await enqueue({
      kind: "s3-tag",
      key: "x",
      payload: { region: "us-east-1", bucket: "mail", key: "inbound/gone", tags: { a: "b" } },
    });
    expect(await world.count("outbox")).toBe(0);
  });

  test("waits double up to an hour, and never begin below half of it", () => {
    expect(outbox.backoffMs(1, () => 0)).toBe(1_000);
    expect(outbox.backoffMs(1, () => 1)).toBe(2_000);
    expect(outbox.backoffMs(5, () => 1)).toBe(32_000);
    expect(outbox.backoffMs(1_000, () => 1)).toBe(3_600_000);
  });
});

describe("recover", () => {
  const old = () => advance(20 * 60_000);

  test("mail whose notices were lost is asked for and arrives", async () => {
    world.aws.put("mail", "inbound/lost and + found", mail());
    world.aws.put("mail", "inbound/AMAZON_SES_SETUP_NOTIFICATION", "x");
    world.aws.put("mail", "elsewhere/x", mail());
    old();
    expect(await recover()).toEqual(["inbound/lost and + found"]);
    expect(await ingest(bodies().map((body) => delivery(body)))).toEqual({ failed: [] });
    expect(await world.count("messages")).toBe(1);
    expect(await recover()).toEqual([]);
  });

  test("what is young, stored, failed, or being asked for is left alone", async () => {
    world.aws.put("mail", "inbound/young", mail());
    expect(await recover()).toEqual([]);
    world.aws.put("mail", "inbound/stored", mail());
    await ingest([s3Notice("inbound/stored"), s3Notice("inbound/young"), s3Notice("inbound/failed")]);
    world.aws.put("mail", "inbound/failed", mail());
    world.aws.put("mail", "inbound/asked", mail());
    old();
    expect(await recover()).toEqual(["inbound/asked"]);
    expect(await recover()).toEqual([]);
  });

  test("what nobody can take in is asked for three times, not for ever", async () => {
    world.aws.put("mail", "inbound/stuck", mail());
    let asked = 0;
    for (let sweep = 0; sweep < 6; sweep++) {
      old();
      asked += (await recover()).length;
    }
    expect(asked).toBe(3);
    expect(world.aws.sent).toHaveLength(3);
  });

  test("a limit leaves the rest for the next sweep", async () => {
    for (let index = 0; index < 5; index++) world.aws.put("mail", `inbound/${index}`, mail());
    old();
    expect(await recover({ limit: 3 })).toHaveLength(3);
    expect(await recover({ limit: 3 })).toHaveLength(2);
  });
});
