/** AWS Security Token Service. https://docs.aws.amazon.com/STS/latest/APIReference/ */
import { AwsError } from "../../cloud/errors.ts";
import type { AwsCall, AwsService, Cloud, CredentialStore } from "../../cloud/types.ts";
import { identify, uniqueId } from "../../iam/principal.ts";
import { requiredString, stringOf } from "../secrets/input.ts";

/** @param options.credentials Where the keys of assumed roles come from; they are void after their lifetime. */
export function createSts(cloud: Cloud, options: { credentials: CredentialStore }): AwsService {
  const { plan, clock } = cloud;

  function callerIdentity({ principal }: AwsCall): Record<string, unknown> {
    const { accountId: Account } = plan;
    if (principal.kind === "role") {
      const { roleId, sessionArn } = identify(principal);
      return { UserId: `${roleId}:${principal.sessionName}`, Account, Arn: sessionArn };
    }
    if (principal.kind !== "developer")
      throw new AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403);
    const Arn = `arn:aws:iam::${Account}:user/developer`;
    return { UserId: uniqueId("AIDA", Arn), Account, Arn };
  }

  function assumeRole(call: AwsCall): Record<string, unknown> {
    const { input } = call;
    const roleArn = requiredString(input, "RoleArn");
    const sessionName = requiredString(input, "RoleSessionName");
    if (!/^[\w+=,.@-]{2,64}$/.test(sessionName))
      throw new AwsError(
        "ValidationError",
        "RoleSessionName must have 2 to 64 of the characters A-Z a-z 0-9 _ + = , . @ -",
      );
    const duration = Number(stringOf(input, "DurationSeconds") ?? 3600);
    if (!Number.isInteger(duration) || duration < 900 || duration > 43_200)
      throw new AwsError("ValidationError", "DurationSeconds must be a whole number from 900 to 43200.");
    for (const name of Object.keys(input))
      if (name === "Policy" || /^(PolicyArns|Tags|ProvidedContexts)\b/.test(name) || name === "SerialNumber")
        throw new AwsError("ValidationError", `AssumeRole with ${name} is not part of this local run.`);
    const externalId = stringOf(input, "ExternalId");
    call.authorise("sts:AssumeRole", roleArn, {
      "sts:RoleSessionName": sessionName,
      ...(externalId === undefined ? {} : { "sts:ExternalId": externalId }),
    });
    const role = plan.roles.find(({ arn }) => arn === roleArn);
    if (!role) throw new AwsError("AccessDenied", `The role ${roleArn} is not part of this local run.`, 403);

    const principal = { kind: "role", roleArn, sessionName } as const;
    const issued = options.credentials.issue(principal);
    clock.after(duration * 1000, () => options.credentials.revoke(issued.accessKeyId));
    const { roleId, sessionArn } = identify(principal);
    return {
      Credentials: {
        AccessKeyId: issued.accessKeyId,
        SecretAccessKey: issued.secretAccessKey,
        SessionToken: issued.sessionToken,
        Expiration: new Date(clock.now() + duration * 1000),
      },
      AssumedRoleUser: { AssumedRoleId: `${roleId}:${sessionName}`, Arn: sessionArn },
      PackedPolicySize: 0,
    };
  }

  return {
    signingNames: ["sts"],
    async handle(call) {
      if (call.operation === "GetCallerIdentity") return { body: callerIdentity(call) };
      if (call.operation === "AssumeRole") return { body: assumeRole(call) };
      throw new AwsError(
        "InvalidAction",
        `STS's ${call.operation} is not part of this local run; it knows GetCallerIdentity and AssumeRole.`,
      );
    },
  };
}
