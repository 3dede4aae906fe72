import { provide } from "@frontdesk/core/config";
import { configure } from "@frontdesk/core/log";
import type { Context } from "aws-lambda";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { handler as preSignUp } from "../../src/auth/pre-sign-up.ts";
import { handler as preToken } from "../../src/auth/pre-token-generation.ts";
import { context } from "../support/events.ts";

type Attributes = Record<string, string>;

let restore: () => void;
const lines: string[] = [];
beforeEach(() => {
  lines.length = 0;
  configure({ sink: (line) => lines.push(line) });
  restore = provide({
    Settings: {
      stage: "anna",
      permanent: false,
      homeRegion: "ca-central-1",
      mailRegion: "us-east-1",
      mailDomain: "in.acme.test",
      workspaceDomain: "acme.test",
      mailboxes: [{ address: "jobs@in.acme.test", name: "Jobs" }],
      allowedOrigins: [],
      logLevel: "debug",
      claimCheckBytes: 131_072,
    },
  });
});
afterEach(() => restore());

const common = {
  version: "1",
  region: "ca-central-1",
  userPoolId: "ca-central-1_AbCdEfGhI",
  callerContext: { awsSdkVersion: "aws-sdk-unknown-unknown", clientId: "web" },
};

/** The event of a first sign-in by a provider, as Cognito sends it. */
const signUp = (source: string, userAttributes: Attributes) =>
  ({
    ...common,
    userName: "workspace_104217",
    triggerSource: source,
    request: { userAttributes, validationData: {} },
    response: { autoConfirmUser: false, autoVerifyEmail: false, autoVerifyPhone: false },
  }) as unknown as Parameters<typeof preSignUp>[0];

const tokens = (source: string, userAttributes: Attributes) =>
  ({
    ...common,
    userName: "workspace_104217",
    triggerSource: source,
    request: {
      userAttributes,
      groupConfiguration: { groupsToOverride: [], iamRolesToOverride: [], preferredRole: undefined },
    },
    response: { claimsOverrideDetails: null },
  }) as unknown as Parameters<typeof preToken>[0];

const calling = async <Event, Result>(
  handler: (event: Event, context: Context, callback: () => void) => Result,
  event: Event,
) => await handler(event, context(), () => {});

const member = { email: "Rhea@Acme.test", email_verified: "true", "custom:hd": "acme.test" };
const identities = JSON.stringify([{ userId: "104217", providerName: "Workspace", providerType: "OIDC" }]);
const federated = { ...member, "cognito:user_status": "EXTERNAL_PROVIDER", identities };

/** What tells that an account came by a provider, or was linked to one. */
const marks: Attributes[] = [{ "cognito:user_status": "EXTERNAL_PROVIDER" }, { identities }];
const unlinked: Attributes[] = [{}, { identities: "" }, { identities: "[]" }];

const strangers: [string, Attributes][] = [
  ["a consumer's account, without hd", { email: "someone@gmail.com", email_verified: "true" }],
  [
    "a consumer's account on an address of the company, without hd",
    { email: "rhea@acme.test", email_verified: "true" },
  ],
  [
    "another company's Workspace",
    { email: "rhea@other.test", email_verified: "true", "custom:hd": "other.test" },
  ],
  [
    "another company's Workspace with our domain in the address",
    { email: "rhea@acme.test", email_verified: "true", "custom:hd": "other.test" },
  ],
  ["an address that Google has not verified", { ...member, email_verified: "false" }],
  ["an address of which Google says nothing", { email: "rhea@acme.test", "custom:hd": "acme.test" }],
  ["a domain that only ends as ours does", { ...member, "custom:hd": "notacme.test" }],
  ["a subdomain of ours", { ...member, email: "rhea@sub.acme.test", "custom:hd": "sub.acme.test" }],
  ["an address with two at signs", { ...member, email: "rhea@acme.test@evil.test" }],
  ["no attribute at all", {}],
];

describe("at the first sign-in by Google", () => {
  test("a member of the Workspace is let in, whatever the case of the letters", async () => {
    const event = signUp("PreSignUp_ExternalProvider", member);
    expect(await calling(preSignUp, event)).toBe(event);
  });

  test.each(strangers)("%s is refused", async (_, attributes) => {
    await expect(calling(preSignUp, signUp("PreSignUp_ExternalProvider", attributes))).rejects.toThrow(
      "Sign in with your Google account of acme.test: no other account is let in.",
    );
  });
});

describe("at every later sign-in and refresh", () => {
  const sources = ["TokenGeneration_HostedAuth", "TokenGeneration_RefreshTokens"];

  test.each(sources)("%s: a member keeps coming in, and the event goes back unchanged", async (source) => {
    const event = tokens(source, federated);
    const before = structuredClone(event);
    expect(await calling(preToken, event)).toEqual(before);
  });

  test.each(strangers)("%s is refused, however the account came into the pool", async (_, attributes) => {
    for (const source of sources)
      for (const mark of marks)
        await expect(
          calling(preToken, tokens(source, { ...attributes, "cognito:user_status": "CONFIRMED", ...mark })),
        ).rejects.toThrow(/no other account is let in/);
  });
});

describe("without Google", () => {
  test("whom an administrator made is let in on any domain, with and without hd", async () => {
    const attributes = { email: "guest@elsewhere.test", email_verified: "true" };
    const made = signUp("PreSignUp_AdminCreateUser", attributes);
    expect(await calling(preSignUp, made)).toBe(made);
    for (const none of unlinked) {
      const event = tokens("TokenGeneration_Authentication", {
        ...attributes,
        ...none,
        "cognito:user_status": "CONFIRMED",
      });
      expect(await calling(preToken, event)).toBe(event);
    }
  });

  test("nobody signs up by themselves, on our domain neither", async () => {
    for (const source of ["PreSignUp_SignUp", "PreSignUp_SomethingNew"])
      await expect(calling(preSignUp, signUp(source, member))).rejects.toThrow(
        "Ask an administrator to invite you.",
      );
  });
});

test("no address is written to the log", async () => {
  await calling(preToken, tokens("TokenGeneration_HostedAuth", federated));
  await calling(
    preToken,
    tokens("TokenGeneration_HostedAuth", { ...federated, "custom:hd": "x.test" }),
  ).catch(() => {});
  expect(lines.join("\n")).not.toMatch(/rhea/i);
});
