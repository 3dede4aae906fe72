/** What administrators and users do with users. */
import { AwsError } from "../cloud/errors.ts";
import { invalidParameter, notAuthorized, userNotFound } from "./errors.ts";
import { userFilter } from "./filter.ts";
import { attributes, type Input, optionalText, page, seconds, text, texts } from "./input.ts";
import {
  checkPolicy,
  checkSecretHash,
  hashPassword,
  passwordMatches,
  randomPassword,
  sameText,
} from "./passwords.ts";
import type { Client, Pool } from "./pool.ts";
import { newUser, type User, type UserStatus } from "./store.ts";

type Answer = Record<string, unknown>;

/** Throws UserNotFoundException. */
export function userOf(pool: Pool, input: Input): User {
  const name = text(input, "Username");
  const user = pool.store.find(name) ?? pool.store.bySub(name);
  if (!user) throw userNotFound();
  return user;
}

export async function adminCreateUser(pool: Pool, input: Input): Promise<Answer> {
  const { spec, store } = pool;
  const name = text(input, "Username");
  const action = optionalText(input, "MessageAction");
  const known = store.find(name);
  if (action === "RESEND") {
    if (!known) throw userNotFound();
    return { User: describe(known, "Attributes") };
  }
  if (known) throw usernameExists();
  const user = makeUser(pool, name, attributes(input, "UserAttributes"), "FORCE_CHANGE_PASSWORD");
  // The client of an administrator is unknown to the trigger.
  await pool.triggers.preSignUp("PreSignUp_AdminCreateUser", user, "CLIENT_ID_NOT_APPLICABLE", {
    validationData: attributes(input, "ValidationData"),
    clientMetadata: texts(input, "ClientMetadata"),
  });
  const password = optionalText(input, "TemporaryPassword") ?? randomPassword();
  checkPolicy(spec, password);
  user.password = await hashPassword(spec, user, password);
  if (store.find(name)) throw usernameExists();
  store.add(user);
  return { User: describe(user, "Attributes") };
}

export async function signUp(pool: Pool, client: Client, input: Input): Promise<Answer> {
  const { spec, store } = pool;
  const name = text(input, "Username");
  checkSecretHash(client, [name], optionalText(input, "SecretHash"));
  const password = text(input, "Password");
  checkPolicy(spec, password);
  if (store.find(name)) throw usernameExists();
  const user = makeUser(pool, name, attributes(input, "UserAttributes"), "UNCONFIRMED");
  const verdict = await pool.triggers.preSignUp("PreSignUp_SignUp", user, client.id, {
    validationData: attributes(input, "ValidationData"),
    clientMetadata: texts(input, "ClientMetadata"),
  });
  if (verdict.autoConfirmUser) user.status = "CONFIRMED";
  if (verdict.autoVerifyEmail) user.attributes.email_verified = "true";
  if (verdict.autoVerifyPhone) user.attributes.phone_number_verified = "true";
  user.password = await hashPassword(spec, user, password);
  if (store.find(name)) throw usernameExists();
  store.add(user);
  if (user.status === "CONFIRMED") await pool.triggers.postConfirmation(user, client.id);
  return { UserConfirmed: user.status === "CONFIRMED", UserSub: user.sub };
}

export async function adminConfirmSignUp(pool: Pool, input: Input): Promise<Answer> {
  const user = userOf(pool, input);
  if (user.status !== "UNCONFIRMED")
    throw notAuthorized(`User cannot be confirmed. Current status is ${user.status}`);
  user.status = "CONFIRMED";
  pool.store.touch(user);
  await pool.triggers.postConfirmation(user, "CLIENT_ID_NOT_APPLICABLE");
  return {};
}

export async function adminSetUserPassword(pool: Pool, input: Input): Promise<Answer> {
  const user = userOf(pool, input);
  const password = text(input, "Password");
  checkPolicy(pool.spec, password);
  user.password = await hashPassword(pool.spec, user, password);
  user.status = input.Permanent === true ? "CONFIRMED" : "FORCE_CHANGE_PASSWORD";
  pool.store.touch(user);
  return {};
}

export function adminGetUser(pool: Pool, input: Input): Answer {
  return describe(userOf(pool, input), "UserAttributes");
}

export function adminUpdateUserAttributes(pool: Pool, input: Input): Answer {
  changeAttributes(pool, userOf(pool, input), attributes(input, "UserAttributes"));
  return {};
}

export function adminDeleteUser(pool: Pool, input: Input): Answer {
  pool.store.remove(userOf(pool, input));
  return {};
}

export function adminSetEnabled(pool: Pool, input: Input, enabled: boolean): Answer {
  const user = userOf(pool, input);
  user.enabled = enabled;
  pool.store.touch(user);
  // A disabled user's refresh tokens are of no use any more.
  if (!enabled) pool.store.revoke((grant) => grant.username === user.username);
  return {};
}

export function adminUserGlobalSignOut(pool: Pool, input: Input): Answer {
  const user = userOf(pool, input);
  pool.store.revoke((grant) => grant.username === user.username);
  return {};
}

export function listUsers(pool: Pool, input: Input): Answer {
  const keeps = userFilter(optionalText(input, "Filter"));
  const { items, next } = page(pool.store.users().filter(keeps), input, "PaginationToken", 60);
  const wanted = Array.isArray(input.AttributesToGet) ? input.AttributesToGet.map(String) : undefined;
  return {
    Users: items.map((user) => describe(user, "Attributes", wanted)),
    ...(next !== undefined && { PaginationToken: next }),
  };
}

/** GetUser: the user whose access token it is. */
export async function getUser(pool: Pool, input: Input): Promise<Answer> {
  const { user } = await userByToken(pool, input);
  return { Username: user.username, UserAttributes: pairs(user) };
}
export async function updateUserAttributes(pool: Pool, input: Input): Promise<Answer> {
  const { user } = await userByToken(pool, input);
  changeAttributes(pool, user, attributes(input, "UserAttributes"));
  return { CodeDeliveryDetailsList: [] };
}
export async function changePassword(pool: Pool, input: Input): Promise<Answer> {
  const { user } = await userByToken(pool, input);
  if (!(await passwordMatches(user.password, text(input, "PreviousPassword"))))
    throw notAuthorized("Incorrect username or password.");
  const password = text(input, "ProposedPassword");
  checkPolicy(pool.spec, password);
  user.password = await hashPassword(pool.spec, user, password);
  pool.store.touch(user);
  return {};
}
export async function globalSignOut(pool: Pool, input: Input): Promise<Answer> {
  const { user } = await userByToken(pool, input);
  pool.store.revoke((grant) => grant.username === user.username);
  return {};
}

/** RevokeToken: ends the sign-in that a refresh token belongs to. */
export function revokeToken(pool: Pool, client: Client, input: Input): Answer {
  const secret = optionalText(input, "ClientSecret");
  if (client.secret !== undefined && !sameText(client.secret, secret ?? ""))
    throw notAuthorized("Invalid client secret");
  const grant = pool.store.grantOf(text(input, "Token"));
  if (grant?.clientId === client.id) pool.store.revoke((one) => one.originJti === grant.originJti);
  return {};
}

async function userByToken(pool: Pool, input: Input) {
  const found = await pool.tokens.checkAccess(text(input, "AccessToken"));
  if (!found.scopes.includes("aws.cognito.signin.user.admin"))
    throw notAuthorized("Access Token does not have required scopes");
  if (!found.user.enabled) throw notAuthorized("User is disabled.");
  return found;
}

/** Makes a user without keeping it. Throws InvalidParameterException. */
export function makeUser(pool: Pool, name: string, given: Record<string, string>, status: UserStatus): User {
  const { spec, store } = pool;
  const byAttribute = spec.usernameAttributes ?? [];
  if (byAttribute.includes("email") && !byAttribute.includes("phone_number") && !name.includes("@"))
    throw invalidParameter("Username should be an email.");
  const user = newUser(spec, name, status, pool.cloud.clock.now());
  Object.assign(user.attributes, given);
  for (const attribute of byAttribute) {
    const address = user.attributes[attribute];
    if (address !== undefined && store.find(address))
      throw usernameExists(`An account with the given ${attribute} already exists.`);
  }
  return user;
}

function changeAttributes(pool: Pool, user: User, changes: Record<string, string>) {
  for (const [name, value] of Object.entries(changes)) {
    const other = (pool.spec.usernameAttributes ?? []).includes(name) ? pool.store.find(value) : undefined;
    if (other && other !== user)
      throw new AwsError("AliasExistsException", `An account with the given ${name} already exists.`, 400);
    user.attributes[name] = value;
    // A new address is not verified unless the same call says so.
    const flag = `${name}_verified`;
    if ((name === "email" || name === "phone_number") && changes[flag] === undefined)
      user.attributes[flag] = "false";
  }
  pool.store.touch(user);
}

const usernameExists = (message = "User account already exists") =>
  new AwsError("UsernameExistsException", message, 400);

export function describe(
  user: User,
  attributesKey: "Attributes" | "UserAttributes",
  wanted?: string[],
): Answer {
  return {
    Username: user.username,
    [attributesKey]: pairs(user).filter(({ Name }) => wanted === undefined || wanted.includes(Name)),
    UserCreateDate: seconds(user.createdAt),
    UserLastModifiedDate: seconds(user.modifiedAt),
    Enabled: user.enabled,
    UserStatus: user.status,
  };
}
function pairs(user: User): { Name: string; Value: string }[] {
  return Object.entries({ sub: user.sub, ...user.attributes }).map(([Name, Value]) => ({ Name, Value }));
}
