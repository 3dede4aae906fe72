import { describe, expect, test } from "vitest";
import { graphOf, guest, named, stages } from "./support/graphs.ts";
import { all, list, needs, one, statements, text } from "./support/read.ts";

const provider = "aws:cognito/identityProvider:IdentityProvider";
const client = "aws:cognito/userPoolClient:UserPoolClient";
const service = "gcp:projects/service:Service";
const project = "gcp:organizations/project:Project";
const clientId = "1234-abc.apps.googleusercontent.com";

describe.each(stages)("stage %s without the setting", (stage) => {
  test("needs nothing of Google's: no secret, no provider, no plugin", async () => {
    const graph = await graphOf(stage);
    expect(graph.resources.filter(({ type }) => /^gcp:|google/i.test(type))).toEqual([]);
    expect(all(graph, provider)).toEqual([]);
    expect(graph.resources.filter(({ name }) => name.includes("GoogleClient"))).toEqual([]);
    expect(graph.links.Google).toBeUndefined();
    expect(one(graph, client).inputs.supportedIdentityProviders).toEqual(["COGNITO"]);
  });

  test("asks each sign-up, sign-in and refresh whether it may be, by functions that this pool alone may call", async () => {
    const graph = await graphOf(stage);
    const pool = one(graph, "aws:cognito/userPool:UserPool");
    const arn = (name: string) => text(one(graph, "function", `${name}Function`), "arn");
    expect(pool.inputs.lambdaConfig).toMatchObject({
      preSignUp: arn("AuthPreSignUp"),
      preTokenGenerationConfig: { lambdaArn: arn("AuthPreTokenGeneration"), lambdaVersion: "V1_0" },
    });
    for (const name of ["AuthPreSignUp", "AuthPreTokenGeneration"]) {
      const permissions = all(graph, "aws:lambda/permission:Permission").filter(
        ({ inputs }) => inputs.function === arn(name),
      );
      expect(
        permissions.map(({ inputs }) => inputs),
        name,
      ).toEqual([
        expect.objectContaining({
          action: "lambda:InvokeFunction",
          principal: "cognito-idp.amazonaws.com",
          sourceArn: text(pool, "arn"),
        }),
      ]);
      expect(one(graph, "function", `${name}Function`).inputs).toMatchObject({ timeout: 5 });
      expect(one(graph, "function", `${name}Function`).inputs.vpcConfig).toBeUndefined();
      const policies = one(graph, "role", `${name}Role`).inputs.inlinePolicies as { policy: string }[];
      expect(
        policies.flatMap(({ policy }) => statements(policy)).flatMap(({ Action }) => list(Action)),
      ).toEqual(["logs:CreateLogStream", "logs:PutLogEvents"]);
    }
  });
});

describe("with a client", () => {
  test("people sign in by Google as OpenID Connect, and hd comes with them", async () => {
    const identityProvider = one(await named(), provider);
    expect(identityProvider.inputs).toMatchObject({
      providerType: "OIDC",
      providerDetails: {
        client_id: clientId,
        client_secret: "not-a-real-client-secret",
        oidc_issuer: "https://accounts.google.com",
        authorize_scopes: "openid email profile",
      },
      attributeMapping: {
        username: "sub",
        email: "email",
        email_verified: "email_verified",
        "custom:hd": "hd",
      },
    });
    const pool = one(await named(), "aws:cognito/userPool:UserPool");
    expect(pool.inputs.schemas).toEqual([
      expect.objectContaining({ name: "hd", attributeDataType: "String", mutable: true }),
    ]);
    const web = one(await named(), client);
    expect(web.inputs.supportedIdentityProviders).toEqual(["COGNITO", identityProvider.inputs.providerName]);
    expect(needs(await named(), web)).toContain(identityProvider.urn);
    // A token with this scope could write custom:hd by itself.
    expect(web.inputs.allowedOauthScopes).not.toContain("aws.cognito.signin.user.admin");
  });

  test("its secret lies in Secrets Manager, and the link says where", async () => {
    const found = await named();
    const secret = one(found, "secret", "GoogleClient");
    expect(found.links.Google).toEqual({
      type: "sst.sst.Linkable",
      clientId,
      secretArn: text(secret, "arn"),
    });
    expect(
      JSON.parse(
        text(
          one(found, "aws:secretsmanager/secretVersion:SecretVersion", "GoogleClientVersion"),
          "secretString",
        ),
      ),
    ).toEqual({ clientId, clientSecret: "not-a-real-client-secret" });
    const { GoogleClientSecret, ...links } = found.links;
    expect(JSON.stringify([links, found.functions, found.outputs])).not.toContain("not-a-real-client-secret");
  });
});

describe("with a project", () => {
  test("its APIs are enabled, and no removed stage disables them for the others", async () => {
    const graph = await guest();
    expect(graph.unknownTypes).toEqual([]);
    expect(all(graph, service).map(({ inputs }) => inputs)).toEqual([
      { project: "acme-frontdesk", service: "calendar-json.googleapis.com", disableOnDestroy: false },
      { project: "acme-frontdesk", service: "meet.googleapis.com", disableOnDestroy: false },
    ]);
    expect(all(graph, project)).toEqual([]);
    expect(all(graph, provider)).toEqual([]);
  });

  test("production makes it where an organization is named, before its APIs, and never deletes it", async () => {
    const graph = await named();
    const made = one(graph, project);
    expect(made.inputs).toMatchObject({
      projectId: "acme-frontdesk",
      orgId: "123456789012",
      autoCreateNetwork: false,
      deletionPolicy: "PREVENT",
    });
    expect(made.retainOnDelete).toBe(true);
    for (const api of all(graph, service)) expect(needs(graph, api)).toContain(made.urn);
  });
});
