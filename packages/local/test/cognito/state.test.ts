import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  AdminAddUserToGroupCommand,
  AdminGetUserCommand,
  InitiateAuthCommand,
} from "@aws-sdk/client-cognito-identity-provider";
import { afterEach, describe, expect, it } from "vitest";
import { gatewaySpec, route } from "../gateway/support.ts";
import {
  claims,
  closeClients,
  developer,
  failure,
  issuer,
  makeUser,
  password,
  poolSpec,
  send,
  startWorld,
  UserPoolId,
  type World,
} from "./support.ts";

const running: World[] = [];
async function start(options: Parameters<typeof startWorld>[0] = {}) {
  const world = await startWorld({ userPools: [poolSpec()], ...options });
  running.push(world);
  return world;
}
afterEach(async () => {
  closeClients();
  for (const world of running.splice(0)) await world.stop();
});

describe("between runs", () => {
  it("users, passwords, groups, refresh tokens and signing keys are kept", async () => {
    const first = await start();
    const admin = developer(first);
    await makeUser(admin, "kept", { email: "k@example.com" });
    await admin.send(new AdminAddUserToGroupCommand({ UserPoolId, Username: "kept", GroupName: "admin" }));
    const before = await first.cognito.issueToken({ pool: "People", client: "web", username: "kept" });
    const keys = first.cognito.jwks(issuer);
    await first.stop({ keepState: true });

    const second = await start({ stateDir: first.stateDir });
    const again = developer(second);
    expect(second.cognito.jwks(issuer)).toEqual(keys);
    const signIn = new InitiateAuthCommand({
      ClientId: "web",
      AuthFlow: "USER_PASSWORD_AUTH",
      AuthParameters: { USERNAME: "kept", PASSWORD: password },
    });
    const { AuthenticationResult } = await again.send(signIn);
    expect(claims(AuthenticationResult?.IdToken)).toMatchObject({
      "cognito:groups": ["admin"],
      email: "k@example.com",
    });
    const refresh = new InitiateAuthCommand({
      ClientId: "web",
      AuthFlow: "REFRESH_TOKEN_AUTH",
      AuthParameters: { REFRESH_TOKEN: before.refreshToken },
    });
    expect((await again.send(refresh)).AuthenticationResult?.IdToken).toBeDefined();
  });

  it("no password and no refresh token is on disk in the clear", async () => {
    const world = await start();
    await makeUser(developer(world), "private");
    const { refreshToken } = await world.cognito.issueToken({
      pool: "People",
      client: "web",
      username: "private",
    });
    const folder = join(world.stateDir, "cognito");
    const content = readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), "utf8"))
      .join();
    expect(content).toContain("private");
    expect(content).not.toContain(password);
    expect(content).not.toContain(refreshToken);
  });
});

describe("issueToken", () => {
  it("makes the user if need be, sets the groups, and a gateway's JWT authorizer takes the token until it ends", async () => {
    const world = await start({
      handlers: { fn: () => "ok" },
      gateways: [
        gatewaySpec({
          routes: [route("GET /", "fn", { authorizerId: "jwt" })],
          authorizers: [
            {
              id: "jwt",
              name: "jwt",
              kind: "jwt",
              jwt: { issuer, audiences: ["web"] },
              identitySources: ["$request.header.Authorization"],
            },
          ],
        }),
      ],
    });
    const url = world.gateways.url("abc123def4");
    const tokens = await world.cognito.issueToken({
      pool: "People",
      client: "web",
      username: "dev@example.com",
      groups: ["recruiter", "admin"],
    });
    expect(tokens.expiresIn).toBe(3600);
    const call = (token: string) => send(url, "/", { headers: { authorization: `Bearer ${token}` } });
    expect((await call(tokens.accessToken)).status).toBe(200);
    expect((await call(tokens.idToken)).status).toBe(200);
    expect(world.invocations.at(-1)?.event.requestContext).toMatchObject({
      authorizer: {
        jwt: {
          claims: { "cognito:groups": "[admin recruiter]", email: "dev@example.com", email_verified: "true" },
        },
      },
    });
    const fewer = await world.cognito.issueToken({
      pool: UserPoolId,
      client: "web",
      username: "dev@example.com",
      groups: ["viewer"],
    });
    expect(claims(fewer.idToken)["cognito:groups"]).toEqual(["viewer"]);
    expect(claims(fewer.idToken).sub).toBe(claims(tokens.idToken).sub);
    world.cloud.clock.advance(30 * 60_000);
    expect((await call(tokens.idToken)).status).toBe(401);
    expect((await call(tokens.accessToken)).status).toBe(200);
  });

  it("names the pool, client or group that does not exist, and makes no user then", async () => {
    const world = await start();
    const order = { pool: "People", client: "web", username: "x" };
    await expect(world.cognito.issueToken({ ...order, pool: "Persons" })).rejects.toThrow(
      'no user pool "Persons"; there are: People',
    );
    await expect(world.cognito.issueToken({ ...order, client: "wep" })).rejects.toThrow(
      'no client "wep"; there are: web, server, plain',
    );
    await expect(world.cognito.issueToken({ ...order, groups: ["boss"] })).rejects.toThrow('no group "boss"');
    expect(
      await failure(developer(world).send(new AdminGetUserCommand({ UserPoolId, Username: "x" }))),
    ).toMatch(/^UserNotFoundException/);
  });

  it("an issuer of no pool has no keys", async () => {
    const world = await start();
    expect(world.cognito.jwks(`${issuer}x`)).toBeUndefined();
  });
});
