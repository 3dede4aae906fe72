import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { authToken, engines, startRedis } from "../../../local/test/redis/support.ts";
import * as cache from "../../src/cache/index.ts";
import * as config from "../../src/config/index.ts";
import * as mailboxes from "../../src/mailboxes/index.ts";
import * as secrets from "../../src/secrets/index.ts";
import { address, as, configOf, createWorld, join, signIn, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());

const arn = "arn:aws:secretsmanager:ca-central-1:1:secret:token";
const Value = z.object({ at: z.number() });
let loads = 0;
const load = async () => ({ at: ++loads });
const read = () => cache.remember("members", "one", Value, load);

describe.each(engines())("with Redis (%s)", (engine) => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let restore = () => {};
  const start = async () => {
    redis = await startRedis(engine);
    setDefaultCACertificates([...getCACertificates("default"), redis.cloud.ca.pem]);
    restore = config.provide({
      ...configOf(world.aws),
      Cache: { host: "localhost", port: redis.redis.port("shop"), secretArn: arn },
    });
  };
  beforeAll(start);
  afterAll(async () => {
    restore();
    await cache.close();
    await redis.stop();
  });
  beforeEach(async () => {
    await world.reset();
    world.aws.secrets.set(arn, JSON.stringify({ authToken }));
    secrets.forget(arn);
    await cache.close();
    cache.wake();
    await cache.invalidate("members");
    await cache.invalidate("mailboxes");
    loads = 0;
  });

  test("a value is loaded once, and again after its space was invalidated", async () => {
    expect([await read(), await read()]).toEqual([{ at: 1 }, { at: 1 }]);
    await cache.invalidate("members");
    expect([await read(), await read()]).toEqual([{ at: 2 }, { at: 2 }]);
  });

  test("a value that was read before an invalidation and written after it is not served", async () => {
    await cache.remember("members", "one", Value, async () => {
      await cache.invalidate("members");
      return { at: -1 };
    });
    expect(await read()).toEqual({ at: 1 });
  });

  test("a value of another shape, left by another release, is loaded anew", async () => {
    await cache.remember("members", "one", z.string(), async () => "old");
    expect(await read()).toEqual({ at: 1 });
  });

  test("keys have an end", async () => {
    await read();
    const raw = await redis.raw();
    expect(await raw.send("TTL", "frontdesk:test:members:one")).toMatch(/^:(?:60|59)/);
  });

  test("the token is read from its secret, once, and again when it is refused", async () => {
    await read();
    await cache.close();
    await read();
    const reads = () => world.aws.calls.filter(({ operation }) => operation === "GetSecretValue").length;
    expect(reads()).toBe(1);
    await cache.close();
    secrets.forget(arn);
    world.aws.secrets.set(arn, JSON.stringify({ authToken: "rotated away" }));
    await secrets.secret(arn, "ca-central-1");
    world.aws.secrets.set(arn, JSON.stringify({ authToken }));
    expect(await read()).toEqual({ at: 1 });
    expect(reads()).toBe(3);
  });

  test("while it refuses, is away, or its secret is broken, the database answers; then it serves again", async () => {
    for (const secret of [JSON.stringify({ authToken: "not-the-token" }), "{", "{}"]) {
      await cache.close();
      cache.wake();
      secrets.forget(arn);
      world.aws.secrets.set(arn, secret);
      const before = loads;
      expect([await read(), await read()]).toEqual([{ at: before + 1 }, { at: before + 2 }]);
    }
    expect(world.logged.join("\n")).not.toMatch(/not-the-token/);
    world.aws.secrets.set(arn, JSON.stringify({ authToken }));
    secrets.forget(arn);
    cache.wake();
    const again = await read();
    expect(await read()).toEqual(again);

    await redis.stop();
    await expect(read()).resolves.toBeDefined();
    await cache.invalidate("members");
    restore();
    await start();
    cache.wake();
    expect(await read()).toEqual(await read());
  });

  test("who loses a mailbox sees it no more, cached or not", async () => {
    const recruiter = await signIn("recruiter", "recruiter");
    await join(world, recruiter, "jobs");
    const seen = () => as(recruiter, async () => (await mailboxes.list()).map((one) => one.address));
    expect([await seen(), await seen()]).toEqual([[address("jobs")], [address("jobs")]]);
    const admin = await signIn("admin", "admin");
    await as(admin, () =>
      mailboxes.setMembership({ mailbox: address("jobs"), email: recruiter.email, member: false }),
    );
    expect(await seen()).toEqual([]);
  });
});
