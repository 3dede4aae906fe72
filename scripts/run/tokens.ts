/** Tokens of the running system's user pool, got the way a test on AWS would: through the pool's own API. */

import { randomBytes } from "node:crypto";
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminInitiateAuthCommand,
  AdminSetUserPasswordCommand,
  CognitoIdentityProviderClient,
  UsernameExistsException,
} from "@aws-sdk/client-cognito-identity-provider";

export const roles = ["admin", "recruiter", "viewer"] as const;
export type Role = (typeof roles)[number];

export interface TokenSource {
  /** Absent: AWS itself. */
  endpoint?: string;
  region: string;
  /** Absent: those of the environment. */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  userPoolId: string;
  clientId: string;
}

/** Makes the user if need be, puts it into its role's group and signs in. @returns An id token (JWT). */
export async function tokenFor(source: TokenSource, email: string, role: Role): Promise<string> {
  const client = new CognitoIdentityProviderClient({
    region: source.region,
    ...(source.endpoint && { endpoint: source.endpoint }),
    ...(source.credentials && { credentials: source.credentials }),
  });
  const user = { UserPoolId: source.userPoolId, Username: email };
  try {
    await client
      .send(
        new AdminCreateUserCommand({
          ...user,
          MessageAction: "SUPPRESS",
          UserAttributes: [
            { Name: "email", Value: email },
            { Name: "email_verified", Value: "true" },
          ],
        }),
      )
      .catch((error: unknown) => {
        if (!(error instanceof UsernameExistsException)) throw error;
      });
    const password = `${randomBytes(18).toString("base64url")}aA1!`;
    await client.send(new AdminSetUserPasswordCommand({ ...user, Password: password, Permanent: true }));
    await client.send(new AdminAddUserToGroupCommand({ ...user, GroupName: role }));
    const { AuthenticationResult } = await client.send(
      new AdminInitiateAuthCommand({
        UserPoolId: source.userPoolId,
        ClientId: source.clientId,
        AuthFlow: "ADMIN_USER_PASSWORD_AUTH",
        AuthParameters: { USERNAME: email, PASSWORD: password },
      }),
    );
    if (!AuthenticationResult?.IdToken) throw new Error(`the user pool gave no token for ${email}`);
    return AuthenticationResult.IdToken;
  } finally {
    client.destroy();
  }
}
