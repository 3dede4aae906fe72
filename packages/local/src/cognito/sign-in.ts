/**
 * Signing in by the API: passwords, SRP, challenges, refresh tokens
 * (https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html).
 */
import { randomBytes, randomUUID } from "node:crypto";
import { AwsError } from "../cloud/errors.ts";
import { invalidParameter, notAuthorized, wrongPassword } from "./errors.ts";
import { type Input, text, texts } from "./input.ts";
import { checkPolicy, checkSecretHash, hashPassword, passwordMatches, poolName } from "./passwords.ts";
import type { Challenge, Client, Pool } from "./pool.ts";
import { beginExchange, makeVerifier } from "./srp.ts";
import type { Grant, User } from "./store.ts";
import { type IssuedTokens, USER_API_SCOPE } from "./tokens.ts";
import type { TokenSource } from "./triggers.ts";

/** Default of AuthSessionValidity. */
const CHALLENGE_MS = 3 * 60_000;

type Answer = Record<string, unknown>;
interface Attempt {
  client: Client;
  parameters: Record<string, string>;
  metadata: Record<string, string>;
}

/** InitiateAuth and AdminInitiateAuth. */
export async function initiateAuth(
  pool: Pool,
  client: Client,
  input: Input,
  admin: boolean,
): Promise<Answer> {
  const flow = text(input, "AuthFlow");
  const attempt = {
    client,
    parameters: texts(input, "AuthParameters"),
    metadata: texts(input, "ClientMetadata"),
  };
  switch (flow) {
    case "USER_PASSWORD_AUTH":
      demandFlow(client, flow, ["ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"]);
      return withPassword(pool, attempt);
    case "ADMIN_USER_PASSWORD_AUTH":
    case "ADMIN_NO_SRP_AUTH":
      if (!admin) throw invalidParameter("Initiate Auth method not supported.");
      demandFlow(client, flow, ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"]);
      return withPassword(pool, attempt);
    case "USER_SRP_AUTH":
      demandFlow(client, flow, ["ALLOW_USER_SRP_AUTH", "USER_SRP_AUTH"]);
      return beginSrp(pool, attempt);
    case "REFRESH_TOKEN_AUTH":
    case "REFRESH_TOKEN":
      demandFlow(client, flow, ["ALLOW_REFRESH_TOKEN_AUTH"]);
      return refresh(pool, attempt);
    default:
      throw invalidParameter(`AuthFlow ${flow} is not one that runs here`);
  }
}

/** RespondToAuthChallenge and AdminRespondToAuthChallenge. */
export async function respondToChallenge(pool: Pool, client: Client, input: Input): Promise<Answer> {
  const name = text(input, "ChallengeName");
  const responses = texts(input, "ChallengeResponses");
  const attempt = { client, parameters: responses, metadata: texts(input, "ClientMetadata") };
  if (name === "PASSWORD_VERIFIER") return finishSrp(pool, attempt);
  if (name !== "NEW_PASSWORD_REQUIRED")
    throw invalidParameter(`ChallengeName ${name} is not one that runs here`);

  const password = responses.NEW_PASSWORD;
  if (password === undefined) throw invalidParameter("Missing required parameter NEW_PASSWORD");
  const user = await takeNewPassword(pool, client, text(input, "Session"), password, (user) =>
    checkSecretHash(client, namesOf(user), responses.SECRET_HASH),
  );
  for (const [key, value] of Object.entries(responses))
    if (key.startsWith("userAttributes.")) user.attributes[key.slice("userAttributes.".length)] = value;
  pool.store.touch(user);
  return complete(pool, user, attempt, "TokenGeneration_NewPasswordChallenge");
}

/** Opens a session in which the user who must change the password can do so. @returns its id. */
export function demandNewPassword(pool: Pool, client: Client, user: User): string {
  const session = randomBytes(48).toString("base64url");
  keepChallenge(pool, session, { user, clientId: client.id, answer: "NEW_PASSWORD_REQUIRED" });
  return session;
}

/** Sets the password asked for by `demandNewPassword`. One that breaks the policy may be followed by another. */
export async function takeNewPassword(
  pool: Pool,
  client: Client,
  session: string,
  password: string,
  check: (user: User) => void = () => {},
): Promise<User> {
  const challenge = takeChallenge(pool, client, session);
  const { user } = challenge;
  if (challenge.answer !== "NEW_PASSWORD_REQUIRED" || !user)
    throw notAuthorized("Invalid session for the user.");
  check(user);
  try {
    checkPolicy(pool.spec, password);
  } catch (error) {
    pool.challenges.set(session, challenge);
    throw error;
  }
  user.password = await hashPassword(pool.spec, user, password);
  user.status = "CONFIRMED";
  pool.store.touch(user);
  return user;
}

/** The tokens of a new sign-in by the API. */
export async function signIn(
  pool: Pool,
  user: User,
  client: Client,
  source: TokenSource,
  metadata?: Record<string, string>,
): Promise<IssuedTokens & { refreshToken: string }> {
  await pool.triggers.postAuthentication(user, client.id, metadata);
  const grant = newGrant(pool, user, client, [USER_API_SCOPE], false);
  const changes = await pool.triggers.preTokenGeneration(source, user, client.id, grant.scopes, metadata);
  const refreshToken = pool.store.grant(grant);
  return { ...(await pool.tokens.issue({ user, client, grant, changes })), refreshToken };
}

export function newGrant(pool: Pool, user: User, client: Client, scopes: string[], hosted: boolean): Grant {
  const now = pool.cloud.clock.now();
  return {
    username: user.username,
    clientId: client.id,
    authTime: Math.floor(now / 1000),
    originJti: randomUUID(),
    scopes,
    hosted,
    expiresAt: now + client.refreshTokenMinutes * 60_000,
  };
}

/** New tokens for a refresh token. @returns undefined when the token is not good (any more). */
export async function refreshed(
  pool: Pool,
  client: Client,
  refreshToken: string,
  metadata?: Record<string, string>,
): Promise<{ tokens: IssuedTokens; grant: Grant } | undefined> {
  const grant = pool.store.grantOf(refreshToken);
  const user = grant && pool.store.find(grant.username);
  if (!user?.enabled || grant?.clientId !== client.id) return undefined;
  const source = "TokenGeneration_RefreshTokens";
  const changes = await pool.triggers.preTokenGeneration(source, user, client.id, grant.scopes, metadata);
  return { tokens: await pool.tokens.issue({ user, client, grant, changes }), grant };
}

/** The user, if the password is the right one and the user may sign in. */
export async function checkPassword(pool: Pool, name: string, password: string): Promise<User> {
  const user = pool.store.find(name);
  if (!(await passwordMatches(user?.password, password)) || !user) throw wrongPassword();
  demandUsable(user);
  return user;
}

export function namesOf(user: User): string[] {
  return [user.username, user.sub, user.attributes.email, user.attributes.phone_number].filter(
    (name) => name !== undefined,
  );
}

async function withPassword(pool: Pool, attempt: Attempt): Promise<Answer> {
  const { USERNAME: name, PASSWORD: password, SECRET_HASH: hash } = attempt.parameters;
  if (name === undefined || password === undefined)
    throw invalidParameter(`Missing required parameter ${name === undefined ? "USERNAME" : "PASSWORD"}`);
  checkSecretHash(attempt.client, [name], hash);
  const user = await checkPassword(pool, name, password);
  return afterPassword(pool, user, attempt);
}

function afterPassword(pool: Pool, user: User, attempt: Attempt): Promise<Answer> | Answer {
  if (user.status !== "FORCE_CHANGE_PASSWORD")
    return complete(pool, user, attempt, "TokenGeneration_Authentication");
  return {
    ChallengeName: "NEW_PASSWORD_REQUIRED",
    Session: demandNewPassword(pool, attempt.client, user),
    ChallengeParameters: {
      USER_ID_FOR_SRP: user.username,
      requiredAttributes: "[]",
      userAttributes: JSON.stringify(user.attributes),
    },
  };
}

async function complete(pool: Pool, user: User, attempt: Attempt, source: TokenSource): Promise<Answer> {
  const tokens = await signIn(pool, user, attempt.client, source, attempt.metadata);
  return {
    ChallengeParameters: {},
    AuthenticationResult: { ...result(tokens), RefreshToken: tokens.refreshToken },
  };
}

async function refresh(pool: Pool, { client, parameters, metadata }: Attempt): Promise<Answer> {
  const token = parameters.REFRESH_TOKEN;
  if (token === undefined) throw invalidParameter("Missing required parameter REFRESH_TOKEN");
  const grant = pool.store.grantOf(token);
  const user = grant && pool.store.find(grant.username);
  if (user) checkSecretHash(client, namesOf(user), parameters.SECRET_HASH);
  const fresh = await refreshed(pool, client, token, metadata);
  if (!fresh) throw notAuthorized("Invalid Refresh Token");
  return { ChallengeParameters: {}, AuthenticationResult: result(fresh.tokens) };
}

function result({ accessToken, idToken, expiresIn }: IssuedTokens): Answer {
  return { AccessToken: accessToken, ExpiresIn: expiresIn, IdToken: idToken, TokenType: "Bearer" };
}

function beginSrp(pool: Pool, { client, parameters }: Attempt): Answer {
  const { USERNAME: name, SRP_A: publicValue, SECRET_HASH: hash } = parameters;
  if (name === undefined || publicValue === undefined)
    throw invalidParameter(`Missing required parameter ${name === undefined ? "USERNAME" : "SRP_A"}`);
  checkSecretHash(client, [name], hash);
  const user = pool.store.find(name);
  // An unknown user gets a challenge too, which nobody can answer.
  const verifier =
    user?.password?.srp ?? makeVerifier(poolName(pool.spec), name, randomBytes(16).toString("hex"));
  const srp = beginExchange(publicValue, verifier.verifier);
  if (!srp) throw invalidParameter("SRP_A is not a public value of the 3072-bit group");
  const secretBlock = randomBytes(64).toString("base64");
  const username = user?.username ?? name;
  keepChallenge(pool, secretBlock, { user, clientId: client.id, answer: srp });
  return {
    ChallengeName: "PASSWORD_VERIFIER",
    ChallengeParameters: {
      SALT: verifier.salt,
      SECRET_BLOCK: secretBlock,
      SRP_B: srp.publicValue,
      USERNAME: username,
      USER_ID_FOR_SRP: username,
    },
  };
}

async function finishSrp(pool: Pool, attempt: Attempt): Promise<Answer> {
  const {
    PASSWORD_CLAIM_SECRET_BLOCK: secretBlock,
    PASSWORD_CLAIM_SIGNATURE: signature,
    TIMESTAMP: timestamp,
  } = attempt.parameters;
  if (secretBlock === undefined || signature === undefined || timestamp === undefined)
    throw invalidParameter(
      "PASSWORD_CLAIM_SECRET_BLOCK, PASSWORD_CLAIM_SIGNATURE and TIMESTAMP are required",
    );
  const { user, answer } = takeChallenge(pool, attempt.client, secretBlock);
  if (answer === "NEW_PASSWORD_REQUIRED") throw notAuthorized("Invalid session for the user.");
  if (!user) throw wrongPassword();
  checkSecretHash(attempt.client, namesOf(user), attempt.parameters.SECRET_HASH);
  const proof = { poolName: poolName(pool.spec), username: user.username, secretBlock, timestamp, signature };
  if (!answer.proves(proof)) throw wrongPassword();
  demandUsable(user);
  return afterPassword(pool, user, attempt);
}

function demandUsable(user: User) {
  if (!user.enabled) throw notAuthorized("User is disabled.");
  if (user.status === "UNCONFIRMED")
    throw new AwsError("UserNotConfirmedException", "User is not confirmed.", 400);
  if (user.status === "RESET_REQUIRED")
    throw new AwsError("PasswordResetRequiredException", "Password reset required for the user", 400);
}

function demandFlow(client: Client, flow: string, allowed: string[]) {
  const explicit = client.flows.filter((one) => /^ALLOW_|_AUTH$/.test(one));
  // A client that names none has these.
  const flows =
    explicit.length > 0 ? explicit : ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_CUSTOM_AUTH"];
  // The older names bring refresh tokens with them.
  if (flow.startsWith("REFRESH_TOKEN") && explicit.some((one) => !one.startsWith("ALLOW_"))) return;
  if (!allowed.some((one) => flows.includes(one)))
    throw invalidParameter(`${flow} flow not enabled for this client`);
}

function keepChallenge(pool: Pool, session: string, challenge: Omit<Challenge, "expiresAt">) {
  const now = pool.cloud.clock.now();
  for (const [key, old] of pool.challenges) if (old.expiresAt <= now) pool.challenges.delete(key);
  pool.challenges.set(session, { ...challenge, expiresAt: now + CHALLENGE_MS });
}
/** Each session is good for one answer. */
function takeChallenge(pool: Pool, client: Client, session: string): Challenge {
  const challenge = pool.challenges.get(session);
  pool.challenges.delete(session);
  if (!challenge || challenge.clientId !== client.id) throw notAuthorized("Invalid session for the user.");
  if (challenge.expiresAt <= pool.cloud.clock.now())
    throw notAuthorized("Invalid session for the user, session is expired.");
  return challenge;
}
