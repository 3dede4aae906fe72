import * as clock from "@frontdesk/core/clock";
import { createTicket } from "@frontdesk/core/realtime";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  as,
  createWorld,
  join,
  received,
  signIn,
  type TestUser,
  type World,
} from "../../../core/test/support/world.ts";
import { handler as authorize } from "../../src/websocket/authorizer.ts";
import { handler as connect } from "../../src/websocket/connect.ts";
import { handler as receive } from "../../src/websocket/default.ts";
import { handler as disconnect } from "../../src/websocket/disconnect.ts";
import { authorizerEvent, context, websocketEvent } from "../support/events.ts";

let world: World;
let user: TestUser;
let restoreClock = () => {};
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(async () => {
  await world.reset();
  user = await signIn("rhea", "recruiter");
  await join(world, user, "jobs");
});
afterEach(() => restoreClock());

const consoleOrigin = "https://console.desk.test";
const ticket = async (origin?: string) => (await as(user, () => createTicket({ origin }))).ticket;
const verdict = async (pass: string | undefined, headers?: Record<string, string>) => {
  const result = await authorize(authorizerEvent(pass, headers), context());
  return {
    effect: result.policyDocument.Statement[0]?.Effect,
    context: result.context,
    principal: result.principalId,
  };
};

describe("the authorizer", () => {
  test("lets a ticket in once, with who it is for", async () => {
    const pass = await ticket(consoleOrigin);
    expect(await verdict(pass, { Origin: consoleOrigin })).toEqual({
      effect: "Allow",
      context: { userId: user.userId, roles: "recruiter" },
      principal: user.userId,
    });
    expect(await verdict(pass, { Origin: consoleOrigin })).toEqual({
      effect: "Deny",
      context: undefined,
      principal: "nobody",
    });
  });

  test("lets one of two in that come with the same ticket at once", async () => {
    const pass = await ticket();
    const both = await Promise.all([verdict(pass), verdict(pass)]);
    expect(both.map(({ effect }) => effect).sort()).toEqual(["Allow", "Deny"]);
  });

  test("answers with a policy for the one route that was asked for", async () => {
    const event = authorizerEvent(await ticket());
    const { policyDocument } = await authorize(event, context());
    expect(policyDocument).toEqual({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "execute-api:Invoke", Resource: event.methodArn }],
    });
  });

  test.each([
    ["no ticket", () => Promise.resolve(undefined), {}],
    ["an empty ticket", () => Promise.resolve(""), {}],
    ["a made-up ticket", () => Promise.resolve("x".repeat(43)), {}],
    ["an endless ticket", () => Promise.resolve("x".repeat(100_000)), {}],
    ["a NUL", () => Promise.resolve("\u0000"), {}],
    ["a ticket for another origin", () => ticket(consoleOrigin), {}],
    ["an origin that is not of the settings", () => ticket(), { origin: "https://evil.test" }],
    ["the origin `null`", () => ticket(), { ORIGIN: "null" }],
  ])("denies %s", async (_, pass, headers) => {
    expect((await verdict(await pass(), headers)).effect).toBe("Deny");
  });

  test("denies a ticket after its 30 seconds", async () => {
    let at = Date.now();
    restoreClock = clock.provide({ now: () => at, sleep: async () => {} });
    const [early, late] = [await ticket(), await ticket()];
    at += 29_999;
    expect((await verdict(early)).effect).toBe("Allow");
    at += 1;
    expect((await verdict(late)).effect).toBe("Deny");
  });

  test("writes no ticket into the log", async () => {
    const pass = await ticket();
    await verdict(pass, { Origin: "https://evil.test" });
    expect(world.logged.join("\n")).not.toContain(pass);
  });
});

describe("a connection", () => {
  const id = "connection-1";
  const open = async () => {
    world.aws.connections.set(id, []);
    const authorizer = { userId: user.userId, roles: "recruiter" };
    return connect(websocketEvent("$connect", id, { authorizer }), context());
  };
  const say = (message: unknown, connection = id) =>
    receive(
      websocketEvent("$default", connection, {
        body: typeof message === "string" ? message : JSON.stringify(message),
      }),
      context(),
      () => {},
    );
  const answers = () => received(world, id);

  test("is refused where nobody was authorised: the route was deployed without its authorizer", async () => {
    expect(await connect(websocketEvent("$connect", id), context())).toEqual({ statusCode: 401 });
    expect(await world.count("connections")).toBe(0);
  });

  test("opens, may be opened again by a repeated call, and is forgotten when it closes", async () => {
    expect(await open()).toEqual({ statusCode: 200 });
    expect(await open()).toEqual({ statusCode: 200 });
    expect(await world.count("connections")).toBe(1);
    for (let times = 0; times < 2; times++)
      expect(await disconnect(websocketEvent("$disconnect", id), context(), () => {})).toEqual({
        statusCode: 200,
      });
    expect(await world.count("connections")).toBe(0);
  });

  test("subscribes, unsubscribes and is answered to a ping", async () => {
    await open();
    const topic = `mailbox:${world.mailbox.jobs}`;
    for (const message of [
      { action: "ping" },
      { action: "subscribe", topic },
      { action: "unsubscribe", topic },
    ])
      expect(await say(message)).toEqual({ statusCode: 200 });
    expect(answers()).toEqual([
      { action: "pong" },
      { action: "subscribed", topic, seq: 0 },
      { action: "unsubscribed", topic },
    ]);
  });

  test.each([
    ["what is not JSON", "hello", "not_json"],
    ["nothing", "", "not_json"],
    ["JSON that is no object", "[]", "invalid_input"],
    ["an action that there is not", { action: "destroy" }, "invalid_input"],
    ["an inherited action", { action: "constructor" }, "invalid_input"],
    ["an action of another kind", { action: ["ping"] }, "invalid_input"],
    ["bytes, which API Gateway hands on in base64", Buffer.from([0, 255, 1]).toString("base64"), "not_json"],
    ["128 kB", `"${"x".repeat(128 * 1024 - 2)}"`, "invalid_input"],
    ["a NUL in a topic", { action: "subscribe", topic: "mailbox:\0" }, "invalid_input"],
    ["a topic that is none", { action: "subscribe", topic: "'; drop table" }, "invalid_input"],
    ["a number that is none", { action: "subscribe", topic: "queues", after: -1 }, "invalid_input"],
    ["a topic that there is not", { action: "subscribe", topic: "mailbox:mbx_nothing" }, "topic_not_found"],
  ])("is told by an error frame about %s, and stays open", async (_, message, code) => {
    await open();
    expect(await say(message)).toEqual({ statusCode: 200 });
    expect(answers()).toMatchObject([{ action: "error", code, message: expect.any(String) }]);
    await say({ action: "ping" });
    expect(answers().at(-1)).toEqual({ action: "pong" });
  });

  test("is told the same of others' mailboxes, threads and people as of those that there are not", async () => {
    await open();
    const other = await signIn("other", "recruiter");
    for (const topic of [`mailbox:${world.mailbox.payroll}`, `user:${other.userId}`, "user:usr_nobody"])
      await say({ action: "subscribe", topic });
    expect(answers().map(({ code }) => code)).toEqual([
      "topic_not_found",
      "topic_not_found",
      "topic_not_found",
    ]);
  });

  test("that is not there any more is answered nothing, and breaks nothing", async () => {
    expect(await say({ action: "ping" }, "gone")).toEqual({ statusCode: 200 });
    expect(world.aws.calls.filter(({ operation }) => operation === "PostToConnection")).toEqual([]);
  });
});
