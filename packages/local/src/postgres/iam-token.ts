/**
 * RDS authentication tokens: a presigned request for `connect` of the service `rds-db`, without its scheme, used as
 * password (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.html).
 */
import { AwsError } from "../cloud/errors.ts";
import type { CredentialStore, Principal } from "../cloud/types.ts";
import { type SigningClock, verifyPresigned } from "../front-door/sigv4.ts";

/** Why a token is not accepted. For the developer's eyes: the client learns no reason, as on AWS. */
export class InvalidToken extends Error {}

const LIFETIME_SECONDS = 900;

/**
 * @param expected.endpoints `host:port` of every name that leads to the server.
 * @returns whose keys signed it. @throws InvalidToken
 */
export function verifyToken(
  token: string,
  expected: { endpoints: string[]; user: string; region: string },
  credentials: CredentialStore,
  clock: SigningClock,
): Principal {
  const mark = token.indexOf("/?");
  if (mark < 0 || !token.includes("X-Amz-Signature="))
    throw new InvalidToken("the password is no IAM token, and a member of rds_iam cannot log in by password");
  const host = token.slice(0, mark);
  const query = token.slice(mark + 2);
  if (!expected.endpoints.includes(host.toLowerCase()))
    throw new InvalidToken(`the token is for another host and port than ${expected.endpoints.join(" or ")}`);

  const parameters = new URLSearchParams(query);
  const one = (name: string) => {
    const [value, ...more] = parameters.getAll(name);
    if (value === undefined || more.length > 0)
      throw new InvalidToken(`the token must have one parameter ${name}`);
    return value;
  };
  if (one("Action") !== "connect") throw new InvalidToken("the token is not for the action connect");
  if (one("DBUser") !== expected.user)
    throw new InvalidToken(`the token is for another user than ${expected.user}`);
  if (Number(one("X-Amz-Expires")) > LIFETIME_SECONDS)
    throw new InvalidToken(`a token lives ${LIFETIME_SECONDS} s at most`);
  try {
    const scope = { service: "rds-db", region: expected.region };
    return verifyPresigned({ method: "GET", host, path: "/", query }, scope, credentials, clock).principal;
  } catch (error) {
    if (error instanceof AwsError) throw new InvalidToken(`${error.code}: ${error.message}`);
    throw error;
  }
}
