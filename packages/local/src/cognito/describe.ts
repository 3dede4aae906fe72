/** What a pool and its clients say of themselves. */
import type { Client, Pool } from "./pool.ts";

type Answer = Record<string, unknown>;

export function describeUserPool({ spec, store }: Pool): Answer {
  const { triggers } = spec;
  return {
    UserPool: {
      Id: spec.id,
      Name: spec.name,
      Arn: spec.arn,
      ...(spec.domain !== undefined && { Domain: spec.domain }),
      EstimatedNumberOfUsers: store.users().length,
      ...(spec.usernameAttributes?.length && { UsernameAttributes: spec.usernameAttributes }),
      LambdaConfig: {
        ...(triggers.preSignUp !== undefined && { PreSignUp: triggers.preSignUp }),
        ...(triggers.postConfirmation !== undefined && { PostConfirmation: triggers.postConfirmation }),
        ...(triggers.postAuthentication !== undefined && { PostAuthentication: triggers.postAuthentication }),
        ...(triggers.preTokenGeneration !== undefined && {
          PreTokenGeneration: triggers.preTokenGeneration,
          PreTokenGenerationConfig: {
            LambdaArn: triggers.preTokenGeneration,
            LambdaVersion: triggers.preTokenGenerationVersion ?? "V1_0",
          },
        }),
      },
    },
  };
}

export function describeUserPoolClient({ spec }: Pool, client: Client): Answer {
  const explicit = client.flows.filter((flow) => /^ALLOW_|_AUTH$/.test(flow));
  return {
    UserPoolClient: {
      UserPoolId: spec.id,
      ClientId: client.id,
      ClientName: client.name,
      ...(client.secret !== undefined && { ClientSecret: client.secret }),
      ExplicitAuthFlows: explicit,
      AllowedOAuthFlows: client.flows.filter((flow) => !explicit.includes(flow)),
      AllowedOAuthScopes: client.scopes,
      CallbackURLs: client.callbackUrls,
      LogoutURLs: client.logoutUrls,
      AccessTokenValidity: client.accessTokenMinutes,
      IdTokenValidity: client.idTokenMinutes,
      RefreshTokenValidity: client.refreshTokenMinutes,
      TokenValidityUnits: { AccessToken: "minutes", IdToken: "minutes", RefreshToken: "minutes" },
    },
  };
}
