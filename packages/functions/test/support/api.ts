/** The API as API Gateway calls it: with the claims of a checked token in the request's context. */
import { expect } from "vitest";
import { workspaceDomain } from "../../../core/test/support/world.ts";
import { createApp } from "../../src/api/app.ts";
import { Problem } from "../../src/api/problem.ts";
import { unbuilt } from "../../src/api/routes/unbuilt.ts";

export const app = createApp();

/** Routes as `GET /threads/:threadId`: those that are built, and those that say that they are not. */
const paths = (list: string[]) => list.map((route) => route.replaceAll(/\{(\w+)\}/g, ":$1"));
export const unbuiltRoutes = paths(Object.values(unbuilt).flat());
export const builtRoutes = [
  ...new Set(
    app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`),
  ),
].filter((route) => !unbuiltRoutes.includes(route));

export type Claims = Record<string, unknown>;

/** Claims of an id token as API Gateway hands them on: all text, lists in brackets. */
export function claimsOf(name: string, ...groups: string[]): Claims {
  return {
    sub: name,
    email: `${name}@${workspaceDomain}`,
    email_verified: "true",
    token_use: "id",
    iss: "https://cognito-idp.ca-central-1.amazonaws.com/ca-central-1_test",
    exp: "1900000000",
    ...(groups.length > 0 && { "cognito:groups": `[${groups.join(" ")}]` }),
  };
}

export interface CallOptions {
  method?: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
}

export const requestId = "JKJaXmPLvHcESHA=";

/**
 * Calls a route with the claims of a token, or without any. Every answer, whatever it says, must carry the headers that
 * keep browsers from making more of it than it is, and nobody may keep it.
 */
export async function call(path: string, claims: Claims | undefined, options: CallOptions = {}) {
  const { method = "GET", body } = options;
  const headers = { ...(body !== undefined && { "content-type": "application/json" }), ...options.headers };
  const response = await app.request(
    path,
    { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) },
    { event: { headers, requestContext: { requestId, ...(claims && { authorizer: { jwt: { claims } } }) } } },
  );
  expect(Object.fromEntries(response.headers), `${method} ${path.slice(0, 200)}`).toMatchObject({
    "x-request-id": requestId,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "cache-control": response.ok && path === "/openapi.json" ? "public, max-age=300" : "no-store",
  });
  return response;
}

/** Demands an answer of RFC 9457 with nothing in it but what is promised. */
export async function expectProblem(response: Response, status: number, code?: string) {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const body = Problem.strict().parse(await response.json());
  expect({ status: response.status, code: body.code }).toEqual({ status, code: code ?? body.code });
  expect(body).toMatchObject({ type: `urn:frontdesk:problem:${body.code}`, status, requestId });
  expect(body.title).not.toBe("");
  return body;
}

/** An answer of 200, as JSON. */
export async function expectJson<T>(response: Response): Promise<T> {
  const text = await response.text();
  expect(response.status, text).toBe(200);
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  return JSON.parse(text) as T;
}
