import {
  AdminCreateUserCommand,
  type CognitoIdentityProviderClient,
  InitiateAuthCommand,
  SignUpCommand,
} from "@aws-sdk/client-cognito-identity-provider";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  allTriggers,
  claims,
  clientSpec,
  closeClients,
  developer,
  FunctionFailure,
  failure,
  functionArn,
  makeUser,
  password,
  poolArn,
  poolSpec,
  region,
  startWorld,
  turn,
  UserPoolId,
  type World,
} from "./support.ts";

const handlers: World["handlers"] = {};
let world: World;
let admin: CognitoIdentityProviderClient;
const v2 = {
  id: `${region}_Second`,
  arn: poolArn.replace("AbCdEfGhI", "Second"),
  issuer: "https://cognito-idp.eu-north-1.amazonaws.com/eu-north-1_Second",
};

beforeAll(async () => {
  Object.assign(handlers, {
    preSignUp: null,
    preToken: null,
    postConfirmation: null,
    postAuthentication: null,
  });
  for (const name of Object.keys(handlers)) handlers[name] = (event) => event;
  world = await startWorld({
    handlers,
    userPools: [
      poolSpec({ triggers: allTriggers }),
      poolSpec({
        ...v2,
        name: "Second",
        clients: [clientSpec("second")],
        domain: "second-test",
        triggers: { preTokenGeneration: functionArn("preToken"), preTokenGenerationVersion: "V2_0" },
      }),
    ],
  });
  admin = developer(world);
  await makeUser(admin, "user", { email: "u@example.com", email_verified: "true" });
});
afterAll(async () => {
  closeClients();
  await world.stop();
});
beforeEach(() => {
  world.invocations.length = 0;
});
afterEach(() => {
  for (const name of Object.keys(handlers)) handlers[name] = (event) => event;
});

const signIn = async () => {
  const { AuthenticationResult } = await admin.send(
    new InitiateAuthCommand({
      ClientId: "web",
      AuthFlow: "USER_PASSWORD_AUTH",
      AuthParameters: { USERNAME: "user", PASSWORD: password },
      ClientMetadata: { from: "test" },
    }),
  );
  return {
    id: claims(AuthenticationResult?.IdToken),
    access: claims(AuthenticationResult?.AccessToken),
    refresh: AuthenticationResult?.RefreshToken ?? "",
  };
};
const response = (name: string, value: unknown) => {
  handlers[name] = (event) => ({ ...event, response: value });
};

describe("triggers", () => {
  it("run in Cognito's order with Cognito's events, as the service for the pool", async () => {
    await signIn();
    expect(world.invocations.map(({ functionArn }) => functionArn.split(":").at(-1))).toEqual([
      "postAuthentication",
      "preToken",
    ]);
    expect(world.invocations[0]?.principal).toEqual({
      kind: "service",
      service: "cognito-idp.amazonaws.com",
      sourceArn: poolArn,
      sourceAccount: "112233445566",
    });
    const userAttributes = {
      sub: expect.any(String),
      "cognito:user_status": "CONFIRMED",
      email: "u@example.com",
      email_verified: "true",
    };
    expect(world.invocations[1]?.event).toEqual({
      version: "1",
      triggerSource: "TokenGeneration_Authentication",
      region,
      userPoolId: UserPoolId,
      userName: "user",
      callerContext: { awsSdkVersion: expect.any(String), clientId: "web" },
      request: {
        userAttributes,
        groupConfiguration: { groupsToOverride: [], iamRolesToOverride: [], preferredRole: null },
        clientMetadata: { from: "test" },
      },
      response: { claimsOverrideDetails: null },
    });
  });

  it("pre token generation version 1 adds, changes and suppresses id claims and overrides groups, and touches no protected one", async () => {
    response("preToken", {
      claimsOverrideDetails: {
        claimsToAddOrOverride: {
          team: "x",
          n: 5,
          email: "other@example.com",
          sub: "evil",
          iss: "evil",
          aud: "evil",
          exp: 1,
        },
        claimsToSuppress: ["email_verified", "token_use"],
        groupOverrideDetails: {
          groupsToOverride: ["admin", "made-up"],
          iamRolesToOverride: ["arn:r"],
          preferredRole: "arn:r",
        },
      },
    });
    const { id, access } = await signIn();
    expect(id).toMatchObject({
      team: "x",
      n: "5",
      email: "other@example.com",
      "cognito:groups": ["admin", "made-up"],
      aud: "web",
      token_use: "id",
      "cognito:roles": ["arn:r"],
      "cognito:preferred_role": "arn:r",
    });
    expect(id.sub).toBe(access.sub);
    expect(id.sub).not.toBe("evil");
    expect(Number(id.exp)).toBeGreaterThan(1);
    expect(id).not.toHaveProperty("email_verified");
    expect(access["cognito:groups"]).toEqual(["admin", "made-up"]);
    expect(access).not.toHaveProperty("team");
  });

  it("version 2 sees the scopes and shapes both tokens, with values of any type", async () => {
    const pool = { UserPoolId: v2.id };
    await admin.send(
      new AdminCreateUserCommand({ ...pool, Username: "two", TemporaryPassword: "Temporary-1!" }),
    );
    response("preToken", {
      claimsAndScopeOverrideDetails: {
        idTokenGeneration: { claimsToAddOrOverride: { list: [1, { a: true }] } },
        accessTokenGeneration: {
          claimsToAddOrOverride: { tenant: { id: 7 }, client_id: "evil" },
          scopesToAdd: ["mail/read"],
          scopesToSuppress: ["aws.cognito.signin.user.admin"],
        },
      },
    });
    const tokens = await world.cognito.issueToken({ pool: "Second", client: "second", username: "two" });
    expect(world.invocations.at(-1)?.event).toMatchObject({
      version: "2",
      request: { scopes: ["aws.cognito.signin.user.admin"] },
      response: { claimsAndScopeOverrideDetails: null },
    });
    expect(claims(tokens.idToken)).toMatchObject({ list: [1, { a: true }] });
    expect(claims(tokens.accessToken)).toMatchObject({
      tenant: { id: 7 },
      client_id: "second",
      scope: "mail/read",
    });
  });

  it("run at every renewal too, with their own source", async () => {
    const { refresh } = await signIn();
    world.invocations.length = 0;
    await admin.send(
      new InitiateAuthCommand({
        ClientId: "web",
        AuthFlow: "REFRESH_TOKEN_AUTH",
        AuthParameters: { REFRESH_TOKEN: refresh },
      }),
    );
    expect(world.invocations.map(({ event }) => event.triggerSource)).toEqual([
      "TokenGeneration_RefreshTokens",
    ]);
    handlers.preToken = () => {
      throw new FunctionFailure("domain not allowed");
    };
    const again = new InitiateAuthCommand({
      ClientId: "web",
      AuthFlow: "REFRESH_TOKEN_AUTH",
      AuthParameters: { REFRESH_TOKEN: refresh },
    });
    expect(await failure(admin.send(again))).toBe(
      "UserLambdaValidationException: PreTokenGeneration failed with error domain not allowed.",
    );
  });

  it.each([
    [
      "fails",
      () => {
        throw new FunctionFailure("not of our domain");
      },
      "UserLambdaValidationException: PreTokenGeneration failed with error not of our domain.",
    ],
    ["returns nothing", () => null, "InvalidLambdaResponseException: Unrecognizable lambda output"],
    [
      "returns no response",
      () => ({ ok: true }),
      "InvalidLambdaResponseException: Unrecognizable lambda output",
    ],
  ])("a trigger that %s refuses the sign-in", async (_, handler, message) => {
    handlers.preToken = handler;
    expect(await failure(signIn())).toBe(message);
  });

  it("a trigger that takes 5 s refuses the sign-in", async () => {
    let finish = () => {};
    handlers.postAuthentication = (event) =>
      new Promise((resolve) => {
        finish = () => resolve(event);
      });
    const pending = failure(signIn());
    while (world.invocations.length === 0) await turn();
    world.cloud.clock.advance(5_000);
    expect(await pending).toMatch(/^UnexpectedLambdaException: PostAuthentication/);
    finish();
  });

  it("pre sign-up may refuse a new user, or confirm and verify one", async () => {
    const signUp = (Username: string) =>
      admin.send(
        new SignUpCommand({
          ClientId: "web",
          Username,
          Password: password,
          UserAttributes: [{ Name: "email", Value: `${Username}@x.example` }],
          ValidationData: [{ Name: "code", Value: "1" }],
        }),
      );
    handlers.preSignUp = () => {
      throw new FunctionFailure("closed");
    };
    expect(await failure(signUp("refused"))).toBe(
      "UserLambdaValidationException: PreSignUp failed with error closed.",
    );
    const byAdmin = new AdminCreateUserCommand({ UserPoolId, Username: "refused" });
    expect(await failure(admin.send(byAdmin))).toMatch(/PreSignUp failed with error closed/);
    response("preSignUp", { autoConfirmUser: true, autoVerifyEmail: true, autoVerifyPhone: false });
    world.invocations.length = 0;
    expect((await signUp("welcome")).UserConfirmed).toBe(true);
    expect(world.invocations.map(({ event }) => event.triggerSource)).toEqual([
      "PreSignUp_SignUp",
      "PostConfirmation_ConfirmSignUp",
    ]);
    expect(world.invocations[0]?.event.request).toMatchObject({ validationData: { code: "1" } });
    expect(world.invocations[1]?.event.request).toMatchObject({
      userAttributes: { email_verified: "true", "cognito:user_status": "CONFIRMED" },
    });
  });
});

describe("a trigger without permission", () => {
  it("cannot be invoked: the sign-in fails and the denial is named in the log", async () => {
    const closed = await startWorld({
      handlers: { preToken: (event) => event },
      unpermitted: ["preToken"],
      userPools: [poolSpec({ triggers: { preTokenGeneration: functionArn("preToken") } })],
    });
    await expect(closed.cognito.issueToken({ pool: "People", client: "web", username: "x" })).rejects.toThrow(
      /AccessDeniedException/,
    );
    expect(closed.logs.join()).toContain(functionArn("preToken"));
    await closed.stop();
  });
});
