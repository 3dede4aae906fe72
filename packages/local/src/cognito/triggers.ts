/**
 * Lambda triggers of a user pool
 * (https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html).
 */
import { AwsError } from "../cloud/errors.ts";
import type { Cloud, Ports } from "../cloud/types.ts";
import type { UserPoolSpec } from "../plan/types.ts";
import { groupsOf } from "./group-order.ts";
import type { PoolStore, User } from "./store.ts";

/** Cognito waits five seconds for a trigger. */
const TIMEOUT_MS = 5_000;

export type TokenSource =
  | "TokenGeneration_Authentication"
  | "TokenGeneration_NewPasswordChallenge"
  | "TokenGeneration_RefreshTokens"
  | "TokenGeneration_HostedAuth";

/** What pre token generation makes of the tokens. */
export interface TokenChanges {
  groups: string[];
  id: { add: Record<string, unknown>; suppress: string[] };
  access: { add: Record<string, unknown>; suppress: string[]; addScopes: string[]; suppressScopes: string[] };
  preferredRole?: string;
  roles: string[];
}

export interface Triggers {
  preSignUp(
    source: "PreSignUp_AdminCreateUser" | "PreSignUp_SignUp",
    user: User,
    clientId: string,
    extra: { validationData?: Record<string, string>; clientMetadata?: Record<string, string> },
  ): Promise<{ autoConfirmUser: boolean; autoVerifyEmail: boolean; autoVerifyPhone: boolean }>;
  postConfirmation(user: User, clientId: string): Promise<void>;
  postAuthentication(user: User, clientId: string, clientMetadata?: Record<string, string>): Promise<void>;
  preTokenGeneration(
    source: TokenSource,
    user: User,
    clientId: string,
    scopes: string[],
    clientMetadata?: Record<string, string>,
  ): Promise<TokenChanges>;
}

export function createTriggers(cloud: Cloud, ports: Ports, spec: UserPoolSpec, store: PoolStore): Triggers {
  const { triggers } = spec;

  /** @returns the `response` member of what the function returned. */
  async function run(
    name: string,
    functionArn: string,
    event: {
      version: string;
      triggerSource: string;
      user: User;
      clientId: string;
      request: Record<string, unknown>;
    },
    emptyResponse: Record<string, unknown>,
  ): Promise<Record<string, unknown>> {
    const principal = {
      kind: "service",
      service: "cognito-idp.amazonaws.com",
      sourceArn: spec.arn,
      sourceAccount: cloud.plan.accountId,
    } as const;
    let cancel = () => {};
    const late = new Promise<never>((_, reject) => {
      cancel = cloud.clock.after(TIMEOUT_MS, () =>
        reject(
          new AwsError(
            "UnexpectedLambdaException",
            `${name} invocation failed due to error: it took longer than 5 s.`,
          ),
        ),
      );
    });
    try {
      const answered = ports.lambda.invoke(principal, functionArn, {
        version: event.version,
        triggerSource: event.triggerSource,
        region: spec.region,
        userPoolId: spec.id,
        userName: event.user.username,
        callerContext: { awsSdkVersion: "aws-sdk-unknown-unknown", clientId: event.clientId },
        request: { userAttributes: userAttributes(event.user), ...event.request },
        response: emptyResponse,
      });
      const result = await Promise.race([answered, late]);
      const payload: unknown = result.payload === "" ? null : JSON.parse(result.payload);
      const answer = record(payload);
      if (result.functionError !== undefined)
        throw new AwsError(
          "UserLambdaValidationException",
          `${name} failed with error ${String(answer?.errorMessage ?? "unknown")}.`,
        );
      const response = record(answer?.response);
      if (!response) throw new AwsError("InvalidLambdaResponseException", "Unrecognizable lambda output");
      return response;
    } catch (error) {
      if (error instanceof AwsError && error.code !== "AccessDenied") throw error;
      const reason = error instanceof Error ? error.message : String(error);
      cloud.log(`user pool ${spec.name}: ${name} cannot be invoked: ${reason}`);
      throw new AwsError(
        "UnexpectedLambdaException",
        `${name} invocation failed due to error AccessDeniedException.`,
      );
    } finally {
      cancel();
    }
  }

  return {
    async preSignUp(source, user, clientId, extra) {
      if (triggers.preSignUp === undefined)
        return { autoConfirmUser: false, autoVerifyEmail: false, autoVerifyPhone: false };
      const response = await run(
        "PreSignUp",
        triggers.preSignUp,
        { version: "1", triggerSource: source, user, clientId, request: { validationData: null, ...extra } },
        { autoConfirmUser: false, autoVerifyEmail: false, autoVerifyPhone: false },
      );
      return {
        autoConfirmUser: response.autoConfirmUser === true,
        autoVerifyEmail: response.autoVerifyEmail === true,
        autoVerifyPhone: response.autoVerifyPhone === true,
      };
    },
    async postConfirmation(user, clientId) {
      if (triggers.postConfirmation === undefined) return;
      const event = {
        version: "1",
        triggerSource: "PostConfirmation_ConfirmSignUp",
        user,
        clientId,
        request: {},
      };
      await run("PostConfirmation", triggers.postConfirmation, event, {});
    },
    async postAuthentication(user, clientId, clientMetadata) {
      if (triggers.postAuthentication === undefined) return;
      const request = { newDeviceUsed: false, ...(clientMetadata && { clientMetadata }) };
      const event = {
        version: "1",
        triggerSource: "PostAuthentication_Authentication",
        user,
        clientId,
        request,
      };
      await run("PostAuthentication", triggers.postAuthentication, event, {});
    },
    async preTokenGeneration(source, user, clientId, scopes, clientMetadata) {
      const groups = groupsOf(store, user);
      const roles = groups.flatMap((group) => (group.roleArn === undefined ? [] : [group.roleArn]));
      const names = groups.map((group) => group.name);
      const preferredRole = roles[0];
      const unchanged: TokenChanges = {
        groups: names,
        id: { add: {}, suppress: [] },
        access: { add: {}, suppress: [], addScopes: [], suppressScopes: [] },
        roles,
        ...(preferredRole !== undefined && { preferredRole }),
      };
      if (triggers.preTokenGeneration === undefined) return unchanged;
      const second = triggers.preTokenGenerationVersion === "V2_0";
      const response = await run(
        "PreTokenGeneration",
        triggers.preTokenGeneration,
        {
          version: second ? "2" : "1",
          triggerSource: source,
          user,
          clientId,
          request: {
            groupConfiguration: {
              groupsToOverride: names,
              iamRolesToOverride: roles,
              preferredRole: preferredRole ?? null,
            },
            ...(second && { scopes }),
            ...(clientMetadata && { clientMetadata }),
          },
        },
        second ? { claimsAndScopeOverrideDetails: null } : { claimsOverrideDetails: null },
      );
      return changesOf(response, second, unchanged);
    },
  };
}

function changesOf(
  response: Record<string, unknown>,
  second: boolean,
  unchanged: TokenChanges,
): TokenChanges {
  const details = record(second ? response.claimsAndScopeOverrideDetails : response.claimsOverrideDetails);
  if (!details) return unchanged;
  const id = record(second ? details.idTokenGeneration : details);
  const access = record(second ? details.accessTokenGeneration : undefined);
  const override = record(details.groupOverrideDetails);
  const groups = override?.groupsToOverride;
  const roles = override?.iamRolesToOverride;
  const preferred = override?.preferredRole;
  return {
    ...unchanged,
    ...(Array.isArray(groups) && { groups: groups.map(String) }),
    ...(Array.isArray(roles) && { roles: roles.map(String) }),
    ...(typeof preferred === "string" && { preferredRole: preferred }),
    // Version 1 turns every value into text; version 2 keeps objects and arrays.
    id: { add: added(id, !second), suppress: list(id?.claimsToSuppress) },
    access: {
      add: added(access, false),
      suppress: list(access?.claimsToSuppress),
      addScopes: list(access?.scopesToAdd),
      suppressScopes: list(access?.scopesToSuppress),
    },
  };
}

function added(generation: Record<string, unknown> | undefined, asText: boolean): Record<string, unknown> {
  const claims = record(generation?.claimsToAddOrOverride) ?? {};
  return asText
    ? Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, String(value)]))
    : claims;
}

/** All values are text here, `cognito:user_status` among them. */
export function userAttributes(user: User): Record<string, string> {
  return { sub: user.sub, "cognito:user_status": user.status, ...user.attributes };
}
function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
const list = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);
