import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  appSecret,
  plainSecret,
  proxy,
  proxyHost,
  refusal,
  region,
  startPostgres,
  token,
} from "./support.ts";

const role = { kind: "role", roleArn: "arn:aws:iam::123456789012:role/app", sessionName: "app" } as const;
const connectArn = `arn:aws:rds-db:${region}:123456789012:dbuser:prx-XYZ/app`;
const secrets: Record<string, string> = {};

let rds: Awaited<ReturnType<typeof startPostgres>>;
const appToken = async (user = "app", hostname = proxyHost) =>
  token(rds.credentials.issue(role), user, { hostname });

beforeAll(async () => {
  rds = await startPostgres({ proxies: [proxy], secrets });
  secrets[appSecret] = JSON.stringify({ username: "app", password: "in the secret" });
  secrets[plainSecret] = JSON.stringify({ username: "plain", password: "plain password" });
  await rds.admin("create role app login password 'in the secret'");
  await rds.admin("create role plain login password 'plain password'");
});
afterAll(() => rds.stop());

describe("RDS Proxy with IAM authentication", () => {
  test("a token for the proxy logs in as its user, by the password of the user's secret", async () => {
    rds.requests.length = 0;
    const app = await rds.connect("app", await appToken(), proxyHost);
    expect((await app.query("select current_user as who")).rows[0]).toEqual({ who: "app" });
    expect(rds.requests).toEqual([
      {
        principal: { kind: "role", roleArn: proxy.roleArn, sessionName: "rds-proxy" },
        action: "secretsmanager:GetSecretValue",
        resource: appSecret,
      },
      { principal: role, action: "rds-db:connect", resource: connectArn },
    ]);
  });

  test("a token for the cluster behind is none for the proxy, nor the other way round", async () => {
    const words =
      "28000 IAM authentication failed for the role app. Check the IAM token for this role and try again.";
    const cluster = "shop.cluster-abc123.ca-central-1.rds.amazonaws.com";
    expect(await refusal(rds.connect("app", await appToken("app", cluster), proxyHost))).toBe(words);
    expect(await refusal(rds.connect("app", "in the secret", proxyHost))).toBe(words);
    rds.denied.add(`rds-db:connect ${connectArn}`);
    expect(await refusal(rds.connect("app", await appToken(), proxyHost))).toBe(words);
    rds.denied.clear();
  });

  test("a user without a registered secret is refused", async () => {
    await rds.admin("create role stranger login");
    expect(await refusal(rds.connect("stranger", await appToken("stranger"), proxyHost))).toBe(
      "28000 This RDS proxy has no credentials for the role stranger. Check the credentials for this role and try again.",
    );
  });

  test("a proxy whose role may not read the secret has no credentials", async () => {
    rds.denied.add(`secretsmanager:GetSecretValue ${appSecret}`);
    expect(await refusal(rds.connect("app", await appToken(), proxyHost))).toContain("no credentials");
    rds.denied.clear();
  });

  test("a secret with an outdated password fails with the server's words, a broken one is as none", async () => {
    secrets[appSecret] = JSON.stringify({ username: "app", password: "yesterday's" });
    expect(await refusal(rds.connect("app", await appToken(), proxyHost))).toBe(
      '28P01 password authentication failed for user "app"',
    );
    for (const broken of ["not json", "null", '{"username":"app"}', '{"username":"app","password":1}']) {
      secrets[appSecret] = broken;
      expect(await refusal(rds.connect("app", await appToken(), proxyHost))).toContain("no credentials");
    }
    secrets[appSecret] = JSON.stringify({ username: "app", password: "in the secret" });
    await rds.connect("app", await appToken(), proxyHost);
  });

  test("a user with rds_iam cannot come through the proxy", async () => {
    await rds.admin("grant rds_iam to app");
    expect(await refusal(rds.connect("app", await appToken(), proxyHost))).toBe(
      '28000 PAM authentication failed for user "app"',
    );
    expect(rds.lines.at(-1)).toContain("cannot log in as app");
    await rds.admin("revoke rds_iam from app");
  });

  test("a connection without TLS is refused", async () => {
    expect(await refusal(rds.connect("app", "x", proxyHost, { ssl: false }))).toBe(
      "28000 This RDS Proxy requires TLS connections",
    );
  });
});

describe("RDS Proxy without IAM authentication", () => {
  test("a user logs in by the password of its secret", async () => {
    await rds.connect("plain", "plain password", proxyHost);
    expect(await refusal(rds.connect("plain", "wrong", proxyHost))).toBe(
      '28P01 password authentication failed for user "plain"',
    );
  });
});
