/** Operations of the API by name, and what each of them needs. */
import { AwsError } from "../cloud/errors.ts";
import { describeUserPool, describeUserPoolClient } from "./describe.ts";
import { notFound } from "./errors.ts";
import {
  adminAddUserToGroup,
  adminListGroupsForUser,
  adminRemoveUserFromGroup,
  createGroup,
  deleteGroup,
  getGroup,
  listGroups,
  listUsersInGroup,
} from "./groups.ts";
import { type Input, text } from "./input.ts";
import type { Client, Pool } from "./pool.ts";
import { initiateAuth, respondToChallenge } from "./sign-in.ts";
import {
  adminConfirmSignUp,
  adminCreateUser,
  adminDeleteUser,
  adminGetUser,
  adminSetEnabled,
  adminSetUserPassword,
  adminUpdateUserAttributes,
  adminUserGlobalSignOut,
  changePassword,
  getUser,
  globalSignOut,
  listUsers,
  revokeToken,
  signUp,
  updateUserAttributes,
} from "./users.ts";

type Answer = Record<string, unknown> | Promise<Record<string, unknown>>;

/** By `UserPoolId`; authorised by IAM on the pool's ARN. */
const ofAdministrators: Record<string, (pool: Pool, input: Input) => Answer> = {
  AdminAddUserToGroup: adminAddUserToGroup,
  AdminConfirmSignUp: adminConfirmSignUp,
  AdminCreateUser: adminCreateUser,
  AdminDeleteUser: adminDeleteUser,
  AdminDisableUser: (pool, input) => adminSetEnabled(pool, input, false),
  AdminEnableUser: (pool, input) => adminSetEnabled(pool, input, true),
  AdminGetUser: adminGetUser,
  AdminInitiateAuth: (pool, input) => initiateAuth(pool, clientOf(pool, input), input, true),
  AdminListGroupsForUser: adminListGroupsForUser,
  AdminRemoveUserFromGroup: adminRemoveUserFromGroup,
  AdminRespondToAuthChallenge: (pool, input) => respondToChallenge(pool, clientOf(pool, input), input),
  AdminSetUserPassword: adminSetUserPassword,
  AdminUpdateUserAttributes: adminUpdateUserAttributes,
  AdminUserGlobalSignOut: adminUserGlobalSignOut,
  CreateGroup: createGroup,
  DeleteGroup: deleteGroup,
  DescribeUserPool: describeUserPool,
  DescribeUserPoolClient: (pool, input) => describeUserPoolClient(pool, clientOf(pool, input)),
  GetGroup: getGroup,
  ListGroups: listGroups,
  ListUsers: listUsers,
  ListUsersInGroup: listUsersInGroup,
};
/** By `ClientId`; open to everybody. */
const ofClients: Record<string, (pool: Pool, client: Client, input: Input) => Answer> = {
  InitiateAuth: (pool, client, input) => initiateAuth(pool, client, input, false),
  RespondToAuthChallenge: respondToChallenge,
  RevokeToken: revokeToken,
  SignUp: signUp,
};
/** By `AccessToken`; open to whoever holds one. */
const ofUsers: Record<string, (pool: Pool, input: Input) => Answer> = {
  ChangePassword: changePassword,
  GetUser: getUser,
  GlobalSignOut: globalSignOut,
  UpdateUserAttributes: updateUserAttributes,
};

export function isOpen(operation: string): boolean {
  return Object.hasOwn(ofClients, operation) || Object.hasOwn(ofUsers, operation);
}

/**
 * @param authorise Called with the pool's ARN before anything is read, for the operations that IAM guards.
 * @throws AwsError
 */
export async function perform(
  pools: Pool[],
  operation: string,
  input: Input,
  authorise: (action: string, resource: string) => void,
): Promise<Record<string, unknown>> {
  if (Object.hasOwn(ofAdministrators, operation)) {
    const id = text(input, "UserPoolId");
    const pool = pools.find(({ spec }) => spec.id === id);
    authorise(`cognito-idp:${operation}`, pool?.spec.arn ?? "*");
    if (!pool) throw notFound(`User pool ${id} does not exist.`);
    return (await ofAdministrators[operation]?.(pool, input)) ?? {};
  }
  if (Object.hasOwn(ofClients, operation)) {
    const id = text(input, "ClientId");
    const pool = pools.find(({ spec }) => spec.clients.some((client) => client.id === id));
    if (!pool) throw notFound(`User pool client ${id} does not exist.`);
    return (await ofClients[operation]?.(pool, clientOf(pool, input), input)) ?? {};
  }
  if (Object.hasOwn(ofUsers, operation)) {
    const issuer = issuerOf(text(input, "AccessToken"));
    const pool = pools.find(({ spec }) => spec.issuer === issuer);
    if (!pool) throw new AwsError("NotAuthorizedException", "Invalid Access Token", 400);
    return (await ofUsers[operation]?.(pool, input)) ?? {};
  }
  throw new AwsError(
    "UnknownOperationException",
    `${operation} of Cognito user pools does not run here`,
    400,
  );
}

function clientOf(pool: Pool, input: Input): Client {
  const id = text(input, "ClientId");
  const client = pool.spec.clients.find((one) => one.id === id);
  if (!client) throw notFound(`User pool client ${id} does not exist.`);
  return client;
}

/** Whose the token says it is; it is verified by that pool. */
function issuerOf(token: string): unknown {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    return (claims as { iss?: unknown } | null)?.iss;
  } catch {
    return undefined;
  }
}
