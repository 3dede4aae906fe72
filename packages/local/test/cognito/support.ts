import {
  AdminCreateUserCommand,
  AdminSetUserPasswordCommand,
  CognitoIdentityProviderClient,
  type CognitoIdentityProviderServiceException,
} from "@aws-sdk/client-cognito-identity-provider";
import { decodeJwt } from "jose";
import type { UserPoolSpec } from "../../src/plan/types.ts";
import { accountId, functionArn, type World } from "../gateway/support.ts";

export { FunctionFailure, functionArn, send, startWorld, turn, type World } from "../gateway/support.ts";

export const region = "eu-north-1";
export const UserPoolId = `${region}_AbCdEfGhI`;
export const poolArn = `arn:aws:cognito-idp:${region}:${accountId}:userpool/${UserPoolId}`;
export const issuer = `https://cognito-idp.${region}.amazonaws.com/${UserPoolId}`;
export const callback = "https://app.example.com/callback";

type Client = UserPoolSpec["clients"][number];
export function clientSpec(id: string, more: Partial<Client> = {}): Client {
  return {
    id,
    name: id,
    flows: [
      "ALLOW_USER_PASSWORD_AUTH",
      "ALLOW_ADMIN_USER_PASSWORD_AUTH",
      "ALLOW_USER_SRP_AUTH",
      "ALLOW_REFRESH_TOKEN_AUTH",
      "code",
    ],
    scopes: ["openid", "email", "profile"],
    callbackUrls: [callback],
    logoutUrls: ["https://app.example.com/bye"],
    accessTokenMinutes: 60,
    idTokenMinutes: 30,
    refreshTokenMinutes: 1440,
    ...more,
  };
}
export function poolSpec(more: Partial<UserPoolSpec> = {}): UserPoolSpec {
  return {
    arn: poolArn,
    id: UserPoolId,
    name: "People",
    region,
    issuer,
    usernameAttributes: [],
    clients: [
      clientSpec("web"),
      clientSpec("server", { secret: "s3cr3t" }),
      clientSpec("plain", { flows: [] }),
    ],
    groups: [
      { name: "viewer", precedence: 30 },
      { name: "admin", precedence: 10, description: "may do all" },
      { name: "recruiter", precedence: 20 },
    ],
    domain: "people-test",
    triggers: {},
    ...more,
  };
}
export const allTriggers = {
  preSignUp: functionArn("preSignUp"),
  preTokenGeneration: functionArn("preToken"),
  postConfirmation: functionArn("postConfirmation"),
  postAuthentication: functionArn("postAuthentication"),
};

const clients: CognitoIdentityProviderClient[] = [];
/** The SDK's client through the front door. */
export function developer(world: World): CognitoIdentityProviderClient {
  const client = new CognitoIdentityProviderClient({
    endpoint: world.aws,
    region,
    credentials: world.credentials.issue({ kind: "developer" }),
    maxAttempts: 1,
  });
  clients.push(client);
  return client;
}
export function closeClients() {
  for (const client of clients.splice(0)) client.destroy();
}

export const password = "Correct-horse-9";
export async function makeUser(
  admin: CognitoIdentityProviderClient,
  Username: string,
  attributes: Record<string, string> = {},
) {
  const { User } = await admin.send(
    new AdminCreateUserCommand({
      UserPoolId,
      Username,
      MessageAction: "SUPPRESS",
      UserAttributes: Object.entries(attributes).map(([Name, Value]) => ({ Name, Value })),
    }),
  );
  await admin.send(
    new AdminSetUserPasswordCommand({ UserPoolId, Username, Password: password, Permanent: true }),
  );
  return User;
}
/** Name and message of the error that a call ends in. */
export const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: CognitoIdentityProviderServiceException) => `${error.name}: ${error.message}`,
  );
export const claims = (token: string | undefined) => decodeJwt(token ?? "") as Record<string, unknown>;
