import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { authToken, engines, startRedis } from "../../../local/test/redis/support.ts";
import * as cache from "../../src/cache/index.ts";
import * as config from "../../src/config/index.ts";
import * as identity from "../../src/identity/index.ts";
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

describe("members of the settings", () => {
  beforeEach(() => world.reset());
  const visibleTo = async (name: string) => {
    const actor = await signIn(name, "viewer");
    const visible = await identity.visibility(actor);
    return visible.all ? "all" : visible.mailboxIds;
  };
  const wanted = (members: string[]) => [{ address: address("jobs"), name: "Jobs", members }];

  test("people are members before they sign in, and no longer once the settings drop them", async () => {
    await mailboxes.sync(wanted(["Ann@desk.test", "bob@desk.test"]));
    expect(await visibleTo("ann")).toEqual([world.mailbox.jobs]);
    await mailboxes.sync(wanted(["bob@desk.test"]));
    expect([await visibleTo("ann"), await visibleTo("bob")]).toEqual([[], [world.mailbox.jobs]]);
  });

  test("whom an administrator added stays", async () => {
    const admin = await signIn("admin", "admin");
    await as(admin, () =>
      mailboxes.setMembership({ mailbox: address("jobs"), email: "ann@desk.test", member: true }),
    );
    await mailboxes.sync(wanted([]));
    expect(await visibleTo("ann")).toEqual([world.mailbox.jobs]);
  });

  test("a mailbox that the settings drop keeps its row and is no longer active", async () => {
    const before = world.mailbox.hello;
    expect(await mailboxes.sync(wanted([]))).toBe(1);
    const rows = await world.rows("select id, active from frontdesk.mailboxes where address = $1", [
      address("hello"),
    ]);
    expect(rows).toEqual([{ id: before, active: false }]);
    await mailboxes.sync([...wanted([]), { address: address("hello"), name: "Hello again" }]);
    expect(
      await world.rows("select id, active, name from frontdesk.mailboxes where address = $1", [
        address("hello"),
      ]),
    ).toEqual([{ id: before, active: true, name: "Hello again" }]);
  });
});

describe("signing in", () => {
  beforeEach(() => world.reset());

  test("a user is made once, however many requests come first, and follows the token's claims", async () => {
    const users = await Promise.all(Array.from({ length: 10 }, () => signIn("ann", "recruiter")));
    expect(new Set(users.map(({ userId }) => userId)).size).toBe(1);
    const changed = await identity.signIn({
      sub: "ann",
      email: "New@desk.test",
      "cognito:groups": ["admin", "odd"],
    });
    expect(changed).toEqual({
      kind: "user",
      userId: users[0]?.userId,
      email: "new@desk.test",
      roles: ["admin"],
    });
    expect(await world.rows("select email, roles from frontdesk.users")).toEqual([
      { email: "new@desk.test", roles: ["admin"] },
    ]);
  });

  test("without a role of ours nobody gets in", async () => {
    await expect(signIn("ann")).rejects.toMatchObject({ kind: "forbidden", code: "no_role" });
    await expect(signIn("ann", "Admin")).rejects.toMatchObject({ kind: "forbidden" });
    expect(await world.count("users")).toBe(0);
  });

  test("claims that are none are told field by field", async () => {
    await expect(async () => identity.signIn({ sub: "", email: "nobody" })).rejects.toMatchObject({
      kind: "validation",
      issues: [{ path: "sub" }, { path: "email" }],
    });
  });
});
