import { createHash, createHmac, getDiffieHellman, hkdfSync, randomBytes } from "node:crypto";
import {
  AdminCreateUserCommand,
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
  RespondToAuthChallengeCommand,
} from "@aws-sdk/client-cognito-identity-provider";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  claims,
  closeClients,
  developer,
  failure,
  makeUser,
  password,
  poolSpec,
  region,
  startWorld,
  UserPoolId,
  type World,
} from "./support.ts";

/** The client's half, written from RFC 5054 and what Cognito's JavaScript client sends; independent of the server's. */
const N = BigInt(`0x${getDiffieHellman("modp15").getPrime("hex")}`);
const hex = (value: bigint) => {
  const text = value.toString(16);
  return (text.length % 2 ? `0${text}` : text).replace(/^(?=[89a-f])/i, "00");
};
const digest = (text: string) =>
  BigInt(`0x${createHash("sha256").update(Buffer.from(text, "hex")).digest("hex")}`);
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % N;
    if (bit === "1") result = (result * base) % N;
  }
  return result;
}

let world: World;
let browser: CognitoIdentityProviderClient;
beforeAll(async () => {
  world = await startWorld({ userPools: [poolSpec()] });
  browser = new CognitoIdentityProviderClient({ endpoint: world.aws, region, maxAttempts: 1 });
});
afterAll(async () => {
  browser.destroy();
  closeClients();
  await world.stop();
});

async function signIn(username: string, secret: string, publicValue?: string) {
  const a = BigInt(`0x${randomBytes(128).toString("hex")}`);
  const A = power(2n, a);
  const { ChallengeName, ChallengeParameters = {} } = await browser.send(
    new InitiateAuthCommand({
      ClientId: "web",
      AuthFlow: "USER_SRP_AUTH",
      AuthParameters: { USERNAME: username, SRP_A: publicValue ?? A.toString(16) },
    }),
  );
  expect(ChallengeName).toBe("PASSWORD_VERIFIER");
  const { SALT = "", SRP_B = "", SECRET_BLOCK = "", USER_ID_FOR_SRP: user = "" } = ChallengeParameters;
  const B = BigInt(`0x${SRP_B}`);
  const u = digest(hex(A) + hex(B));
  const identity = createHash("sha256")
    .update(`${UserPoolId.split("_")[1]}${user}:${secret}`)
    .digest("hex");
  const x = digest(hex(BigInt(`0x${SALT}`)) + identity);
  const k = digest(`00${N.toString(16)}02`);
  const S = power((((B - k * power(2n, x)) % N) + N) % N, a + u * x);
  const key = Buffer.from(
    hkdfSync("sha256", Buffer.from(hex(S), "hex"), Buffer.from(hex(u), "hex"), "Caldera Derived Key", 16),
  );
  const TIMESTAMP = "Tue Jan 6 12:00:00 UTC 2026";
  const PASSWORD_CLAIM_SIGNATURE = createHmac("sha256", key)
    .update(`${UserPoolId.split("_")[1]}${user}`)
    .update(Buffer.from(SECRET_BLOCK, "base64"))
    .update(TIMESTAMP)
    .digest("base64");
  return () =>
    browser.send(
      new RespondToAuthChallengeCommand({
        ClientId: "web",
        ChallengeName: "PASSWORD_VERIFIER",
        ChallengeResponses: {
          USERNAME: user,
          PASSWORD_CLAIM_SECRET_BLOCK: SECRET_BLOCK,
          PASSWORD_CLAIM_SIGNATURE,
          TIMESTAMP,
        },
      }),
    );
}

describe("Secure Remote Password", () => {
  it("signs in who knows the password, which never crosses the wire; each challenge is good once", async () => {
    await makeUser(developer(world), "srp-user");
    // The padding of numbers whose first bit is set goes wrong in one exchange of two, if at all.
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const respond = await signIn("srp-user", password);
      const { AuthenticationResult } = await respond();
      expect(claims(AuthenticationResult?.IdToken)["cognito:username"]).toBe("srp-user");
      expect(await failure(respond())).toMatch(/^NotAuthorizedException/);
    }
  });

  it("a wrong password and an unknown user get a challenge and the same refusal", async () => {
    expect(await failure((await signIn("srp-user", "wrong"))())).toBe(
      "NotAuthorizedException: Incorrect username or password.",
    );
    expect(await failure((await signIn("nobody", password))())).toBe(
      "NotAuthorizedException: Incorrect username or password.",
    );
  });

  it.each([
    "0",
    N.toString(16),
    (2n * N).toString(16),
    "xyz",
  ])("the public value %s, which would need no password, is refused", async (value) => {
    expect(await failure(signIn("srp-user", password, value))).toMatch(/^InvalidParameterException/);
  });

  it("who must change the password is asked to after proving the old one", async () => {
    await developer(world).send(
      new AdminCreateUserCommand({ UserPoolId, Username: "srp-new", TemporaryPassword: "Temporary-1!" }),
    );
    expect(await (await signIn("srp-new", "Temporary-1!"))()).toMatchObject({
      ChallengeName: "NEW_PASSWORD_REQUIRED",
    });
  });
});
