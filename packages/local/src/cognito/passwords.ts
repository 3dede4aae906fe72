/** Passwords and client secrets: policy, hashing, comparison. */
import { createHmac, randomBytes, randomInt, scrypt, timingSafeEqual } from "node:crypto";
import { AwsError } from "../cloud/errors.ts";
import type { UserPoolSpec } from "../plan/types.ts";
import { notAuthorized } from "./errors.ts";
import { makeVerifier } from "./srp.ts";
import type { StoredPassword, User } from "./store.ts";

type Client = UserPoolSpec["clients"][number];

const standardPolicy: NonNullable<UserPoolSpec["passwordPolicy"]> = {
  minimumLength: 8,
  requireLowercase: true,
  requireUppercase: true,
  requireNumbers: true,
  requireSymbols: true,
};

/** Throws InvalidPasswordException naming what is missing. */
export function checkPolicy(spec: UserPoolSpec, password: string): void {
  const policy = spec.passwordPolicy ?? standardPolicy;
  const refuse = (what: string) => {
    throw new AwsError("InvalidPasswordException", `Password did not conform with policy: ${what}`, 400);
  };
  if (password.length < policy.minimumLength) refuse("Password not long enough");
  if (password.length > 256) refuse("Password too long");
  if (policy.requireLowercase && !/[a-z]/.test(password)) refuse("Password must have lowercase characters");
  if (policy.requireUppercase && !/[A-Z]/.test(password)) refuse("Password must have uppercase characters");
  if (policy.requireNumbers && !/[0-9]/.test(password)) refuse("Password must have numeric characters");
  if (policy.requireSymbols && !/[\^$*.[\]{}()?\-"!@#%&/\\,><':;|_~`+= ]/.test(password))
    refuse("Password must have symbol characters");
}

/** One that any policy accepts. */
export function randomPassword(): string {
  return `${randomBytes(15).toString("base64url")}aA${randomInt(10)}!`;
}

export async function hashPassword(
  spec: UserPoolSpec,
  user: User,
  password: string,
): Promise<StoredPassword> {
  const salt = randomBytes(16).toString("hex");
  return {
    salt,
    hash: (await derive(password, salt)).toString("hex"),
    srp: makeVerifier(poolName(spec), user.username, password),
  };
}
/** Takes as long for an unknown user as for a known one. */
export async function passwordMatches(
  stored: StoredPassword | undefined,
  password: string,
): Promise<boolean> {
  const given = await derive(password, stored?.salt ?? "00");
  return stored !== undefined && timingSafeEqual(given, Buffer.from(stored.hash, "hex"));
}
function derive(password: string, salt: string): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    scrypt(password, salt, 32, (error, key) => (error ? reject(error) : resolve(key))),
  );
}

/** The pool's name in the SRP exchange: its id without the region. */
export const poolName = (spec: UserPoolSpec) => spec.id.slice(spec.id.indexOf("_") + 1);

/**
 * Throws unless the hash is the base64 of HMAC-SHA256(client secret, username + client id)
 * (https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html#cognito-user-pools-computing-secret-hash).
 * @param names What the user may have been called.
 */
export function checkSecretHash(client: Client, names: string[], hash: string | undefined): void {
  const { secret } = client;
  if (secret === undefined) return;
  if (hash === undefined)
    throw notAuthorized(`Client ${client.id} is configured with secret but SECRET_HASH was not received`);
  const matches = names.some((name) =>
    sameText(createHmac("sha256", secret).update(`${name}${client.id}`).digest("base64"), hash),
  );
  if (!matches) throw notAuthorized(`Unable to verify secret hash for client ${client.id}`);
}

export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
