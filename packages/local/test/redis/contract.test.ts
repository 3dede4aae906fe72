/** One suite, two engines: the machine's own Redis or Valkey, and the embedded one that stands in for it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Cluster, Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { authToken, engines, host, startRedis } from "./support.ts";

const table = readFileSync(join(import.meta.dirname, "contract.txt"), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => {
    const [command = "", reply = ""] = line.split(/ {2}=>(?: {2})?/);
    const words = [...command.matchAll(/"([^"]*)"(?=\s|$)|(\S+)/g)].map(
      (match) => match[1] ?? match[2] ?? "",
    );
    return { command, words, reply };
  });

describe.each(engines())("%s", (engine) => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  const clients: Redis[] = [];
  /** What applications use. */
  function client(options: object = {}) {
    const made = new Redis({
      host: "127.0.0.1",
      port: redis.redis.port("shop"),
      password: authToken,
      tls: redis.tls,
      ...options,
    });
    made.on("error", () => {});
    clients.push(made);
    return made;
  }
  beforeAll(async () => {
    redis = await startRedis(engine);
  });
  afterEach(async () => {
    for (const one of clients.splice(0)) one.disconnect();
    const raw = await redis.raw();
    await raw.send("FLUSHALL");
    raw.socket.destroy();
  });
  afterAll(() => redis.stop());

  test(`${table.length} commands are answered as Redis answers them`, async () => {
    const raw = await redis.raw();
    // Versions word their errors differently; the code in front is what clients go by.
    const shown = (reply: string) =>
      (engine === "server" ? reply.replace(/^(-\w+) .*/, "$1") : reply).trimEnd();
    for (const { command, words, reply } of table)
      expect(`${command}  =>  ${shown(await raw.send(...words))}`).toBe(`${command}  =>  ${shown(reply)}`);
  });

  test("nothing is answered without the token, and a wrong one is none", async () => {
    const raw = await redis.raw("wrong");
    expect(await raw.send("GET", "a")).toMatch(/^-NOAUTH /);
    expect(await raw.send("AUTH", "default", "wrong")).toMatch(/^-WRONGPASS /);
    expect(await raw.send("HELLO", "3")).toMatch(/^-NOAUTH /);
    expect(await raw.send("HELLO", "3", "AUTH", "default", "wrong")).toMatch(/^-WRONGPASS /);
    expect(await raw.send("SUBSCRIBE", "x")).toMatch(/^-NOAUTH /);
    expect(await raw.send("AUTH", "default", authToken)).toBe("+OK");
    expect(await raw.send("GET", "a")).toBe("$-1");
  });

  test("TLS is required, and verified by AWS's name", async () => {
    const plain = client({ tls: undefined, retryStrategy: () => null, maxRetriesPerRequest: 0 });
    await expect(plain.ping()).rejects.toThrow();
    const other = client({
      tls: { ...redis.tls, servername: "evil.example.com" },
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    });
    await expect(other.ping()).rejects.toThrow();
    expect(redis.cloud.addresses.toJSON()).toEqual({
      [`${host}:6379`]: `127.0.0.1:${redis.redis.port("shop")}`,
    });
    expect(redis.redis.endpoints()).toEqual({ shop: { host, port: redis.redis.port("shop") } });
  });

  test("keys and values are bytes, of any size", async () => {
    const redisClient = client();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    await redisClient.set(bytes, bytes);
    expect(await redisClient.getBuffer(bytes)).toEqual(bytes);
    await redisClient.hset("h", "é\0", bytes);
    expect(await redisClient.hgetall("h")).toHaveProperty("é\0");
    expect(await redisClient.callBuffer("EVAL", "return KEYS[1] .. ARGV[1]", 1, bytes, bytes)).toEqual(
      Buffer.concat([bytes, bytes]),
    );
    const large = Buffer.alloc(5_000_000, 7);
    await redisClient.set("large", large);
    expect(await redisClient.strlen("large")).toBe(large.length);
    expect((await redisClient.getBuffer("large"))?.equals(large)).toBe(true);
  });

  test("ten thousand commands in one pipeline are answered in order", async () => {
    const pipeline = client().pipeline();
    for (let index = 0; index < 10_000; index++) pipeline.incr("n");
    const results = await pipeline.exec();
    expect(results?.map(([, value]) => value)).toEqual(
      Array.from({ length: 10_000 }, (_, index) => index + 1),
    );
  });

  test("what has expired is gone, from every reading", async () => {
    const redisClient = client();
    await redisClient.set("a", "1", "PX", 1);
    await redisClient.hset("h", "f", "1");
    await redisClient.pexpire("h", 1);
    if (engine === "embedded") redis.cloud.clock.advance(10);
    await vi.waitFor(async () => expect(await redisClient.exists("a", "h")).toBe(0));
    expect([await redisClient.get("a"), await redisClient.hgetall("h"), await redisClient.dbsize()]).toEqual([
      null,
      {},
      0,
    ]);
    expect(await redisClient.set("a", "2", "NX")).toBe("OK");
    expect(await redisClient.ttl("a")).toBe(-1);
  });

  test("subscribers get what is published to their channels and patterns, and nothing else", async () => {
    const subscriber = client();
    const heard: string[] = [];
    subscriber.on("message", (channel, text) => heard.push(`${channel} ${text}`));
    subscriber.on("pmessage", (pattern, channel, text) => heard.push(`${pattern} ${channel} ${text}`));
    await subscriber.subscribe("news", "weather");
    await subscriber.psubscribe("n*");
    const publisher = client();
    expect(await publisher.publish("news", "one")).toBe(2);
    expect(await publisher.publish("weather", "two")).toBe(1);
    expect(await publisher.publish("other", "three")).toBe(0);
    await vi.waitFor(() => expect(heard).toEqual(["news one", "n* news one", "weather two"]));
    await expect(subscriber.get("a")).rejects.toThrow();
    expect(await publisher.pubsub("NUMSUB", "news")).toEqual(["news", 1]);
    await subscriber.unsubscribe("news", "weather");
    await subscriber.punsubscribe("n*");
    expect(await subscriber.get("a")).toBeNull();
    expect(await publisher.publish("news", "late")).toBe(0);
  });

  test("a subscriber that vanishes is no subscriber any more", async () => {
    const subscriber = client();
    await subscriber.subscribe("news");
    subscriber.disconnect();
    const publisher = client();
    await vi.waitFor(async () => expect(await publisher.publish("news", "x")).toBe(0));
  });

  test("who waits for a list is served in the order of waiting, and does not hold up others", async () => {
    const [first, second, pusher] = [client(), client(), client()];
    const one = first.blpop("queue", "other", 0);
    await waiting(pusher, 1);
    const two = second.blpop("queue", 0);
    await waiting(pusher, 2);
    await pusher.rpush("queue", "a", "b", "c");
    expect(await one).toEqual(["queue", "a"]);
    expect(await two).toEqual(["queue", "b"]);
    expect(await pusher.lrange("queue", 0, -1)).toEqual(["c"]);
    const moved = first.blmove("source", "target", "LEFT", "RIGHT", 0);
    const lowest = second.bzpopmin("scores", 0);
    await waiting(pusher, 2);
    await pusher.multi().rpush("source", "x").zadd("scores", 2, "two", 1, "one").exec();
    expect(await moved).toBe("x");
    expect(await lowest).toEqual(["scores", "one", "1"]);
  });
  /** As many connections wait as are said to. */
  async function waiting(observer: Redis, count: number) {
    await vi.waitFor(async () => {
      const info = await observer.info("clients");
      expect(Number(/blocked_clients:(\d+)/.exec(info)?.[1])).toBe(count);
    });
  }

  test("a wait ends with its connection, and takes nothing", async () => {
    const [waiter, pusher] = [client(), client()];
    const never = waiter.blpop("queue", 0).catch(() => "ended");
    await waiting(pusher, 1);
    waiter.disconnect();
    expect(await never).toBe("ended");
    await waiting(pusher, 0);
    await pusher.rpush("queue", "a");
    expect(await pusher.llen("queue")).toBe(1);
  });

  test("a transaction fails when another connection changes what it watches", async () => {
    const [one, two] = [client(), client()];
    await one.watch("balance");
    await two.set("balance", "5");
    expect(await one.multi().set("balance", "1").exec()).toBeNull();
    await one.watch("balance");
    await two.get("balance");
    expect(await one.multi().incr("balance").exec()).toEqual([[null, 6]]);
  });

  test("a script is one step: a rate limit holds under fifty at once", async () => {
    const limit = `
      local used = redis.call("INCR", KEYS[1])
      if used == 1 then redis.call("PEXPIRE", KEYS[1], ARGV[2]) end
      return used <= tonumber(ARGV[1]) and 1 or 0`;
    const many = Array.from({ length: 5 }, () => client());
    const answers = await Promise.all(
      many.flatMap((one) => Array.from({ length: 10 }, () => one.eval(limit, 1, "limit", 7, 60_000))),
    );
    expect(answers.filter((answer) => answer === 1)).toHaveLength(7);
  });

  test("version 3 of the protocol has maps, sets, doubles and pushes", async () => {
    const raw = await redis.raw();
    expect(await raw.send("HELLO", "3")).toMatch(/^%7\|\$6\|server\|/);
    await raw.send("HSET", "h", "a", "1");
    await raw.send("SADD", "s", "m");
    await raw.send("ZADD", "z", "1.5", "m");
    expect(await raw.send("HGETALL", "h")).toBe("%1|$1|a|$1|1");
    expect(await raw.send("SMEMBERS", "s")).toBe("~1|$1|m");
    expect(await raw.send("ZSCORE", "z", "m")).toBe(",1.5");
    expect(await raw.send("ZRANGE", "z", "0", "-1", "WITHSCORES")).toBe("*1|*2|$1|m|,1.5");
    expect(await raw.send("GET", "missing")).toBe("_");
    expect(await raw.send("SUBSCRIBE", "news")).toBe(">3|$9|subscribe|$4|news|:1");
    // A subscriber of version 3 goes on with everything else.
    expect(await raw.send("GET", "missing")).toBe("_");
    raw.write("PUBLISH", "news", "x");
    expect([await raw.reply(), await raw.reply()].sort()).toEqual([":1", ">3|$7|message|$4|news|$1|x"]);
    expect(await raw.send("HELLO", "2")).toMatch(/^\*14\|/);
  });

  test("what is no protocol ends its own connection with an error", async () => {
    for (const bytes of [
      "*abc\r\n",
      "*1\r\n+PING\r\n",
      "*1\r\n$-5\r\n",
      "*99999999999\r\n",
      "*1\r\n$99999999999\r\n",
    ]) {
      const raw = await redis.raw();
      raw.socket.write(bytes);
      expect(await raw.reply(), bytes).toMatch(/^-ERR Protocol error/);
      await vi.waitFor(() => expect(raw.socket.readyState).not.toBe("open"));
    }
    const raw = await redis.raw();
    raw.socket.write("PING\r\n\r\n*0\r\nset inline 1\r\n");
    expect([await raw.reply(), await raw.reply()]).toEqual(["+PONG", "+OK"]);
    for (const byte of "*2\r\n$3\r\nGET\r\n$6\r\ninline\r\n") {
      raw.socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await raw.reply()).toBe("$1|1");
  });
});

describe.each(engines())("%s as a cluster", (engine) => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  beforeAll(async () => {
    redis = await startRedis(engine, { clusterMode: true });
  });
  afterAll(() => redis.stop());

  test("a cluster client finds the node by AWS's name, and all slots on it", async () => {
    const cluster = new Cluster([{ host: "127.0.0.1", port: redis.redis.port("shop") }], {
      dnsLookup: (address, callback) => callback(null, address),
      natMap: { [`${host}:6379`]: { host: "127.0.0.1", port: redis.redis.port("shop") } },
      redisOptions: { password: authToken, tls: redis.tls },
    });
    await cluster.set("a", "1");
    await cluster.set("b", "2");
    expect([await cluster.get("a"), await cluster.get("b")]).toEqual(["1", "2"]);
    expect(await cluster.mget("{x}1", "{x}2")).toEqual([null, null]);
    cluster.disconnect();
  });

  test("the node tells of itself under AWS's name, and keys of two slots do not go together", async () => {
    const raw = await redis.raw();
    expect(await raw.send("CLUSTER", "SLOTS")).toMatch(
      new RegExp(
        `^\\*1\\|\\*3\\|:0\\|:16383\\|\\*4\\|\\$${host.length}\\|${host}\\|:6379\\|\\$40\\|[0-9a-f]{40}\\|`,
      ),
    );
    expect(await raw.send("CLUSTER", "INFO")).toMatch(/cluster_enabled:1\|cluster_state:ok|cluster_state:ok/);
    expect(await raw.send("CLUSTER", "KEYSLOT", "{user}1")).toBe(":5474");
    expect(await raw.send("MGET", "a", "b")).toMatch(/^-CROSSSLOT /);
    expect(await raw.send("MSET", "{a}1", "x", "{a}2", "y")).toBe("+OK");
    expect(await raw.send("EVAL", "return 1", "2", "a", "b")).toMatch(/^-CROSSSLOT /);
    expect(await raw.send("SELECT", "1")).toMatch(/^-ERR /);
  });
});
