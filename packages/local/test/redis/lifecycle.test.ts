import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { encode, type Reply, RequestParser, Scored, Status } from "../../src/redis/resp.ts";
import { authToken, engines, startRedis } from "./support.ts";

const processes = () => execFileSync("ps", ["-eo", "pid,ppid,stat,args"], { encoding: "utf8" }).split("\n");
/** The servers below a process, by way of their supervisor. */
function serversOf(pid: number) {
  const rows = processes().map((line) => line.trim().split(/\s+/));
  const children = (parent: number) =>
    rows.filter(([, ppid, stat]) => Number(ppid) === parent && !stat?.startsWith("Z"));
  return children(pid)
    .flatMap(([child]) => children(Number(child)))
    .filter((row) => /(redis|valkey)-server$/.test(row[3] ?? ""));
}
const isAlive = (pid: number) =>
  processes().some((line) => Number(line.trim().split(/\s+/)[0]) === pid && !/^\s*\d+\s+\d+\s+Z/.test(line));
const folders = () => readdirSync(tmpdir()).filter((name) => /^redis-(?!test)/.test(name));

describe.each(engines())("%s", (engine) => {
  test("stopping ends waits and connections, leaves no port, and may be done twice", async () => {
    const redis = await startRedis(engine);
    const raw = await redis.raw();
    raw.write("BLPOP", "never", "0");
    const port = redis.redis.port("shop");
    await redis.redis.stop();
    await redis.redis.stop();
    await vi.waitFor(() => expect(raw.socket.closed).toBe(true));
    const [error] = (await once(connect(port, "127.0.0.1"), "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
    expect(serversOf(process.pid)).toEqual([]);
    await redis.stop();
  });
});

describe.skipIf(!engines().includes("server"))("a server of the machine", () => {
  test("has its token in a file of its own, not on its command line, and its folder goes with it", async () => {
    const before = folders();
    const redis = await startRedis("server");
    const [made, ...others] = folders().filter((name) => !before.includes(name));
    expect(others).toEqual([]);
    expect(processes().join("\n")).not.toContain(authToken.slice(0, 10));
    expect(serversOf(process.pid)).toHaveLength(1);
    await redis.stop();
    expect(folders()).not.toContain(made);
  });

  test("ends when the run is killed, and the next start removes what that left", async () => {
    const root = mkdtempSync(join(tmpdir(), "redis-test-"));
    const before = folders();
    const child = spawn(process.execPath, [join(import.meta.dirname, "fixture.ts"), root], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    const [server] = serversOf(child.pid ?? 0).map(([pid]) => Number(pid));
    expect(server).toBeDefined();
    const [left] = folders().filter((name) => !before.includes(name));
    child.kill("SIGKILL");
    await vi.waitFor(() => expect(isAlive(server ?? 0)).toBe(false), { timeout: 10_000 });
    const redis = await startRedis("server", {}, root);
    expect(folders()).not.toContain(left);
    await redis.stop();
    rmSync(root, { recursive: true });
  });
});

test("without a server on the machine, `server` says what to install and `auto` is the embedded one", async () => {
  const path = process.env.PATH;
  process.env.PATH = "/nowhere";
  try {
    await expect(startRedis("server")).rejects.toThrow(
      /cache shop: there is neither redis-server nor valkey-server/,
    );
    const { createRedis } = await import("../../src/redis/index.ts");
    const embedded = await startRedis("embedded");
    const auto = createRedis(embedded.cloud, {} as never);
    await auto.start();
    expect(embedded.lines.at(-1)).toContain("(embedded, ");
    await auto.stop();
    await embedded.stop();
  } finally {
    process.env.PATH = path;
  }
});

test("the embedded one goes by the run's clock: timeouts and expiry come when it is moved", async () => {
  const redis = await startRedis("embedded");
  const raw = await redis.raw();
  await raw.send("SET", "a", "1", "EX", "3600");
  const waiting = raw.send("BLPOP", "never", "600");
  const other = await redis.raw();
  await vi.waitFor(async () => expect(await other.send("INFO", "clients")).toContain("blocked_clients:1"));
  redis.cloud.clock.advance(600_000);
  expect(await waiting).toBe("*-1");
  expect(await other.send("EXISTS", "a")).toBe(":1");
  redis.cloud.clock.advance(3_000_000);
  expect(await other.send("EXISTS", "a")).toBe(":0");
  await redis.stop();
});

test("an endless script in the embedded one is ended, and the next command is answered", async () => {
  const redis = await startRedis("embedded");
  const raw = await redis.raw();
  // The deadline is looked at on the machine's clock, which goes on while the script does.
  const clock = vi.spyOn(performance, "now");
  let now = 0;
  clock.mockImplementation(() => (now += 1000));
  expect(await raw.send("EVAL", "while true do end", "0")).toMatch(
    /^-ERR .*script ran for longer than 5000 ms/,
  );
  clock.mockRestore();
  expect(await raw.send("EVAL", "return 1", "0")).toBe(":1");
  await redis.stop();
});

test("scripts in the embedded one reach nothing of the machine and keep nothing for the next", async () => {
  const redis = await startRedis("embedded");
  const raw = await redis.raw();
  for (const name of ["os", "io", "require", "dofile", "loadfile", "package", "debug", "js"])
    expect(await raw.send("EVAL", `return ${name} == nil`, "0"), name).toMatch(/nonexistent global variable/);
  expect(await raw.send("EVAL", "KEYS = nil KEYS = {1} return #KEYS", "0")).toMatch(/^(:1|-ERR)/);
  expect(await raw.send("EVAL", "return #KEYS", "0")).toBe(":0");
  expect(await raw.send("EVAL", "local t = {} t[1] = t return t", "0")).toMatch(
    /^-ERR reached lua stack limit/,
  );
  expect(await raw.send("EVAL", "local t = {} t[1] = t return cjson.encode(t)", "0")).toMatch(
    /^-ERR .*depth/,
  );
  expect(await raw.send("PING")).toBe("+PONG");
  await redis.stop();
});

test.each(
  engines(),
)("%s: a fault cuts its lines and takes no new ones, for as long as it is there", async (engine) => {
  const redis = await startRedis(engine);
  const raw = await redis.raw();
  expect(await raw.send("SET", "kept", "1")).toBe("+OK");
  const away = {
    service: "elasticache",
    times: Number.POSITIVE_INFINITY,
    effect: { disconnect: true },
  } as const;
  const remove = redis.cloud.faults.add(away);
  // The answer may be faster than the cut.
  await expect(raw.send("GET", "kept").then(() => raw.send("GET", "kept"))).rejects.toThrow("closed");
  await expect(redis.raw().then((next) => next.send("GET", "kept"))).rejects.toThrow();
  remove();
  expect(await (await redis.raw()).send("GET", "kept")).toBe("$1|1");
  await redis.stop();
});

describe("the protocol", () => {
  test("a request cut anywhere is one request", () => {
    const whole = Buffer.from("*3\r\n$3\r\nSET\r\n$2\r\n\r\n\r\n$0\r\n\r\nPING  x\r\n*1\r\n$4\r\nPING\r\n");
    const expected = [["SET", "\r\n", ""], ["PING", "x"], ["PING"]];
    for (let cut = 0; cut <= whole.length; cut++) {
      const parser = new RequestParser();
      expect([...parser.feed(whole.subarray(0, cut)), ...parser.feed(whole.subarray(cut))]).toEqual(expected);
    }
  });

  test.each<[Reply, string, string]>([
    [null, "$-1|", "_|"],
    [new Status("OK"), "+OK|", "+OK|"],
    [["a", 1, null], "*3|$1|a|:1|$-1|", "*3|$1|a|:1|_|"],
    [new Scored([["m", Number.POSITIVE_INFINITY]]), "*2|$1|m|$3|inf|", "*1|*2|$1|m|,inf|"],
  ])("%j is written as both versions write it", (reply, two, three) => {
    expect(encode(reply, 2).replaceAll("\r\n", "|")).toBe(two);
    expect(encode(reply, 3).replaceAll("\r\n", "|")).toBe(three);
  });
});
