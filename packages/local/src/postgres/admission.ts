/** Who may log in, and how: at a cluster's endpoint, and at an RDS Proxy's. */
import { AccessDenied, AwsError } from "../cloud/errors.ts";
import type { Cloud, CredentialStore, Principal } from "../cloud/types.ts";
import type { DatabaseProxySpec, DatabaseSpec } from "../plan/types.ts";
import type { Admission, Attempt } from "./front.ts";
import { InvalidToken, verifyToken } from "./iam-token.ts";
import { Refusal } from "./protocol.ts";
import { SUPERUSER } from "./server.ts";

export interface AdmissionOptions {
  cloud: Cloud;
  credentials: CredentialStore;
  isIamUser(user: string): Promise<boolean>;
  /** The current string of a secret, by its ARN. */
  secretValue(arn: string): string | undefined | Promise<string | undefined>;
}

/** RDS' answer whatever was wrong with a token: it does not help whoever guesses. */
const pamFailure = (user: string) => new Refusal("28000", `PAM authentication failed for user "${user}"`);

export function admitToCluster(options: AdmissionOptions, spec: DatabaseSpec) {
  return async (attempt: Attempt): Promise<Admission> => {
    const { user, database } = attempt;
    const from = `host "127.0.0.1", user "${user}", database "${database}"`;
    if (!attempt.secure && !spec.plainAllowed)
      throw new Refusal("28000", `no pg_hba.conf entry for ${from}, no encryption`);
    if (user === SUPERUSER)
      throw new Refusal("28000", `pg_hba.conf rejects connection for ${from}, SSL encryption`);
    await strike(options.cloud, spec.arn);
    if (!(await options.isIamUser(user))) return { by: "postgres" };
    // A token in plain text would be anybody's: its lines in pg_hba.conf are `hostssl`.
    if (!attempt.secure) throw new Refusal("28000", `no pg_hba.conf entry for ${from}, no encryption`);

    const token = await attempt.askPassword();
    if (!spec.iamAuthentication) {
      options.cloud.log(
        `postgres: ${user} is a member of rds_iam, and IAM authentication is off on cluster ${spec.id}`,
      );
      throw pamFailure(user);
    }
    if (!checkToken(options, spec, spec.hosts, user, token)) throw pamFailure(user);
    return { by: "front" };
  };
}

/** https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy.troubleshooting.html has the words. */
export function admitToProxy(options: AdmissionOptions, spec: DatabaseProxySpec, cluster: DatabaseSpec) {
  return async (attempt: Attempt): Promise<Admission> => {
    const { user } = attempt;
    if (spec.requireTls && !attempt.secure)
      throw new Refusal("28000", "This RDS Proxy requires TLS connections");
    if (attempt.parameters.has("replication"))
      throw new Refusal(
        "0A000",
        "Feature not supported: RDS Proxy currently doesn't support streaming replication mode",
      );
    await strike(options.cloud, spec.arn);
    const registered = await findSecret(options, spec, user);

    if (
      registered?.iamAuth === "REQUIRED" ||
      (!registered && spec.auth.some((auth) => auth.iamAuth === "REQUIRED"))
    ) {
      if (!attempt.secure) throw new Refusal("28000", "IAM is allowed only with SSL connections");
      if (!checkToken(options, spec, [spec.host], user, await attempt.askPassword()))
        throw new Refusal(
          "28000",
          `IAM authentication failed for the role ${user}. Check the IAM token for this role and try again.`,
        );
    }
    if (!registered)
      throw new Refusal(
        "28000",
        `This RDS proxy has no credentials for the role ${user}. Check the credentials for this role and try again.`,
      );
    // The proxy logs in by password, which the server does not take from a member of rds_iam.
    if (user === SUPERUSER || (await options.isIamUser(user))) {
      options.cloud.log(
        `postgres: the proxy ${spec.name} cannot log in as ${user}: a member of rds_iam has no password login on cluster ${cluster.id}`,
      );
      throw pamFailure(user);
    }
    if (registered.iamAuth === "REQUIRED") return { by: "secret", password: registered.password };
    // The client proves the password to Postgres itself, which is where the proxy's own has to hold too.
    return { by: "postgres" };
  };
}

async function findSecret(options: AdmissionOptions, spec: DatabaseProxySpec, user: string) {
  for (const { secretArn, iamAuth } of spec.auth) {
    try {
      options.cloud.authoriser.authorise({
        principal: { kind: "role", roleArn: spec.roleArn, sessionName: "rds-proxy" },
        action: "secretsmanager:GetSecretValue",
        resource: secretArn,
      });
    } catch (error) {
      if (!(error instanceof AccessDenied)) throw error;
      options.cloud.log(`postgres: the proxy ${spec.name} may not read its secret ${secretArn}`);
      continue;
    }
    const secret = readSecret(await options.secretValue(secretArn));
    if (secret?.username === user) return { iamAuth, password: secret.password };
    if (!secret)
      options.cloud.log(
        `postgres: the secret ${secretArn} of proxy ${spec.name} is not JSON with username and password`,
      );
  }
  return undefined;
}

function readSecret(text: string | undefined): { username: string; password: string } | undefined {
  try {
    const value = JSON.parse(text ?? "null") as Record<string, unknown> | null;
    const { username, password } = value ?? {};
    return typeof username === "string" && typeof password === "string" ? { username, password } : undefined;
  } catch {
    return undefined;
  }
}

/** Authentication, then authorisation of `rds-db:connect`; the authoriser records a denial. */
function checkToken(
  { cloud, credentials }: AdmissionOptions,
  target: { region: string; resourceId: string; port: number },
  hosts: string[],
  user: string,
  token: string,
): boolean {
  let principal: Principal;
  try {
    const endpoints = hosts.map((host) => `${host.toLowerCase()}:${target.port}`);
    principal = verifyToken(token, { endpoints, user, region: target.region }, credentials, cloud.clock);
  } catch (error) {
    if (!(error instanceof InvalidToken)) throw error;
    cloud.log(`postgres: login of ${user} refused: ${error.message}`);
    return false;
  }
  try {
    const resource = `arn:aws:rds-db:${target.region}:${cloud.plan.accountId}:dbuser:${target.resourceId}/${user}`;
    cloud.authoriser.authorise({ principal, action: "rds-db:connect", resource });
    return true;
  } catch (error) {
    if (!(error instanceof AccessDenied)) throw error;
    cloud.log(`postgres: login of ${user} refused: ${error.message}`);
    return false;
  }
}

/** Faults are told as Postgres tells that it cannot be reached just now. */
async function strike(cloud: Cloud, resource: string) {
  try {
    await cloud.faults.strike({ service: "rds-db", operation: "connect", resource, phase: "before" });
  } catch (error) {
    if (error instanceof AwsError)
      throw new Refusal(/^[0-9A-Z]{5}$/.test(error.code) ? error.code : "57P03", error.message);
    throw error;
  }
}
