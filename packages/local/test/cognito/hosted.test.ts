import { createHash } from "node:crypto";
import {
  AdminCreateUserCommand,
  AdminDisableUserCommand,
  type CognitoIdentityProviderClient,
} from "@aws-sdk/client-cognito-identity-provider";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  callback,
  claims,
  closeClients,
  developer,
  FunctionFailure,
  functionArn,
  issuer,
  makeUser,
  password,
  poolSpec,
  send,
  startWorld,
  UserPoolId,
  type World,
} from "./support.ts";

const handlers: World["handlers"] = { preToken: (event) => event };
const verifier = "v".repeat(43);
const challenge = createHash("sha256").update(verifier).digest("base64url");
const secretBasic = { authorization: `Basic ${Buffer.from("server:s3cr3t").toString("base64")}` };
let world: World;
let admin: CognitoIdentityProviderClient;
let origin: string;

beforeAll(async () => {
  world = await startWorld({
    handlers,
    userPools: [poolSpec({ triggers: { preTokenGeneration: functionArn("preToken") } })],
  });
  admin = developer(world);
  origin = world.cognito.url(UserPoolId);
  await makeUser(admin, "hosted", { email: "h@example.com", email_verified: "true" });
});
afterAll(async () => {
  closeClients();
  await world.stop();
});

const query = (more: Record<string, string | undefined> = {}) => {
  const parameters = {
    client_id: "web",
    response_type: "code",
    redirect_uri: callback,
    scope: "openid email",
    state: "st&te",
    code_challenge: challenge,
    code_challenge_method: "S256",
    nonce: "n1",
    ...more,
  };
  return new URLSearchParams(
    Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString();
};
const cookieOf = (headers: { "set-cookie"?: string[] }) =>
  (headers["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");
const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();
const formType = { "content-type": "application/x-www-form-urlencoded" };

/** What a browser does: authorize, the page, the form. @returns the last answer. */
async function signIn(search = query(), fields: Record<string, string> = { username: "hosted", password }) {
  const start = await send(origin, `/oauth2/authorize?${search}`);
  expect(start.status).toBe(302);
  const page = await send(origin, start.headers.location ?? "");
  const csrf = /name="_csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? "";
  const cookie = cookieOf(page.headers);
  const answer = await send(origin, start.headers.location ?? "", {
    method: "POST",
    headers: { ...formType, cookie },
    body: form({ _csrf: csrf, ...fields }),
  });
  return { answer, cookie, csrf, location: start.headers.location ?? "" };
}
const codeOf = (location: string | undefined) => new URL(location ?? "").searchParams.get("code") ?? "";
const exchange = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
  send(origin, "/oauth2/token", {
    method: "POST",
    headers: { ...formType, ...headers },
    body: form({
      grant_type: "authorization_code",
      client_id: "web",
      redirect_uri: callback,
      code_verifier: verifier,
      ...fields,
    }),
  });

describe("the hosted UI", () => {
  it("signs a user in by code and PKCE, and its tokens verify by the keys under the issuer", async () => {
    const { answer } = await signIn();
    expect(answer.status).toBe(302);
    const target = new URL(answer.headers.location ?? "");
    expect([target.origin + target.pathname, target.searchParams.get("state")]).toEqual([callback, "st&te"]);
    const reply = await exchange({ code: codeOf(answer.headers.location) });
    expect(reply.status).toBe(200);
    expect(reply.headers["access-control-allow-origin"]).toBe("*");
    const tokens = JSON.parse(reply.body) as Record<string, string>;
    expect(tokens).toMatchObject({
      token_type: "Bearer",
      expires_in: 3600,
      refresh_token: expect.any(String),
    });
    const keys = createRemoteJWKSet(new URL(`${origin}/${UserPoolId}/.well-known/jwks.json`));
    const currentDate = new Date(world.cloud.clock.now());
    const { payload: id } = await jwtVerify(tokens.id_token ?? "", keys, {
      issuer,
      audience: "web",
      currentDate,
    });
    const { payload: access } = await jwtVerify(tokens.access_token ?? "", keys, { issuer, currentDate });
    expect(id).toMatchObject({
      nonce: "n1",
      token_use: "id",
      "cognito:username": "hosted",
      email: "h@example.com",
    });
    expect(id.at_hash).toBe(
      createHash("sha256")
        .update(tokens.access_token ?? "")
        .digest()
        .subarray(0, 16)
        .toString("base64url"),
    );
    expect(access).toMatchObject({ version: 2, scope: "openid email", client_id: "web", username: "hosted" });
    expect(world.invocations.at(-1)?.event.triggerSource).toBe("TokenGeneration_HostedAuth");

    const info = await send(origin, "/oauth2/userInfo", {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(JSON.parse(info.body)).toEqual({
      sub: id.sub,
      email: "h@example.com",
      email_verified: "true",
      username: "hosted",
    });
    const renewed = await exchange({
      grant_type: "refresh_token",
      refresh_token: tokens.refresh_token ?? "",
    });
    expect(claims((JSON.parse(renewed.body) as Record<string, string>).id_token).origin_jti).toBe(
      id.origin_jti,
    );

    const revoke = {
      method: "POST",
      headers: formType,
      body: form({ client_id: "web", token: tokens.refresh_token ?? "" }),
    };
    expect((await send(origin, "/oauth2/revoke", revoke)).status).toBe(200);
    expect(
      (
        await send(origin, "/oauth2/userInfo", {
          headers: { authorization: `Bearer ${tokens.access_token}` },
        })
      ).status,
    ).toBe(401);
    expect(
      JSON.parse(
        (await exchange({ grant_type: "refresh_token", refresh_token: tokens.refresh_token ?? "" })).body,
      ),
    ).toEqual({ error: "invalid_grant" });
  });

  it("a code is good once, for five minutes, and only with the same client, redirect and verifier", async () => {
    const fresh = async () => codeOf((await signIn()).answer.headers.location);
    const refused = async (fields: Record<string, string>) => JSON.parse((await exchange(fields)).body);
    const used = await fresh();
    expect((await exchange({ code: used })).status).toBe(200);
    expect(await refused({ code: used })).toEqual({ error: "invalid_grant" });
    expect(await refused({ code: await fresh(), code_verifier: "w".repeat(43) })).toEqual({
      error: "invalid_grant",
    });
    expect(await refused({ code: await fresh(), redirect_uri: `${callback}/` })).toEqual({
      error: "invalid_grant",
    });
    expect(await refused({ code: await fresh(), client_id: "plain" })).toEqual({ error: "invalid_grant" });
    const late = await fresh();
    world.cloud.clock.advance(300_000);
    expect(await refused({ code: late })).toEqual({ error: "invalid_grant" });
    expect(await refused({ grant_type: "password" })).toEqual({ error: "unsupported_grant_type" });
    expect(await refused({ client_id: "nowhere", code: "x" })).toEqual({ error: "invalid_client" });
  });

  it("a client with a secret must show it, and may go without PKCE", async () => {
    const search = query({
      client_id: "server",
      code_challenge: undefined,
      code_challenge_method: undefined,
    });
    const code = async () => codeOf((await signIn(search)).answer.headers.location);
    const fields = { client_id: "server", code_verifier: "" };
    expect(JSON.parse((await exchange({ ...fields, code: await code() })).body)).toEqual({
      error: "invalid_client",
    });
    expect(
      JSON.parse((await exchange({ ...fields, client_secret: "wrong", code: await code() })).body),
    ).toEqual({ error: "invalid_client" });
    expect((await exchange({ ...fields, client_secret: "s3cr3t", code: await code() })).status).toBe(200);
    expect((await exchange({ ...fields, code: await code() }, secretBasic)).status).toBe(200);
  });

  it.each([
    [{ client_id: "nowhere" }, "Client does not exist"],
    [{ redirect_uri: "https://evil.example/callback" }, "redirect_mismatch"],
    [{ redirect_uri: `${callback}?x=1` }, "redirect_mismatch"],
    [{ redirect_uri: undefined }, "redirect_mismatch"],
  ])("what cannot be trusted is told to the user and never redirected: %j", async (more, message) => {
    for (const path of ["/oauth2/authorize", "/login"]) {
      const reply = await send(origin, `${path}?${query(more)}`);
      expect([reply.status, reply.headers.location]).toEqual([400, undefined]);
      expect(reply.body).toContain(message);
    }
  });

  it.each([
    [{ response_type: "token" }, "unauthorized_client"],
    [{ response_type: "banana" }, "unsupported_response_type"],
    [{ scope: "openid admin" }, "invalid_scope"],
    [{ code_challenge: undefined }, "invalid_request"],
    [{ code_challenge_method: "plain" }, "invalid_request"],
    [{ client_id: "plain" }, "unauthorized_client"],
  ])("what the client does not allow goes back to it as an error: %j", async (more, error) => {
    const reply = await send(origin, `/oauth2/authorize?${query(more)}`);
    const target = new URL(reply.headers.location ?? "");
    expect([reply.status, target.searchParams.get("error"), target.searchParams.get("state")]).toEqual([
      302,
      error,
      "st&te",
    ]);
  });

  it("wrong passwords, disabled users and forms of other sites do not sign in", async () => {
    const wrong = await signIn(query(), { username: "hosted", password: "wrong" });
    expect([wrong.answer.status, wrong.answer.headers.location]).toEqual([400, undefined]);
    expect(wrong.answer.body).toContain("Incorrect username or password.");
    expect(wrong.answer.body).not.toContain('wrong"');
    const forged = await send(origin, wrong.location, {
      method: "POST",
      headers: formType,
      body: form({ _csrf: "x", username: "hosted", password }),
    });
    expect(forged.status).toBe(403);
    const mismatched = await send(origin, wrong.location, {
      method: "POST",
      headers: { ...formType, cookie: wrong.cookie },
      body: form({ _csrf: `${wrong.csrf}x`, username: "hosted", password }),
    });
    expect(mismatched.status).toBe(403);
    await makeUser(admin, "off");
    await admin.send(new AdminDisableUserCommand({ UserPoolId, Username: "off" }));
    expect((await signIn(query(), { username: "off", password })).answer.body).toContain("User is disabled.");
  });

  it("whatever the address holds is escaped in the page, which runs no scripts and fits in no frame", async () => {
    const page = await send(origin, `/login?${query({ state: '"><script>alert(1)</script>' })}`);
    expect(page.status).toBe(200);
    expect(page.body).not.toContain("<script");
    expect(page.headers["content-security-policy"]).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    const raw = await send(origin, `/login?${query()}&x="><script>`);
    expect(raw.body).not.toContain("<script");
  });

  it("who must change the password does so on the page", async () => {
    await admin.send(
      new AdminCreateUserCommand({ UserPoolId, Username: "fresh", TemporaryPassword: "Temporary-1!" }),
    );
    const { answer, cookie, csrf, location } = await signIn(query(), {
      username: "fresh",
      password: "Temporary-1!",
    });
    expect(answer.body).toContain("Choose a new password");
    const session = /name="session" value="([^"]+)"/.exec(answer.body)?.[1] ?? "";
    const choose = (new_password: string) =>
      send(origin, location, {
        method: "POST",
        headers: { ...formType, cookie },
        body: form({ _csrf: csrf, session, new_password }),
      });
    expect((await choose("weak")).body).toContain("not long enough");
    const done = await choose("Stronger-2!");
    expect(done.status).toBe(302);
    expect(codeOf(done.headers.location)).not.toBe("");
  });

  it("remembers who signed in until they sign out, and signs out only to registered addresses", async () => {
    const { answer } = await signIn();
    const cookie = cookieOf(answer.headers);
    expect(answer.headers["set-cookie"]?.[0]).toMatch(/HttpOnly; SameSite=Lax/);
    const again = await send(origin, `/oauth2/authorize?${query()}`, { headers: { cookie } });
    expect(codeOf(again.headers.location)).not.toBe("");
    const forced = await send(origin, `/oauth2/authorize?${query({ prompt: "login" })}`, {
      headers: { cookie },
    });
    expect(forced.headers.location).toMatch(/^\/login\?/);
    const logout = (logout_uri: string) =>
      send(origin, `/logout?${new URLSearchParams({ client_id: "web", logout_uri })}`, {
        headers: { cookie },
      });
    expect((await logout("https://evil.example")).status).toBe(400);
    expect((await logout("https://app.example.com/bye")).headers.location).toBe(
      "https://app.example.com/bye",
    );
    const after = await send(origin, `/oauth2/authorize?${query()}`, { headers: { cookie } });
    expect(after.headers.location).toMatch(/^\/login\?/);
  });

  it("a trigger that refuses sends the user back with the reason and without a code", async () => {
    handlers.preToken = () => {
      throw new FunctionFailure("not of our domain");
    };
    const { answer } = await signIn();
    handlers.preToken = (event) => event;
    const target = new URL(answer.headers.location ?? "");
    expect(Object.fromEntries(target.searchParams)).toEqual({
      error: "invalid_request",
      error_description: "PreTokenGeneration failed with error not of our domain.",
      state: "st&te",
    });
  });

  it("userInfo wants an access token with the scope openid", async () => {
    for (const authorization of [
      "",
      "Bearer nonsense",
      `Bearer ${(await world.cognito.issueToken({ pool: "People", client: "web", username: "hosted" })).accessToken}`,
    ]) {
      const reply = await send(origin, "/oauth2/userInfo", {
        headers: authorization ? { authorization } : {},
      });
      expect([reply.status, reply.headers["www-authenticate"]]).toEqual([
        401,
        expect.stringContaining("invalid_token"),
      ]);
    }
  });
});

describe("addresses", () => {
  it("keys, discovery and pages answer under AWS's names behind the front door", async () => {
    const idp = { host: "cognito-idp.eu-north-1.amazonaws.com" };
    const keys = JSON.parse(
      (await send(world.aws, `/${UserPoolId}/.well-known/jwks.json`, { headers: idp })).body,
    );
    expect(keys.keys).toHaveLength(2);
    for (const key of keys.keys)
      expect(Object.keys(key).sort()).toEqual(["alg", "e", "kid", "kty", "n", "use"]);
    const discovery = JSON.parse(
      (await send(world.aws, `/${UserPoolId}/.well-known/openid-configuration`, { headers: idp })).body,
    );
    expect(discovery).toMatchObject({
      issuer,
      token_endpoint: "https://people-test.auth.eu-north-1.amazoncognito.com/oauth2/token",
    });
    expect(
      JSON.parse((await send(origin, `/${UserPoolId}/.well-known/openid-configuration`)).body),
    ).toMatchObject({ issuer, token_endpoint: `${origin}/oauth2/token` });
    expect((await send(world.aws, "/other/.well-known/jwks.json", { headers: idp })).status).toBe(404);
    const page = await send(world.aws, `/login?${query()}`, {
      headers: { host: "people-test.auth.eu-north-1.amazoncognito.com" },
    });
    expect(page.body).toContain("Sign in to People");
    expect(
      (await send(world.aws, "/login", { headers: { host: "other.auth.eu-north-1.amazoncognito.com" } }))
        .status,
    ).toBe(404);
  });
});
