/** Which of AWS's protocols a request speaks, and what it asks for. */
import { AwsError } from "../cloud/errors.ts";

/** https://smithy.io/2.0/aws/protocols/index.html */
export type Protocol = "json" | "query" | "restJson" | "restXml";

/** @param service Signing name. */
export function protocolOf(
  service: string,
  request: {
    method: string;
    target: string | undefined;
    contentType: string | undefined;
    query: URLSearchParams;
  },
): Protocol {
  if (service === "s3" || service === "cloudfront") return "restXml";
  if (request.target !== undefined) return "json";
  if (request.contentType?.startsWith("application/x-www-form-urlencoded")) return "query";
  if (request.method === "GET" && request.query.has("Action")) return "query";
  return "restJson";
}

/** `AmazonSQS.SendMessage` -> `SendMessage` */
export function operationOfTarget(target: string): string {
  return target.slice(target.lastIndexOf(".") + 1);
}

export function parseJson(body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    throw new AwsError("SerializationException", "The body is not valid JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new AwsError("SerializationException", "The body must be a JSON object.");
  return value as Record<string, unknown>;
}

/** Query parameters as a flat record, `Action` and `Version` included. */
export function parseQuery(parameters: URLSearchParams): Record<string, unknown> {
  return Object.fromEntries(parameters);
}

/**
 * Operations that AWS serves without asking any policy. Those of Cognito are called by clients that have no keys yet;
 * GetCallerIdentity works even under an explicit deny.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flows-public-server-side.html
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
const openOperations: Record<string, ReadonlySet<string>> = {
  sts: new Set(["GetCallerIdentity"]),
  "cognito-idp": new Set(
    [
      "AssociateSoftwareToken ChangePassword CompleteWebAuthnRegistration ConfirmDevice ConfirmForgotPassword",
      "ConfirmSignUp DeleteUser DeleteUserAttributes DeleteWebAuthnCredential ForgetDevice ForgotPassword GetDevice",
      "GetTokensFromRefreshToken GetUser GetUserAttributeVerificationCode GetUserAuthFactors GlobalSignOut",
      "InitiateAuth ListDevices ListWebAuthnCredentials ResendConfirmationCode RespondToAuthChallenge RevokeToken",
      "SetUserMFAPreference SetUserSettings SignUp StartWebAuthnRegistration UpdateAuthEventFeedback",
      "UpdateDeviceStatus UpdateUserAttributes VerifySoftwareToken VerifyUserAttribute",
    ].flatMap((line) => line.split(" ")),
  ),
};
export function isOpenOperation(service: string, operation: string): boolean {
  return openOperations[service]?.has(operation) ?? false;
}

/** Signing names of the services whose unsigned calls name them by target. */
export function serviceOfTarget(target: string): string | undefined {
  return target.startsWith("AWSCognitoIdentityProviderService.") ? "cognito-idp" : undefined;
}
