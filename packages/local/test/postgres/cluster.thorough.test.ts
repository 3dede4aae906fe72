import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { database, reader, refusal, region, startPostgres, token, writer } from "./support.ts";

const role = { kind: "role", roleArn: "arn:aws:iam::123456789012:role/app", sessionName: "app" } as const;
const pam = '28000 PAM authentication failed for user "app"';
const connectArn = `arn:aws:rds-db:${region}:123456789012:dbuser:cluster-ABC/app`;

let rds: Awaited<ReturnType<typeof startPostgres>>;
beforeAll(async () => {
  rds = await startPostgres();
  const master = await rds.connect("master", "m4ster'\\pass");
  await master.query("create role app login");
  await master.query("grant rds_iam to app");
  await master.query("create role report login password 'r3port'");
});
afterAll(() => rds.stop());

describe("roles as RDS makes them", () => {
  test("the master owns its database, may make roles and databases, and is no superuser", async () => {
    const master = await rds.connect("master", "m4ster'\\pass");
    const { rows } = await master.query(
      `select rolsuper, rolcreatedb, rolcreaterole, pg_has_role('rds_superuser', 'member') as rds,
              (select pg_get_userbyid(datdba) from pg_database where datname = 'shop') as owner,
              current_setting('server_version') as version
         from pg_roles where rolname = current_user`,
    );
    expect(rows[0]).toMatchObject({
      rolsuper: false,
      rolcreatedb: true,
      rolcreaterole: true,
      rds: true,
      owner: "master",
      version: expect.stringMatching(/^17\./),
    });
    await master.query("create database extra");
    await master.query("drop database extra");
    expect(await refusal(master.query("set role rdsadmin"))).toContain("42501");
    expect(await refusal(master.query("copy (select 1) to program 'true'"))).toContain("42501");
  });

  test("text sorts as in AWS's default locale, not by bytes", async () => {
    const master = await rds.connect("master", "m4ster'\\pass");
    const { rows } = await master.query(
      "select x from unnest(array['b', 'A', 'a', 'B', 'é', 'f']) x order by x",
    );
    expect(rows.map((row) => row.x)).toEqual(["a", "A", "b", "B", "é", "f"]);
  });

  test("nobody logs in as RDS' own superuser", async () => {
    expect(await refusal(rds.connect("rdsadmin", "x"))).toBe(
      '28000 pg_hba.conf rejects connection for host "127.0.0.1", user "rdsadmin", database "shop", SSL encryption',
    );
  });
});

describe("TLS", () => {
  test("a connection without TLS is refused in RDS' words", async () => {
    expect(await refusal(rds.connect("master", "m4ster'\\pass", writer, { ssl: false }))).toBe(
      '28000 no pg_hba.conf entry for host "127.0.0.1", user "master", database "shop", no encryption',
    );
  });

  test("the certificate is the writer's and the reader's, and of the run's CA only", async () => {
    await rds.connect("master", "m4ster'\\pass", writer);
    await rds.connect("master", "m4ster'\\pass", reader);
    const other = "other.cluster-abc123.ca-central-1.rds.amazonaws.com";
    expect(
      await refusal(rds.connect("master", "x", writer, { ssl: { ca: rds.cloud.ca.pem, servername: other } })),
    ).toContain("ERR_TLS_CERT_ALTNAME_INVALID");
    expect(await refusal(rds.connect("master", "x", writer, { ssl: { servername: writer } }))).toMatch(
      /UNABLE_TO_VERIFY_LEAF_SIGNATURE/,
    );
  });

  test("AWS's names lead to it", () => {
    const port = rds.postgres.port("shop");
    expect(rds.cloud.addresses.toJSON()).toMatchObject({
      [`${writer}:5432`]: `127.0.0.1:${port}`,
      [`${reader}:5432`]: `127.0.0.1:${port}`,
    });
    expect(rds.postgres.endpoints()).toEqual({
      shop: { host: writer, port, database: "shop", user: "master" },
    });
  });
});

describe("passwords", () => {
  test("a user without rds_iam logs in by password, which Postgres checks itself", async () => {
    const report = await rds.connect("report", "r3port");
    expect((await report.query("select current_user as who")).rows[0]).toEqual({ who: "report" });
    expect(await refusal(rds.connect("report", "wrong"))).toBe(
      '28P01 password authentication failed for user "report"',
    );
    expect(await refusal(rds.connect("nobody", "wrong"))).toBe(
      '28P01 password authentication failed for user "nobody"',
    );
  });

  test("an IAM token is no password for a user without rds_iam", async () => {
    const keys = rds.credentials.issue(role);
    expect(await refusal(rds.connect("report", await token(keys, "report")))).toContain("28P01");
  });

  test("a role that Postgres would trust and that is no IAM user is refused, not let in", async () => {
    // A member of the master inherits nothing of rds_iam, yet counts as its member in pg_hba.conf.
    await rds.admin("create role deputy login password 'd' in role master");
    expect(await refusal(rds.connect("deputy", "d"))).toBe(
      '28000 PAM authentication failed for user "deputy"',
    );
  });
});

describe("IAM tokens", () => {
  test("a user with rds_iam logs in with a token of a role that may connect", async () => {
    rds.requests.length = 0;
    const app = await rds.connect("app", await token(rds.credentials.issue(role), "app"));
    expect((await app.query("select current_user as who")).rows[0]).toEqual({ who: "app" });
    expect(rds.requests).toEqual([{ principal: role, action: "rds-db:connect", resource: connectArn }]);
  });

  test("membership by SET ROLE alone and through another role counts", async () => {
    await rds.admin(
      "create role iam_users; grant rds_iam to iam_users; create role indirect login noinherit in role iam_users",
    );
    expect(await refusal(rds.connect("indirect", "secret"))).toContain("PAM authentication failed");
    await rds.connect("indirect", await token(rds.credentials.issue(role), "indirect"));
  });

  test("a role without rds-db:connect is denied, the denial goes through the authoriser", async () => {
    rds.denied.add(`rds-db:connect ${connectArn}`);
    try {
      expect(await refusal(rds.connect("app", await token(rds.credentials.issue(role), "app")))).toBe(pam);
    } finally {
      rds.denied.clear();
    }
    expect(rds.lines.at(-1)).toContain(`rds-db:connect on ${connectArn}`);
  });

  test("a token for another user, host, port or region, a forged and a foreign one are all refused alike", async () => {
    const keys = rds.credentials.issue(role);
    const good = await token(keys, "app");
    const revoked = rds.credentials.issue(role);
    const ofRevoked = await token(revoked, "app");
    rds.credentials.revoke(revoked.accessKeyId);
    const attempts: Record<string, string> = {
      password: "app",
      empty: "",
      "other user": await token(keys, "report"),
      "other host": await token(keys, "app", { hostname: "evil.rds.amazonaws.com" }),
      "other port": await token(keys, "app", { port: 5433 }),
      "other region": await token(keys, "app", { region: "us-east-1" }),
      "unknown key": await token({ ...keys, accessKeyId: "ASIAUNKNOWN" }, "app"),
      "wrong secret": await token({ ...keys, secretAccessKey: "guess" }, "app"),
      "wrong session": await token({ ...keys, sessionToken: "guess" }, "app"),
      "revoked key": ofRevoked,
      "user swapped": good.replace("DBUser=app", "DBUser=report"),
      "user twice": `${good}&DBUser=app`,
      "longer life": good.replace("X-Amz-Expires=900", "X-Amz-Expires=604800"),
      "other action": good.replace("Action=connect", "Action=admin"),
      "cut signature": good.replace(/(X-Amz-Signature=\w{20})\w+/, "$1"),
      "no url": "?X-Amz-Signature=",
      "password with NUL": "a\0b",
    };
    for (const [name, password] of Object.entries(attempts))
      expect(await refusal(rds.connect("app", password)), name).toMatch(/^(28000 PAM|28P01|08P01)/);
    expect(await refusal(rds.connect("app", attempts["wrong secret"] ?? ""))).toBe(pam);
    await rds.connect("app", good);
    const secrets = [keys.secretAccessKey, keys.sessionToken, "X-Amz-Signature"];
    for (const line of rds.lines) for (const secret of secrets) expect(line).not.toContain(secret);
  });

  test("a token lives fifteen minutes, and one from the future does not live yet", async () => {
    const keys = rds.credentials.issue(role);
    const at = async (offsetMs: number) => {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + offsetMs });
      const made = await token(keys, "app");
      vi.useRealTimers();
      return refusal(rds.connect("app", made));
    };
    expect(await at(-14 * 60_000)).toBe("no refusal");
    expect(await at(-16 * 60_000)).toBe(pam);
    expect(rds.lines.at(-1)).toContain("expired");
    expect(await at(20 * 60_000)).toBe(pam);
    expect(rds.lines.at(-1)).toContain("not yet valid");
  });

  test("with IAM authentication off on the cluster no token opens it", async () => {
    const off = await startPostgres({ databases: [{ ...database, iamAuthentication: false }] });
    try {
      await off.admin("create role app login in role rds_iam");
      expect(await refusal(off.connect("app", await token(off.credentials.issue(role), "app")))).toBe(pam);
    } finally {
      await off.stop();
    }
  });
});

describe("sessions", () => {
  test("a query is cancelled by its key, from another connection", async () => {
    const app = await rds.connect("app", await token(rds.credentials.issue(role), "app"));
    const watcher = await rds.connect("master", "m4ster'\\pass");
    const { pid } = (await app.query("select pg_backend_pid() as pid")).rows[0];
    const running = refusal(app.query("select pg_sleep(60)"));
    await vi.waitFor(async () => {
      const { rows } = await watcher.query("select state from pg_stat_activity where pid = $1", [pid]);
      expect(rows[0]?.state).toBe("active");
    });
    const { processID, secretKey } = app as unknown as { processID: number; secretKey: number };
    const packet = Buffer.alloc(16);
    for (const [index, value] of [16, 80877102, processID, secretKey].entries())
      packet.writeInt32BE(value, index * 4);
    connect(rds.postgres.port("shop"), "127.0.0.1").end(packet);
    expect(await running).toBe("57014 canceling statement due to user request");
  });

  test("large answers and large parameters pass whole, many at once", async () => {
    const clients = await Promise.all(
      Array.from({ length: 8 }, async () =>
        rds.connect("app", await token(rds.credentials.issue(role), "app")),
      ),
    );
    const big = "x".repeat(3_000_000);
    await Promise.all(
      clients.map(async (client) => {
        const { rows } = await client.query("select $1::text || $1::text as doubled", [big]);
        expect(rows[0].doubled.length).toBe(6_000_000);
      }),
    );
  });

  test("a client that vanishes leaves no session behind", async () => {
    const app = await rds.connect("app", await token(rds.credentials.issue(role), "app"));
    const { pid } = (await app.query("select pg_backend_pid() as pid")).rows[0];
    (app as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    await vi.waitFor(async () => {
      const { rowCount } = await rds.admin(`select from pg_stat_activity where pid = ${pid}`);
      expect(rowCount).toBe(0);
    });
  });

  test("a fault on rds-db connect refuses one login and no more", async () => {
    rds.cloud.faults.add({
      service: "rds-db",
      effect: { error: { code: "57P03", status: 503, message: "the database system is starting up" } },
    });
    expect(await refusal(rds.connect("report", "r3port"))).toBe("57P03 the database system is starting up");
    await rds.connect("report", "r3port");
  });
});

test("with rds.force_ssl off a password is taken without TLS, an IAM token is not", async () => {
  const open = await startPostgres({ databases: [{ ...database, plainAllowed: true }] });
  try {
    const master = await open.connect("master", "m4ster'\\pass", writer, { ssl: false });
    await master.query("create role app login");
    await master.query("grant rds_iam to app");
    expect(await refusal(open.connect("app", "any", writer, { ssl: false }))).toContain("no encryption");
  } finally {
    await open.stop();
  }
});
