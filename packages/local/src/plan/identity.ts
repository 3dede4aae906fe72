import { optional } from "./messaging.ts";
import { optionalText, property, type Reader, record, text, texts, toNumber, toText } from "./read.ts";
import type { UserPoolSpec } from "./types.ts";

const minutesOf: Record<string, number> = { seconds: 1 / 60, minutes: 1, hours: 60, days: 1440 };

export function readUserPools(reader: Reader): UserPoolSpec[] {
  return reader.all("aws:cognito/userPool:UserPool").map((resource) => {
    const id = text(resource, "id");
    const own = (type: string) =>
      reader.all(`aws:cognito/${type}`).filter((child) => child.inputs.userPoolId === id);
    const triggers = record(property(resource, "lambdaConfig"));
    const generation = record(triggers.preTokenGenerationConfig);
    const generationArn = toText(generation.lambdaArn) ?? toText(triggers.preTokenGeneration);
    return {
      arn: text(resource, "arn"),
      id,
      name: optionalText(resource, "name") ?? resource.name,
      region: resource.region,
      issuer: `https://cognito-idp.${resource.region}.amazonaws.com/${id}`,
      usernameAttributes: texts(property(resource, "usernameAttributes")),
      ...optional("passwordPolicy", readPasswordPolicy(property(resource, "passwordPolicy"))),
      clients: own("userPoolClient:UserPoolClient").map((client) => {
        const units = record(property(client, "tokenValidityUnits"));
        // Without units Cognito reads access and id tokens in hours and refresh tokens in days.
        const minutes = (key: string, unitKey: string, unit: string, fallback: number) => {
          const value = toNumber(property(client, key));
          return value === undefined ? fallback : value * (minutesOf[toText(units[unitKey]) ?? unit] ?? 60);
        };
        return {
          id: text(client, "id"),
          name: optionalText(client, "name") ?? client.name,
          ...(property(client, "generateSecret") === true &&
            optional("secret", optionalText(client, "clientSecret"))),
          flows: [
            ...texts(property(client, "explicitAuthFlows")),
            ...texts(property(client, "allowedOauthFlows")),
          ],
          scopes: texts(property(client, "allowedOauthScopes")),
          callbackUrls: texts(property(client, "callbackUrls")),
          logoutUrls: texts(property(client, "logoutUrls")),
          accessTokenMinutes: minutes("accessTokenValidity", "accessToken", "hours", 60),
          idTokenMinutes: minutes("idTokenValidity", "idToken", "hours", 60),
          refreshTokenMinutes: minutes("refreshTokenValidity", "refreshToken", "days", 43_200),
        };
      }),
      groups: own("userGroup:UserGroup").map((group) => ({
        name: text(group, "name"),
        ...optional("precedence", toNumber(property(group, "precedence"))),
        ...optional("description", optionalText(group, "description")),
      })),
      ...optional("domain", own("userPoolDomain:UserPoolDomain").map((domain) => text(domain, "domain"))[0]),
      triggers: {
        ...optional("preSignUp", toText(triggers.preSignUp)),
        ...optional("preTokenGeneration", generationArn),
        ...(generationArn && {
          preTokenGenerationVersion:
            generation.lambdaVersion === "V2_0" ? ("V2_0" as const) : ("V1_0" as const),
        }),
        ...optional("postConfirmation", toText(triggers.postConfirmation)),
        ...optional("postAuthentication", toText(triggers.postAuthentication)),
      },
    };
  });
}

function readPasswordPolicy(value: unknown): UserPoolSpec["passwordPolicy"] {
  if (value === undefined || value === null) return undefined;
  const policy = record(value);
  return {
    minimumLength: toNumber(policy.minimumLength) ?? 8,
    requireLowercase: policy.requireLowercase === true,
    requireUppercase: policy.requireUppercase === true,
    requireNumbers: policy.requireNumbers === true,
    requireSymbols: policy.requireSymbols === true,
  };
}
