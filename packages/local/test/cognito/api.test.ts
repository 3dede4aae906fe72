import { createHmac } from "node:crypto";
import {
  AdminAddUserToGroupCommand,
  AdminConfirmSignUpCommand,
  AdminCreateUserCommand,
  AdminDeleteUserCommand,
  AdminDisableUserCommand,
  AdminEnableUserCommand,
  AdminGetUserCommand,
  AdminInitiateAuthCommand,
  AdminListGroupsForUserCommand,
  AdminRemoveUserFromGroupCommand,
  AdminRespondToAuthChallengeCommand,
  AdminSetUserPasswordCommand,
  AdminUpdateUserAttributesCommand,
  AdminUserGlobalSignOutCommand,
  ChangePasswordCommand,
  CognitoIdentityProviderClient,
  CreateGroupCommand,
  DescribeUserPoolClientCommand,
  DescribeUserPoolCommand,
  GetUserCommand,
  GlobalSignOutCommand,
  InitiateAuthCommand,
  ListGroupsCommand,
  ListUsersCommand,
  ListUsersInGroupCommand,
  RespondToAuthChallengeCommand,
  RevokeTokenCommand,
  SignUpCommand,
} from "@aws-sdk/client-cognito-identity-provider";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountId } from "../gateway/support.ts";
import {
  claims,
  clientSpec,
  closeClients,
  developer,
  failure,
  makeUser,
  password,
  poolArn,
  poolSpec,
  region,
  startWorld,
  UserPoolId,
  type World,
} from "./support.ts";

let world: World;
let admin: CognitoIdentityProviderClient;
/** A browser: no keys at all. */
let browser: CognitoIdentityProviderClient;

beforeAll(async () => {
  world = await startWorld({
    userPools: [
      poolSpec(),
      poolSpec({
        id: `${region}_Email`,
        arn: poolArn.replace("AbCdEfGhI", "Email"),
        issuer: "https://cognito-idp.eu-north-1.amazonaws.com/eu-north-1_Email",
        name: "Mail",
        usernameAttributes: ["email"],
        clients: [clientSpec("mail")],
        domain: "mail-test",
        passwordPolicy: {
          minimumLength: 12,
          requireLowercase: true,
          requireUppercase: false,
          requireNumbers: false,
          requireSymbols: false,
        },
      }),
    ],
    plan: {
      roles: [
        {
          arn: `arn:aws:iam::${accountId}:role/reader`,
          name: "reader",
          trust: { Statement: [] },
          policies: [
            {
              name: "p",
              document: {
                Statement: [{ Effect: "Allow", Action: "cognito-idp:AdminGetUser", Resource: poolArn }],
              },
            },
          ],
        },
      ],
    },
  });
  admin = developer(world);
  browser = new CognitoIdentityProviderClient({ endpoint: world.aws, region, maxAttempts: 1 });
});
afterAll(async () => {
  browser.destroy();
  closeClients();
  await world.stop();
});

const signIn = (Username: string, secret = password, ClientId = "web") =>
  browser.send(
    new InitiateAuthCommand({
      ClientId,
      AuthFlow: "USER_PASSWORD_AUTH",
      AuthParameters: { USERNAME: Username, PASSWORD: secret },
    }),
  );

describe("users", () => {
  it("are made with a temporary password, and must choose another one when they sign in", async () => {
    const Username = "newcomer";
    const { User } = await admin.send(
      new AdminCreateUserCommand({
        UserPoolId,
        Username,
        TemporaryPassword: "Temporary-1!",
        UserAttributes: [{ Name: "email", Value: "n@example.com" }],
      }),
    );
    expect(User).toMatchObject({
      Username,
      Enabled: true,
      UserStatus: "FORCE_CHANGE_PASSWORD",
      UserCreateDate: expect.any(Date),
    });
    expect(User?.Attributes).toContainEqual({ Name: "email", Value: "n@example.com" });
    const challenge = await signIn(Username, "Temporary-1!");
    expect(challenge).toMatchObject({
      ChallengeName: "NEW_PASSWORD_REQUIRED",
      ChallengeParameters: { USER_ID_FOR_SRP: Username },
    });
    expect(challenge.AuthenticationResult).toBeUndefined();
    const answer = (NEW_PASSWORD: string, Session = challenge.Session) =>
      admin.send(
        new AdminRespondToAuthChallengeCommand({
          UserPoolId,
          ClientId: "web",
          ChallengeName: "NEW_PASSWORD_REQUIRED",
          Session,
          ChallengeResponses: { USERNAME: Username, NEW_PASSWORD, "userAttributes.name": "New" },
        }),
      );
    expect(await failure(answer("weak"))).toMatch(/^InvalidPasswordException: .*not long enough/);
    expect((await answer("Stronger-2!")).AuthenticationResult?.IdToken).toBeDefined();
    expect(await failure(answer("Stronger-3!"))).toMatch(/^NotAuthorizedException: Invalid session/);
    const user = await admin.send(new AdminGetUserCommand({ UserPoolId, Username }));
    expect(user.UserStatus).toBe("CONFIRMED");
    expect(user.UserAttributes).toContainEqual({ Name: "name", Value: "New" });
    expect((await signIn(Username, "Stronger-2!")).AuthenticationResult).toBeDefined();
    expect(await failure(signIn(Username, "Temporary-1!"))).toBe(
      "NotAuthorizedException: Incorrect username or password.",
    );
  });

  it("a challenge is over after three minutes", async () => {
    await admin.send(
      new AdminCreateUserCommand({ UserPoolId, Username: "late", TemporaryPassword: "Temporary-1!" }),
    );
    const { Session } = await signIn("late", "Temporary-1!");
    world.cloud.clock.advance(180_000);
    const answer = new RespondToAuthChallengeCommand({
      ClientId: "web",
      ChallengeName: "NEW_PASSWORD_REQUIRED",
      Session,
      ChallengeResponses: { USERNAME: "late", NEW_PASSWORD: "Stronger-2!" },
    });
    expect(await failure(browser.send(answer))).toMatch(/^NotAuthorizedException: .*expired/);
  });

  it("exist once, without regard to case, and are unknown once deleted", async () => {
    await makeUser(admin, "Once");
    expect(await failure(makeUser(admin, "once"))).toMatch(/^UsernameExistsException/);
    await admin.send(new AdminDeleteUserCommand({ UserPoolId, Username: "ONCE" }));
    expect(await failure(admin.send(new AdminGetUserCommand({ UserPoolId, Username: "Once" })))).toBe(
      "UserNotFoundException: User does not exist.",
    );
    expect(await failure(signIn("Once"))).toBe("NotAuthorizedException: Incorrect username or password.");
  });

  it("attributes change, and a new address is unverified unless the call says otherwise", async () => {
    await makeUser(admin, "attr", { email: "a@example.com", email_verified: "true" });
    const update = (...attributes: [string, string][]) =>
      admin.send(
        new AdminUpdateUserAttributesCommand({
          UserPoolId,
          Username: "attr",
          UserAttributes: attributes.map(([Name, Value]) => ({ Name, Value })),
        }),
      );
    await update(["email", "b@example.com"], ["custom:team", "x"]);
    const get = async () =>
      Object.fromEntries(
        (await admin.send(new AdminGetUserCommand({ UserPoolId, Username: "attr" }))).UserAttributes?.map(
          ({ Name, Value }) => [Name, Value],
        ) ?? [],
      );
    expect(await get()).toMatchObject({
      email: "b@example.com",
      email_verified: "false",
      "custom:team": "x",
    });
    await update(["email", "c@example.com"], ["email_verified", "true"]);
    expect(await get()).toMatchObject({ email_verified: "true" });
    expect(await failure(update(["sub", "me"]))).toMatch(/^InvalidParameterException/);
  });

  it("a disabled user cannot sign in or refresh, and can again once enabled", async () => {
    await makeUser(admin, "toggled");
    const { AuthenticationResult } = await signIn("toggled");
    await admin.send(new AdminDisableUserCommand({ UserPoolId, Username: "toggled" }));
    expect(await failure(signIn("toggled"))).toBe("NotAuthorizedException: User is disabled.");
    const refresh = new InitiateAuthCommand({
      ClientId: "web",
      AuthFlow: "REFRESH_TOKEN_AUTH",
      AuthParameters: { REFRESH_TOKEN: AuthenticationResult?.RefreshToken ?? "" },
    });
    expect(await failure(browser.send(refresh))).toBe("NotAuthorizedException: Invalid Refresh Token");
    await admin.send(new AdminEnableUserCommand({ UserPoolId, Username: "toggled" }));
    expect((await signIn("toggled")).AuthenticationResult).toBeDefined();
  });

  it("are listed by page and found by filter", async () => {
    await makeUser(admin, "filter-a", { email: 'a"quote@example.com' });
    await makeUser(admin, "filter-b", { email: "b@example.com" });
    const find = async (Filter: string) =>
      (await admin.send(new ListUsersCommand({ UserPoolId, Filter }))).Users?.map(({ Username }) => Username);
    expect(await find('username ^= "filter-"')).toEqual(["filter-a", "filter-b"]);
    expect(await find('email = "a\\"quote@example.com"')).toEqual(["filter-a"]);
    expect(await find('status = "Disabled"')).toEqual([]);
    expect(await failure(find("email like x"))).toMatch(/^InvalidParameterException/);
    expect(await failure(find('custom:team = "x"'))).toMatch(/^InvalidParameterException/);
    const names: string[] = [];
    let PaginationToken: string | undefined;
    do {
      const page = await admin.send(
        new ListUsersCommand({
          UserPoolId,
          Limit: 1,
          ...(PaginationToken && { PaginationToken }),
          Filter: 'username ^= "filter-"',
        }),
      );
      names.push(...(page.Users ?? []).map(({ Username }) => Username ?? ""));
      PaginationToken = page.PaginationToken;
    } while (PaginationToken);
    expect(names).toEqual(["filter-a", "filter-b"]);
  });

  it("of a pool that names them by email have a UUID for a username and sign in by their address", async () => {
    const pool = { UserPoolId: `${region}_Email` };
    const { User } = await admin.send(new AdminCreateUserCommand({ ...pool, Username: "Mail@Example.com" }));
    expect(User?.Username).toMatch(/^[0-9a-f-]{36}$/);
    expect(User?.Attributes).toContainEqual({ Name: "email", Value: "Mail@Example.com" });
    const weak = new AdminSetUserPasswordCommand({
      ...pool,
      Username: "mail@example.com",
      Password: "short",
      Permanent: true,
    });
    expect(await failure(admin.send(weak))).toMatch(/^InvalidPasswordException/);
    await admin.send(
      new AdminSetUserPasswordCommand({
        ...pool,
        Username: "mail@example.com",
        Password: "all-lower-case",
        Permanent: true,
      }),
    );
    const { AuthenticationResult } = await signIn("MAIL@example.com", "all-lower-case", "mail");
    expect(claims(AuthenticationResult?.IdToken)).toMatchObject({
      "cognito:username": User?.Username,
      sub: User?.Username,
      email: "Mail@Example.com",
    });
    expect(await failure(admin.send(new AdminCreateUserCommand({ ...pool, Username: "nobody" })))).toMatch(
      /^InvalidParameterException: Username should be an email/,
    );
  });

  it("who sign up themselves wait for an administrator's confirmation", async () => {
    const { UserConfirmed, UserSub } = await browser.send(
      new SignUpCommand({ ClientId: "web", Username: "self", Password: password }),
    );
    expect([UserConfirmed, UserSub]).toEqual([false, expect.any(String)]);
    expect(await failure(signIn("self"))).toMatch(/^UserNotConfirmedException/);
    await admin.send(new AdminConfirmSignUpCommand({ UserPoolId, Username: "self" }));
    expect((await signIn("self")).AuthenticationResult).toBeDefined();
    expect(
      await failure(admin.send(new AdminConfirmSignUpCommand({ UserPoolId, Username: "self" }))),
    ).toMatch(/^NotAuthorizedException/);
  });
});

describe("groups", () => {
  it("come from the plan and the API, and the one with the lowest precedence comes first", async () => {
    await makeUser(admin, "member");
    await admin.send(new CreateGroupCommand({ UserPoolId, GroupName: "extra", Description: "made here" }));
    expect(await failure(admin.send(new CreateGroupCommand({ UserPoolId, GroupName: "extra" })))).toMatch(
      /^GroupExistsException/,
    );
    for (const GroupName of ["viewer", "extra", "admin"])
      await admin.send(new AdminAddUserToGroupCommand({ UserPoolId, Username: "member", GroupName }));
    const groups = await admin.send(new AdminListGroupsForUserCommand({ UserPoolId, Username: "member" }));
    expect(groups.Groups?.map(({ GroupName }) => GroupName)).toEqual(["admin", "viewer", "extra"]);
    expect(groups.Groups?.[0]).toMatchObject({ Description: "may do all", Precedence: 10, UserPoolId });
    const all = await admin.send(new ListGroupsCommand({ UserPoolId }));
    expect(all.Groups?.map(({ GroupName }) => GroupName)).toEqual(["viewer", "admin", "recruiter", "extra"]);
    const members = await admin.send(new ListUsersInGroupCommand({ UserPoolId, GroupName: "extra" }));
    expect(members.Users?.map(({ Username }) => Username)).toEqual(["member"]);
    await admin.send(
      new AdminRemoveUserFromGroupCommand({ UserPoolId, Username: "member", GroupName: "viewer" }),
    );
    const { AuthenticationResult } = await signIn("member");
    expect(claims(AuthenticationResult?.IdToken)["cognito:groups"]).toEqual(["admin", "extra"]);
    expect(claims(AuthenticationResult?.AccessToken)["cognito:groups"]).toEqual(["admin", "extra"]);
    const missing = new AdminAddUserToGroupCommand({ UserPoolId, Username: "member", GroupName: "nowhere" });
    expect(await failure(admin.send(missing))).toBe("ResourceNotFoundException: Group not found.");
  });
});

describe("tokens", () => {
  it("carry the claims that Cognito gives them, verify by the published keys, and last as long as the client says", async () => {
    const made = await makeUser(admin, "shape", {
      email: "s@example.com",
      email_verified: "true",
      "custom:team": "x",
    });
    const sub = made?.Attributes?.find(({ Name }) => Name === "sub")?.Value;
    const { AuthenticationResult } = await admin.send(
      new AdminInitiateAuthCommand({
        UserPoolId,
        ClientId: "web",
        AuthFlow: "ADMIN_USER_PASSWORD_AUTH",
        AuthParameters: { USERNAME: "shape", PASSWORD: password },
      }),
    );
    expect(AuthenticationResult).toMatchObject({ ExpiresIn: 3600, TokenType: "Bearer" });
    const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);
    const id = claims(AuthenticationResult?.IdToken);
    const access = claims(AuthenticationResult?.AccessToken);
    const iss = `https://cognito-idp.eu-north-1.amazonaws.com/${UserPoolId}`;
    expect(id).toEqual({
      sub,
      email: "s@example.com",
      email_verified: true,
      "custom:team": "x",
      iss,
      "cognito:username": "shape",
      origin_jti: uuid,
      aud: "web",
      event_id: uuid,
      token_use: "id",
      auth_time: expect.any(Number),
      exp: Number(id.iat) + 1800,
      iat: expect.any(Number),
      jti: uuid,
    });
    expect(access).toEqual({
      sub,
      iss,
      client_id: "web",
      origin_jti: id.origin_jti,
      event_id: uuid,
      token_use: "access",
      scope: "aws.cognito.signin.user.admin",
      auth_time: id.auth_time,
      exp: Number(access.iat) + 3600,
      iat: expect.any(Number),
      jti: uuid,
      username: "shape",
    });
    expect(access.jti).not.toBe(id.jti);
  });

  it("are renewed by the refresh token until it ends, keeping auth_time and origin_jti", async () => {
    await makeUser(admin, "renew");
    const { AuthenticationResult: first } = await signIn("renew");
    const refresh = (ClientId = "web") =>
      browser.send(
        new InitiateAuthCommand({
          ClientId,
          AuthFlow: "REFRESH_TOKEN_AUTH",
          AuthParameters: { REFRESH_TOKEN: first?.RefreshToken ?? "" },
        }),
      );
    world.cloud.clock.advance(60_000);
    const { AuthenticationResult: second } = await refresh();
    expect(second?.RefreshToken).toBeUndefined();
    const [before, after] = [claims(first?.AccessToken), claims(second?.AccessToken)];
    expect([after.auth_time, after.origin_jti]).toEqual([before.auth_time, before.origin_jti]);
    expect(Number(after.iat)).toBeGreaterThanOrEqual(Number(before.iat) + 60);
    expect(await failure(refresh("mail"))).toBe("NotAuthorizedException: Invalid Refresh Token");
    world.cloud.clock.advance(1440 * 60_000);
    expect(await failure(refresh())).toBe("NotAuthorizedException: Invalid Refresh Token");
  });

  it("let their user ask and change things, until they expire or their sign-in is ended", async () => {
    await makeUser(admin, "holder", { name: "H" });
    const fresh = async () => (await signIn("holder")).AuthenticationResult;
    const get = (AccessToken: string | undefined) => browser.send(new GetUserCommand({ AccessToken }));
    const first = await fresh();
    expect(await get(first?.AccessToken)).toMatchObject({
      Username: "holder",
      UserAttributes: expect.arrayContaining([{ Name: "name", Value: "H" }]),
    });
    expect(await failure(get(first?.IdToken))).toBe("NotAuthorizedException: Invalid Access Token");
    expect(await failure(get("nonsense"))).toBe("NotAuthorizedException: Invalid Access Token");

    const second = await fresh();
    await browser.send(new RevokeTokenCommand({ ClientId: "web", Token: first?.RefreshToken }));
    expect(await failure(get(first?.AccessToken))).toBe(
      "NotAuthorizedException: Access Token has been revoked",
    );
    expect((await get(second?.AccessToken)).Username).toBe("holder");
    await browser.send(
      new ChangePasswordCommand({
        AccessToken: second?.AccessToken,
        PreviousPassword: password,
        ProposedPassword: "Another-pass-1",
      }),
    );
    await admin.send(
      new AdminSetUserPasswordCommand({
        UserPoolId,
        Username: "holder",
        Password: password,
        Permanent: true,
      }),
    );

    const third = await fresh();
    await browser.send(new GlobalSignOutCommand({ AccessToken: second?.AccessToken }));
    for (const tokens of [second, third]) expect(await failure(get(tokens?.AccessToken))).toMatch(/revoked/);
    const fourth = await fresh();
    await admin.send(new AdminUserGlobalSignOutCommand({ UserPoolId, Username: "holder" }));
    expect(await failure(get(fourth?.AccessToken))).toMatch(/revoked/);
    const fifth = await fresh();
    world.cloud.clock.advance(3_600_000);
    expect(await failure(get(fifth?.AccessToken))).toBe("NotAuthorizedException: Access Token has expired");
  });
});

describe("clients", () => {
  it("only the flows that a client allows are run for it", async () => {
    await makeUser(admin, "flows");
    expect(await failure(signIn("flows", password, "plain"))).toBe(
      "InvalidParameterException: USER_PASSWORD_AUTH flow not enabled for this client",
    );
    const byAdmin = new AdminInitiateAuthCommand({
      UserPoolId,
      ClientId: "plain",
      AuthFlow: "ADMIN_USER_PASSWORD_AUTH",
      AuthParameters: { USERNAME: "flows", PASSWORD: password },
    });
    expect(await failure(admin.send(byAdmin))).toMatch(/^InvalidParameterException/);
    const open = new InitiateAuthCommand({
      ClientId: "web",
      AuthFlow: "ADMIN_USER_PASSWORD_AUTH",
      AuthParameters: { USERNAME: "flows", PASSWORD: password },
    });
    expect(await failure(browser.send(open))).toMatch(/^InvalidParameterException/);
    expect(await failure(signIn("flows", password, "nowhere"))).toMatch(/^ResourceNotFoundException/);
  });

  it("a client with a secret needs its hash", async () => {
    await makeUser(admin, "hashed");
    const hash = (name: string, key: string) =>
      createHmac("sha256", key).update(`${name}server`).digest("base64");
    const attempt = (SECRET_HASH?: string) =>
      browser.send(
        new InitiateAuthCommand({
          ClientId: "server",
          AuthFlow: "USER_PASSWORD_AUTH",
          AuthParameters: { USERNAME: "hashed", PASSWORD: password, ...(SECRET_HASH && { SECRET_HASH }) },
        }),
      );
    expect(await failure(attempt())).toMatch(/^NotAuthorizedException: .*SECRET_HASH was not received/);
    expect(await failure(attempt(hash("hashed", "wrong")))).toMatch(
      /^NotAuthorizedException: Unable to verify secret hash/,
    );
    const { AuthenticationResult } = await attempt(hash("hashed", "s3cr3t"));
    const refresh = (SECRET_HASH: string) =>
      browser.send(
        new InitiateAuthCommand({
          ClientId: "server",
          AuthFlow: "REFRESH_TOKEN_AUTH",
          AuthParameters: { REFRESH_TOKEN: AuthenticationResult?.RefreshToken ?? "", SECRET_HASH },
        }),
      );
    expect(await failure(refresh(hash("other", "s3cr3t")))).toMatch(/^NotAuthorizedException/);
    expect((await refresh(hash("hashed", "s3cr3t"))).AuthenticationResult).toBeDefined();
    expect(await failure(browser.send(new RevokeTokenCommand({ ClientId: "server", Token: "x" })))).toMatch(
      /^NotAuthorizedException/,
    );
  });

  it("pool and client describe themselves", async () => {
    expect((await admin.send(new DescribeUserPoolCommand({ UserPoolId }))).UserPool).toMatchObject({
      Id: UserPoolId,
      Name: "People",
      Arn: poolArn,
      Domain: "people-test",
    });
    expect(
      (await admin.send(new DescribeUserPoolClientCommand({ UserPoolId, ClientId: "web" }))).UserPoolClient,
    ).toMatchObject({
      ClientId: "web",
      AllowedOAuthFlows: ["code"],
      CallbackURLs: ["https://app.example.com/callback"],
      AccessTokenValidity: 60,
      TokenValidityUnits: { AccessToken: "minutes" },
    });
  });
});

describe("who may call", () => {
  it("administrators' operations are authorised on the pool's ARN, and need a signature", async () => {
    const reader = new CognitoIdentityProviderClient({
      endpoint: world.aws,
      region,
      credentials: world.credentials.issue({
        kind: "role",
        roleArn: `arn:aws:iam::${accountId}:role/reader`,
        sessionName: "s",
      }),
      maxAttempts: 1,
    });
    await makeUser(admin, "guarded");
    expect((await reader.send(new AdminGetUserCommand({ UserPoolId, Username: "guarded" }))).Username).toBe(
      "guarded",
    );
    expect(
      await failure(reader.send(new AdminDeleteUserCommand({ UserPoolId, Username: "guarded" }))),
    ).toMatch(/^AccessDeniedException: .*cognito-idp:AdminDeleteUser/);
    reader.destroy();
    const unsigned = await fetch(`${world.cognito.url(UserPoolId)}/`, {
      method: "POST",
      headers: { "x-amz-target": "AWSCognitoIdentityProviderService.AdminGetUser" },
      body: JSON.stringify({ UserPoolId, Username: "guarded" }),
    });
    expect([unsigned.status, ((await unsigned.json()) as { __type: string }).__type]).toEqual([
      400,
      "MissingAuthenticationTokenException",
    ]);
    expect((await admin.send(new AdminGetUserCommand({ UserPoolId, Username: "guarded" }))).Username).toBe(
      "guarded",
    );
  });

  it("a browser may call the open operations at the pool's own address, from any origin", async () => {
    await makeUser(admin, "page");
    const own = new CognitoIdentityProviderClient({
      endpoint: world.cognito.url(UserPoolId),
      region,
      maxAttempts: 1,
    });
    const signedIn = await own.send(
      new InitiateAuthCommand({
        ClientId: "web",
        AuthFlow: "USER_PASSWORD_AUTH",
        AuthParameters: { USERNAME: "page", PASSWORD: password },
      }),
    );
    expect(signedIn.AuthenticationResult?.AccessToken).toBeDefined();
    expect(
      await failure(
        own.send(
          new InitiateAuthCommand({
            ClientId: "web",
            AuthFlow: "USER_PASSWORD_AUTH",
            AuthParameters: { USERNAME: "page", PASSWORD: "no" },
          }),
        ),
      ),
    ).toMatch(/^NotAuthorizedException/);
    own.destroy();
    const preflight = await fetch(`${world.cognito.url(UserPoolId)}/`, { method: "OPTIONS" });
    expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
    const garbage = await fetch(`${world.cognito.url(UserPoolId)}/`, {
      method: "POST",
      headers: { "x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth" },
      body: "{",
    });
    expect([garbage.status, ((await garbage.json()) as { __type: string }).__type]).toEqual([
      400,
      "SerializationException",
    ]);
  });

  it.each([
    [{}, /ClientId must be a non-empty string/],
    [{ ClientId: "web", AuthFlow: "USER_PASSWORD_AUTH" }, /USERNAME/],
    [
      { ClientId: "web", AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME: 1 } },
      /AuthParameters.USERNAME must be a string/,
    ],
    [{ ClientId: "web", AuthFlow: "MAGIC" }, /AuthFlow MAGIC/],
  ])("malformed input %j is named", async (input, message) => {
    const reply = await fetch(world.aws, {
      method: "POST",
      headers: {
        "x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth",
        "content-type": "application/x-amz-json-1.1",
      },
      body: JSON.stringify(input),
    });
    expect(reply.status).toBe(400);
    expect(await reply.text()).toMatch(message);
  });
});
