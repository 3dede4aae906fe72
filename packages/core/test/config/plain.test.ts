import { afterEach, describe, expect, test } from "vitest";
import * as actor from "../../src/actor/index.ts";
import { ConfigError, config, has, provide } from "../../src/config/index.ts";
import { describe as describeError, VisibleError } from "../../src/error/index.ts";
import * as id from "../../src/id/index.ts";
import * as log from "../../src/log/index.ts";
import * as trace from "../../src/trace/index.ts";

describe("config", () => {
  let restore = () => {};
  afterEach(() => restore());

  test("a section that is not linked is named, with where to link it", () => {
    expect(has("Database")).toBe(false);
    expect(() => config("Database")).toThrow(
      new ConfigError("Database is not linked to this function: add it to its link in infra/"),
    );
  });

  test("what is wrong is named property by property, without its value", () => {
    restore = provide({ Database: { host: "", port: "no", name: "frontdesk" } as never });
    expect(() => config("Database")).toThrow(/Database\.host: .*Database\.port: .*Database\.region: /);
    expect(() => config("Database")).not.toThrow(/"no"/);
  });

  test("what is wrong is said in words", () => {
    restore = provide({ Cache: { host: "cache.test", port: 0, local: true, secretArn: "arn" } });
    expect(() => config("Cache")).toThrow(
      new ConfigError(
        "Cache.port: Too small: expected number to be >0; Cache: only localhost is reached without TLS and without a login",
      ),
    );
  });

  test("texts of addresses and domains are read in lower case, numbers from text", () => {
    restore = provide({
      Settings: {
        stage: "test",
        permanent: false,
        homeRegion: "ca-central-1",
        mailRegion: "us-east-1",
        mailDomain: "Mail.Example.COM",
        workspaceDomain: "Example.com",
        mailboxes: [{ address: "Jobs@Mail.Example.com", name: "Jobs", members: ["Ana@Example.com"] }],
        allowedOrigins: [],
        logLevel: "info",
      },
      DatabaseMaster: { secretArn: "arn", host: "db.test", port: "5432" },
    });
    expect(config("Settings")).toMatchObject({
      mailDomain: "mail.example.com",
      workspaceDomain: "example.com",
      mailboxes: [{ address: "jobs@mail.example.com", name: "Jobs", members: ["ana@example.com"] }],
      jobHistoryDays: 30,
      claimCheckBytes: 131_072,
    });
    expect(config("DatabaseMaster").port).toBe(5432);
  });

  test("a section is read on first use and kept", () => {
    restore = provide({ HomeBucket: { name: "home", region: "ca-central-1" } });
    expect(config("HomeBucket")).toBe(config("HomeBucket"));
  });
});

describe("log", () => {
  const lines: Record<string, unknown>[] = [];
  log.configure({ sink: (line) => lines.push(JSON.parse(line) as Record<string, unknown>), level: "info" });
  afterEach(() => {
    lines.length = 0;
  });

  test("a line carries who acts and the trace", () => {
    actor.provide(
      {
        actor: { kind: "user", userId: "usr_1", email: "a@b.test", roles: [] },
        requestId: "r",
        trace: "t".repeat(32),
      },
      () => log.info("hello", { count: 2 }),
    );
    expect(lines).toMatchObject([
      { level: "info", message: "hello", count: 2, actor: "usr_1", requestId: "r", trace: "t".repeat(32) },
    ]);
    expect(JSON.stringify(lines)).not.toContain("a@b.test");
  });

  test("secrets, bodies and statements are left out wherever they stand", () => {
    log.warn("careful", {
      password: "p1",
      nested: { authToken: "p2", deep: [{ Authorization: "p3" }] },
      text: "p4",
      sql: "p5",
      ticket: "p6",
      bytes: Buffer.from("p7"),
    });
    expect(JSON.stringify(lines)).not.toMatch(/p[1-7]/);
  });

  test("what is too deep, too long or a circle does not break the line", () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    log.error("odd", {
      circle,
      long: "x".repeat(10_000),
      big: 10n,
      many: Array.from({ length: 1_000 }, () => 1),
    });
    expect(JSON.stringify(lines).length).toBeLessThan(2_000);
  });

  test("levels below the configured one are not written", () => {
    log.debug("quiet");
    expect(lines).toEqual([]);
  });
});

describe("errors", () => {
  test("what is shown of an error is one line without what Postgres quotes", () => {
    const postgres = Object.assign(new Error('invalid input syntax for type uuid: "secret"'), {
      severity: "ERROR",
      code: "22P02",
    });
    expect(describeError(postgres)).toEqual({
      name: "PostgresError",
      code: "22P02",
      message: "SQLSTATE 22P02",
    });
    expect(describeError("text")).toEqual({ name: "Error", message: "a string was thrown" });
    expect(describeError(new Error("first\nsecond")).message).toBe("first");
  });

  test("an unavailable service says when to come back", () => {
    expect(new VisibleError("unavailable", "x", "x").retryAfter).toBe(1);
    expect(new VisibleError("not_found", "x", "x").retryAfter).toBeUndefined();
  });
});

describe("identifiers", () => {
  test("they sort by the order in which they were made", () => {
    const made = Array.from({ length: 1_000 }, () => id.create("message"));
    expect(made.toSorted()).toEqual(made);
    expect(new Set(made).size).toBe(1_000);
    expect(made.every((one) => id.is("message", one))).toBe(true);
  });

  test("one that is derived is the same each time, well formed, and another for another part", () => {
    const message = id.create("message");
    const first = id.derive("attachment", message, 0);
    expect(id.derive("attachment", message, 0)).toBe(first);
    expect(id.derive("attachment", message, 1)).not.toBe(first);
    expect(id.is("attachment", first)).toBe(true);
    expect(id.is("message", first)).toBe(false);
  });
});

describe("traces", () => {
  test("an object key gives one trace, in W3C's form", () => {
    expect(trace.ofObjectKey("inbound/a")).toBe(trace.ofObjectKey("inbound/a"));
    expect(trace.ofObjectKey("inbound/a")).not.toBe(trace.ofObjectKey("inbound/b"));
    expect(trace.ofTraceparent(trace.traceparent(trace.ofObjectKey("k")))).toBe(trace.ofObjectKey("k"));
  });

  test.each([
    undefined,
    "",
    "00-zz",
    `00-${"0".repeat(32)}-${"1".repeat(16)}-01`,
    `00-${"1".repeat(32)}-${"0".repeat(16)}-01`,
    `ff-${"1".repeat(32)}-${"1".repeat(16)}-01`,
    `00-${"A".repeat(32)}-${"1".repeat(16)}-01`,
  ])("%s is no traceparent", (header) => {
    expect(trace.ofTraceparent(header)).toBeUndefined();
  });

  test("outside of any context nobody acts", () => {
    expect(() => actor.current()).toThrow(VisibleError);
  });
});
