/** What every route of the API guarantees. The list of routes is the app's own. */
import { createTestDatabase } from "@frontdesk/local/postgres/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as database from "../../../core/src/database/index.ts";
import { createPool } from "../../../core/src/pool/index.ts";
import { appUser, connectionOf } from "../../../core/test/support/database.ts";
import { cdnUrl } from "../../../core/test/support/world.ts";
import {
  app,
  builtRoutes,
  call,
  claimsOf,
  expectJson,
  expectProblem,
  requestId,
  unbuiltRoutes,
} from "../support/api.ts";
import { createDesk, type Desk, letterNames, personNames, sees } from "../support/desk.ts";
import { hostile } from "../support/hostile.ts";
import { type RouteCase, routes } from "../support/routes.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await createDesk();
});
afterAll(() => desk?.stop());

interface Case extends RouteCase {
  name: string;
  method: string;
}
const cases = Object.entries(routes).map(
  ([name, route]): Case => ({ ...route, name, method: name.slice(0, name.indexOf(" ")) }),
);
const closed = cases.filter(({ open }) => !open);
const named = (list: Case[]) => list.map((route) => [route.name, route] as const);

/** Whether a route's pattern takes an address. */
const fits = (route: string, at: string) =>
  new RegExp(`^${route.slice(route.indexOf(" ") + 1).replaceAll(/:\w+/g, "[^/]+")}$`).test(at);

/** Anybody's message will do. */
const path = (route: Case) => route.path(desk.ids.jobs);
const send = (route: Case, claims: Parameters<typeof call>[1], at = path(route)) =>
  call(at, claims, { method: route.method, body: route.body });
/** Somebody who gets an answer. */
const allowed = (route: Case) => (route.adminOnly ? "admin" : "recruiter");

test("every route that is built is in the list, and nothing else is", () => {
  expect(Object.keys(routes).toSorted()).toEqual(builtRoutes.toSorted());
});

describe("who is asking", () => {
  test.each(named(closed))("%s answers 401 to whoever brings no checked token", async (_, route) => {
    const none = await send(route, undefined);
    await expectProblem(none, 401, "no_token");
    expect(none.headers.get("www-authenticate")).toBe("Bearer");
  });

  test.each(named(closed))("%s answers 401 around API Gateway, too", async (_, route) => {
    const response = await app.request(path(route), { method: route.method });
    expect(response.status).toBe(401);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test.each(named(closed))("%s answers 403 to a user in none of our groups", async (_, route) => {
    for (const claims of [claimsOf("nobody"), claimsOf("nobody", "admins", "ca-central-1_Google")])
      await expectProblem(await send(route, claims), 403, "no_role");
  });

  test.each(named(closed))("%s takes id tokens with a verified address alone", async (_, route) => {
    const claims = claimsOf("admin", "admin");
    const { email, ...nameless } = claims;
    for (const wrong of [{ ...claims, token_use: "access" }, nameless])
      await expectProblem(await send(route, wrong), 401, "not_an_id_token");
    for (const verified of ["false", false, undefined, ""])
      await expectProblem(
        await send(route, { ...nameless, email, email_verified: verified }),
        403,
        "email_not_verified",
      );
  });

  test.each(named(cases.filter(({ open }) => open)))("%s needs no token", async (_, route) => {
    expect((await send(route, undefined)).status).toBe(200);
  });
});

describe("who sees what", () => {
  test.each(
    named(closed.filter(({ about }) => about === "message")),
  )("%s finds a message for whoever sees it, and for nobody else", async (_, route) => {
    for (const person of personNames)
      for (const letter of letterNames) {
        const response = await send(route, desk.claims[person], route.path(desk.ids[letter]));
        const locked = letter === "quarantined" && route.guarded && person !== "admin";
        const status = !sees(person, letter) ? 404 : locked ? 403 : route.schema ? 200 : 302;
        expect(response.status, `${person}, ${letter}`).toBe(status);
        if (status >= 400) await expectProblem(response, status);
      }
  });

  test.each(
    named(closed.filter(({ about }) => about === "owned")),
  )("%s is for whoever's it is, and administrators", async (_, route) => {
    for (const person of personNames) {
      const response = await send(route, desk.claims[person]);
      const status = !["recruiter", "admin"].includes(person) ? 404 : route.empty ? 204 : 200;
      expect(response.status, person).toBe(status);
      if (status === 404) await expectProblem(response, 404);
    }
  });

  test.each(
    named(closed.filter(({ lists }) => lists)),
  )("%s lists to everybody what they see", async (_, route) => {
    for (const person of personNames) {
      const names = route.lists?.names(await expectJson(await send(route, desk.claims[person])));
      expect(names?.toSorted(), person).toEqual(route.lists?.shownTo(person).toSorted());
    }
  });

  test.each(
    named(closed.filter(({ inMailbox }) => inMailbox)),
  )("%s does not find a mailbox for whoever is no member", async (_, route) => {
    const { jobs = "", payroll = "" } = desk.world.mailbox;
    for (const [person, mailboxId, status] of [
      ["admin", payroll, 200],
      ["recruiter", jobs, 200],
      ["recruiter", payroll, 404],
      ["viewer", jobs, 404],
      ["newcomer", jobs, 404],
      ["admin", "mbx_01M85RK07HS9T8XPHXKBPSSDSF", 404],
    ] as const) {
      const response = await send(route, desk.claims[person], route.inMailbox?.(mailboxId));
      expect(response.status, `${person}, ${mailboxId}`).toBe(status);
      if (status === 404) await expectProblem(response, 404, "mailbox_not_found");
    }
  });

  test.each(
    named(closed.filter(({ adminOnly }) => adminOnly)),
  )("%s is for administrators", async (_, route) => {
    for (const person of personNames) {
      const expected = person !== "admin" ? 403 : route.empty ? 204 : 200;
      expect((await send(route, desk.claims[person])).status, person).toBe(expected);
    }
  });

  test.each(
    named(closed.filter(({ about, adminOnly, lists }) => !(about || adminOnly || lists))),
  )("%s answers everybody with a role about themselves", async (_, route) => {
    for (const person of personNames)
      expect((await send(route, desk.claims[person])).status, person).toBe(200);
  });
});

describe("what a good answer is", () => {
  test.each(
    named(cases.filter(({ schema }) => schema)),
  )("%s answers what its schema says, and nothing beside it", async (_, route) => {
    for (const letter of route.about ? letterNames : letterNames.slice(0, 1)) {
      const body = await expectJson(await send(route, desk.claims.admin, route.path(desk.ids[letter])));
      expect(route.schema?.parse(body)).toEqual(body);
    }
  });

  test.each(
    named(cases.filter(({ empty }) => empty)),
  )("%s answers 204 without a body, again too", async (_, route) => {
    for (let time = 0; time < 2; time++) {
      const response = await send(route, desk.claims[allowed(route)]);
      expect(response.status).toBe(204);
      expect(await response.text()).toBe("");
    }
  });

  test.each(
    named(cases.filter(({ schema, empty }) => !schema && !empty)),
  )("%s leads to an address that is signed, ends, and downloads", async (_, route) => {
    const response = await send(route, desk.claims.recruiter);
    expect(response.status).toBe(302);
    expect(await response.text()).toBe("");
    const address = new URL(response.headers.get("location") ?? "");
    const parameter = (name: string) => address.searchParams.get(name) ?? "";
    expect(parameter("response-content-disposition")).toMatch(/^attachment; filename="/);
    if (address.origin === cdnUrl) {
      const seconds = Number(parameter("Expires")) - Date.now() / 1_000;
      expect(seconds).toBeGreaterThan(299);
      expect(seconds).toBeLessThanOrEqual(600);
      expect(parameter("Signature")).not.toBe("");
      return;
    }
    expect(parameter("X-Amz-Algorithm")).toBe("AWS4-HMAC-SHA256");
    expect(parameter("X-Amz-Signature")).toMatch(/^[0-9a-f]{64}$/);
    expect(parameter("X-Amz-Expires")).toBe("300");
    expect(parameter("response-content-type")).toBe("message/rfc822");
    expect((await fetch(address)).status).toBe(200);
  });

  test.each(
    named(cases.filter(({ method }) => method === "GET")),
  )("%s answers HEAD as GET, without the body", async (_, route) => {
    const get = await send(route, desk.claims.admin);
    const head = await call(path(route), desk.claims.admin, { method: "HEAD" });
    expect(head.status).toBe(get.status);
    expect(head.headers.get("content-type")).toBe(get.headers.get("content-type"));
    expect(await head.text()).toBe("");
    await expectHeadProblem(route);
  });

  async function expectHeadProblem(route: Case) {
    if (route.open) return;
    const head = await call(path(route), undefined, { method: "HEAD" });
    expect(head.status).toBe(401);
    expect(await head.text()).toBe("");
  }
});

describe("bad input", () => {
  test.each(
    named(cases.filter(({ inputs }) => inputs)),
  )("%s answers hostile text with what is wrong, or that there is no such thing", async (_, route) => {
    for (const person of route.adminOnly ? (["admin"] as const) : (["admin", "recruiter"] as const))
      for (const text of hostile)
        for (const at of route.inputs?.(text, desk.ids.jobs) ?? []) {
          const response = await send(route, desk.claims[person], at);
          const refusals = route.adminOnly && person !== "admin" ? [400, 403, 404] : [400, 404];
          expect(refusals, `${response.status} for ${at.slice(0, 120)}`).toContain(response.status);
          const problem = await expectProblem(response, response.status);
          expect(JSON.stringify(problem).length).toBeLessThan(1_000);
        }
    expect(await desk.world.count("messages")).toBe(letterNames.length);
  });

  test.each(
    named(cases.filter(({ body }) => body)),
  )("%s says of a body that is none what is wrong with it", async (_, route) => {
    for (const body of [undefined, [], "text", 7, null, { type: 7 }, {}]) {
      const response = await call(path(route), desk.claims.admin, { method: route.method, body });
      await expectProblem(response, 400);
    }
    const malformed = await app.request(
      path(route),
      { method: route.method, headers: { "content-type": "application/json" }, body: "{" },
      {
        event: {
          headers: {},
          requestContext: { requestId, authorizer: { jwt: { claims: desk.claims.admin } } },
        },
      },
    );
    await expectProblem(malformed, 400, "malformed_body");
  });

  test.each(
    named(cases.filter(({ optionalBody }) => optionalBody)),
  )("%s takes no body, JSON, and nothing else", async (_, route) => {
    const sent = (type: string) =>
      call(path(route), desk.claims.admin, {
        method: route.method,
        headers: { "content-type": type },
        body: {},
      });
    expect((await sent("application/json")).status).toBe(200);
    await expectProblem(await sent("text/plain"), 415, "unsupported_media_type");
  });

  test.each(named(cases))("%s does not mind hostile headers", async (_, route) => {
    const ordinary = (await send(route, desk.claims.admin)).status;
    for (const value of [
      "x".repeat(10_000),
      "'; --",
      "00-zz-zz-00",
      "\xff\xfe",
      `00-${"0".repeat(32)}-0-01`,
    ]) {
      const headers = {
        traceparent: value,
        "x-request-id": value,
        cookie: value,
        ...(route.body === undefined && !route.optionalBody && { "content-type": value }),
      };
      const response = await call(path(route), desk.claims.admin, {
        method: route.method,
        headers,
        body: route.body,
      });
      expect(response.status).toBe(ordinary);
    }
  });

  test.each(named(cases))("%s refuses every other method and names those it takes", async (_, route) => {
    const [at = ""] = path(route).split("?");
    const own = [...builtRoutes, ...unbuiltRoutes]
      .filter((other) => fits(other, at))
      .map((other) => other.slice(0, other.indexOf(" ")));
    const taken = [...own, ...(own.includes("GET") ? ["HEAD"] : [])].toSorted();
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
      if (own.includes(method)) continue;
      const response = await call(path(route), desk.claims.admin, { method });
      await expectProblem(response, 405, "method_not_allowed");
      expect(response.headers.get("allow"), method).toBe(taken.join(", "));
    }
  });
});

describe("our own failures", () => {
  /** Signs in with the good database, so that what fails then is the route's own query. */
  async function withDatabase<T>(pool: ReturnType<typeof createPool>, use: () => Promise<T>): Promise<T> {
    const restore = database.provide(pool);
    try {
      return await use();
    } finally {
      restore();
      await pool.end();
    }
  }
  const asking = closed.filter(({ idle }) => !idle);

  let empty: Awaited<ReturnType<typeof createTestDatabase>>;
  beforeAll(async () => {
    empty = await createTestDatabase(desk.world.postgres.adminUrl);
  });
  afterAll(() => empty.drop());

  test.each(named(asking))("%s says nothing of what failed, and the log does", async (_, route) => {
    await send(route, desk.claims[allowed(route)]);
    desk.world.logged.length = 0;
    await withDatabase(createPool(connectionOf(empty.url, appUser)), async () => {
      const body = await expectProblem(await send(route, desk.claims[allowed(route)]), 500, "internal_error");
      expect(Object.keys(body).toSorted()).toEqual(["code", "requestId", "status", "title", "type"]);
      expect(JSON.stringify(body)).not.toMatch(/frontdesk\.|relation|42P01|select|insert/i);
    });
    const lines = desk.world.logged.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.find(({ level }) => level === "error")).toMatchObject({
      requestId,
      error: { name: "PostgresError", code: "42P01", message: "SQLSTATE 42P01" },
    });
  });

  test.each(named(asking))("%s asks for patience while the database is away", async (_, route) => {
    await send(route, desk.claims[allowed(route)]);
    await withDatabase(createPool({ host: "127.0.0.1", port: 1 }), async () => {
      const response = await send(route, desk.claims[allowed(route)]);
      const body = await expectProblem(response, 503, "database_unavailable");
      expect(response.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
      expect(JSON.stringify(body)).not.toMatch(/ECONNREFUSED|127\.0\.0\.1/);
    });
  });
});

describe("paths that are none", () => {
  test.each([
    "/",
    "/nothing",
    "/threads/",
    "/threads/thr_1/",
    "/messages/",
    "/messages//raw",
    "/messages/msg_1/raw/more",
    "/messages/msg_1/attachments",
    "/messages/msg_1/attachments/",
    "/Threads",
    "/threads%2Fthr_1",
    "//threads",
    "/health/../threads/x/y",
    `/${"x".repeat(10_000)}`,
    "/%00",
    "/%ff",
    "/%",
  ])("%s: 404, with and without a token", async (at) => {
    for (const claims of [undefined, desk.claims.admin])
      for (const method of ["GET", "HEAD", "POST", "DELETE"]) {
        const response = await call(at, claims, { method });
        if (method === "HEAD") expect(response.status).toBe(404);
        else await expectProblem(response, 404, "no_such_path");
      }
  });
});
