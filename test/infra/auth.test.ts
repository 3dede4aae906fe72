import { describe, expect, test } from "vitest";
import { graphOf, permanentStages, stages } from "./support/graphs.ts";
import { all, one, text } from "./support/read.ts";

const pool = "aws:cognito/userPool:UserPool";
const client = "aws:cognito/userPoolClient:UserPoolClient";

describe.each(stages)("stage %s", (stage) => {
  test("people sign in by e-mail and nobody signs up alone", async () => {
    expect(one(await graphOf(stage), pool).inputs).toMatchObject({
      usernameAttributes: ["email"],
      autoVerifiedAttributes: ["email"],
      usernameConfiguration: { caseSensitive: false },
      adminCreateUserConfig: { allowAdminCreateUserOnly: true },
      accountRecoverySetting: { recoveryMechanisms: [{ name: "verified_email", priority: 1 }] },
      passwordPolicy: expect.objectContaining({ minimumLength: 14 }),
      deletionProtection: permanentStages.includes(stage) ? "ACTIVE" : "INACTIVE",
    });
  });

  test("a second deployment does not trip over the attributes that AWS adds", async () => {
    expect(one(await graphOf(stage), pool).ignoreChanges).toContain("schemas");
  });

  test("the client takes the code flow only, has no secret, and does not tell who exists", async () => {
    const graph = await graphOf(stage);
    expect(one(graph, client).inputs).toMatchObject({
      userPoolId: text(one(graph, pool), "id"),
      allowedOauthFlows: ["code"],
      allowedOauthFlowsUserPoolClient: true,
      allowedOauthScopes: ["openid", "email", "profile"],
      generateSecret: false,
      preventUserExistenceErrors: "ENABLED",
      enableTokenRevocation: true,
      accessTokenValidity: 60,
      idTokenValidity: 60,
      tokenValidityUnits: { accessToken: "minutes", idToken: "minutes", refreshToken: "days" },
    });
  });

  test("tokens for an administrator's password exist outside permanent stages only", async () => {
    const flows = one(await graphOf(stage), client).inputs.explicitAuthFlows;
    const admin = expect(flows);
    if (permanentStages.includes(stage)) admin.not.toContain("ALLOW_ADMIN_USER_PASSWORD_AUTH");
    else admin.toContain("ALLOW_ADMIN_USER_PASSWORD_AUTH");
    expect(flows).not.toContain("ALLOW_USER_PASSWORD_AUTH");
  });

  test("who has a password has a second factor on permanent stages, and may have one elsewhere", async () => {
    expect(one(await graphOf(stage), pool).inputs).toMatchObject({
      mfaConfiguration: permanentStages.includes(stage) ? "ON" : "OPTIONAL",
      softwareTokenMfaConfiguration: { enabled: true },
    });
  });

  test("an address is changed only by whoever proves the new one, since mailboxes are shown by it", async () => {
    expect(one(await graphOf(stage), pool).inputs.userAttributeUpdateSettings).toEqual({
      attributesRequireVerificationBeforeUpdates: ["email"],
    });
  });

  test("the groups are the three roles, the strongest first", async () => {
    const graph = await graphOf(stage);
    const groups = all(graph, "aws:cognito/userGroup:UserGroup").map(({ inputs }) => inputs);
    expect(
      groups.toSorted((a, b) => Number(a.precedence) - Number(b.precedence)).map(({ name }) => name),
    ).toEqual(["admin", "recruiter", "viewer"]);
    for (const group of groups) expect(group.userPoolId).toBe(text(one(graph, pool), "id"));
  });

  test("the hosted pages have a domain of the stage's own, and the link the pool's issuer", async () => {
    const graph = await graphOf(stage);
    expect(one(graph, "aws:cognito/userPoolDomain:UserPoolDomain").inputs.domain).toBe(`frontdesk-${stage}`);
    const id = text(one(graph, pool), "id");
    expect(graph.links.Auth).toEqual({
      type: "sst.sst.Linkable",
      userPoolId: id,
      clientId: text(one(graph, client), "id"),
      issuer: `https://cognito-idp.ca-central-1.amazonaws.com/${id}`,
      region: "ca-central-1",
      hostedUrl: `https://frontdesk-${stage}.auth.ca-central-1.amazoncognito.com`,
    });
  });
});
