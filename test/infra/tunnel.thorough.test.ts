import { execFile, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { root } from "../../scripts/run/root.ts";
import { amazonRoots, authoritiesFor } from "../../scripts/tunnel/authorities.ts";
import { readTunnelOptions } from "../../scripts/tunnel/options.ts";
import { graphOf, stages } from "./support/graphs.ts";
import { all } from "./support/read.ts";

const proxy = "frontdesk-production.proxy-abc.ca-central-1.rds.amazonaws.com";
const cluster = "frontdesk-production.cluster-abc.ca-central-1.rds.amazonaws.com";
const target = {
  instanceId: "i-0123456789abcdef0",
  region: "ca-central-1",
  port: 5432,
  database: "frontdesk",
  host: proxy,
  users: ["frontdesk_app", "frontdesk_migrator"],
  clusterHost: cluster,
  masterUser: "frontdesk_master",
  masterSecretArn: "arn:aws:secretsmanager:ca-central-1:123456789012:secret:master",
};

/** Programs on a PATH of their own, which write down what they were given. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "frontdesk-tunnel-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, body: string) {
  writeFileSync(
    join(folder, name),
    `#!/usr/bin/env node
const fs = require("node:fs"), net = require("node:net");
const args = process.argv.slice(2);
fs.appendFileSync(${JSON.stringify(join(folder, "calls"))}, JSON.stringify({ name: ${JSON.stringify(name)}, args }) + "\\n");
${body}\n`,
  );
  chmodSync(join(folder, name), 0o755);
}
const session = (connected = true) => `
  else if (args[1] === "start-session") {
    ${connected ? "" : 'console.error("An error occurred (TargetNotConnected)"); process.exit(254);'}
    const { localPortNumber: [port] } = JSON.parse(args[args.indexOf("--parameters") + 1]);
    net.createServer((socket) => socket.end("through")).listen(Number(port), "127.0.0.1", () => console.log("Waiting for connections..."));
    process.on("SIGTERM", () => { fs.writeFileSync(${JSON.stringify(join(folder, "closed"))}, ""); process.exit(0); });
  }`;
function fakeAws({
  parameter = JSON.stringify(target),
  connected = true,
}: {
  parameter?: string;
  connected?: boolean;
} = {}) {
  program(
    "aws",
    `if (args[1] === "get-parameter") process.stdout.write(${JSON.stringify(parameter)});
     else if (args[1] === "get-secret-value") process.stdout.write(JSON.stringify({ username: "frontdesk_master", password: "pass:with\\\\colon" }));
     ${session(connected)}`,
  );
  program("session-manager-plugin", "");
}
/** Looks through the tunnel and at the password file, then ends as it was told. */
function fakePsql(code = 0) {
  program(
    "psql",
    `const port = /(?:^| )port=(\\d+)/.exec(args[0])[1];
     const file = process.env.PGPASSFILE;
     net.connect(Number(port), "127.0.0.1").on("data", (data) => {
       fs.writeFileSync(${JSON.stringify(join(folder, "seen"))}, JSON.stringify({
         heard: String(data), file, mode: fs.statSync(file).mode & 0o777, folderMode: fs.statSync(require("node:path").dirname(file)).mode & 0o777,
         line: fs.readFileSync(file, "utf8"), environment: process.env,
       }));
       process.exit(${code});
     });`,
  );
}
const environment = () => ({
  PATH: `${folder}:${dirname(process.execPath)}`,
  HOME: folder,
  AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
  AWS_SECRET_ACCESS_KEY: "example",
});
function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(root, "scripts/tunnel.ts"), ...args],
      { cwd: root, env: environment() },
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}
const calls = (name: string) =>
  readFileSync(join(folder, "calls"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { name: string; args: string[] })
    .filter((call) => call.name === name)
    .map(({ args }) => args);
const seen = () =>
  JSON.parse(readFileSync(join(folder, "seen"), "utf8")) as {
    heard: string;
    file: string;
    mode: number;
    folderMode: number;
    line: string;
    environment: Record<string, string>;
  };
/** Fields of a line of libpq's password file, its escapes undone. */
const fields = (line: string) =>
  (line.trim().match(/(?:\\.|[^:\\])+/g) ?? []).map((field) => field.replace(/\\(.)/g, "$1"));

describe("npm run tunnel", () => {
  test("opens a session to the database's own name and starts psql with verified TLS and an IAM token", async () => {
    fakeAws();
    fakePsql(3);
    const { code, stderr } = await run("--stage", "production", "--", "-c", "select 1");
    expect(stderr).toBe("");
    expect(code).toBe(3);
    const [start] = calls("aws").filter(([, operation]) => operation === "start-session");
    expect(start).toEqual(
      expect.arrayContaining(["--target", target.instanceId, "--region", "ca-central-1"]),
    );
    expect(start).toContain("AWS-StartPortForwardingSessionToRemoteHost");
    const [psql] = calls("psql");
    const port = /(?:^| )port=(\d+)/.exec(psql?.[0] ?? "")?.[1];
    expect(JSON.parse(start?.[start.indexOf("--parameters") + 1] ?? "")).toEqual({
      host: [proxy],
      portNumber: ["5432"],
      localPortNumber: [port],
    });
    expect(psql?.[0]).toContain(
      `host=${proxy} hostaddr=127.0.0.1 port=${port} dbname=frontdesk user=frontdesk_app`,
    );
    expect(psql?.[0]).toContain("sslmode=verify-full sslrootcert=");
    expect(psql?.slice(1)).toEqual(["-c", "select 1"]);
    expect(seen().heard).toBe("through");
    const [host, localPort, database, user, token] = fields(seen().line);
    expect([host, localPort, database, user]).toEqual([proxy, port, "frontdesk", "frontdesk_app"]);
    // Signed for the database's own name and port, not for the tunnel's end.
    expect(token).toMatch(
      new RegExp(
        `^${proxy.replaceAll(".", "\\.")}:5432/\\?Action=connect&DBUser=frontdesk_app&.*X-Amz-Signature=`,
      ),
    );
  });

  test("the token is in a file of this user alone, in no argument and no environment, and gone afterwards with the session", async () => {
    fakeAws();
    fakePsql();
    expect(await run("--stage", "production")).toMatchObject({ code: 0, stdout: "" });
    const { file, mode, folderMode, environment: variables } = seen();
    expect([mode, folderMode]).toEqual([0o600, 0o700]);
    expect(readFileSync(join(folder, "calls"), "utf8")).not.toContain("X-Amz-Signature");
    expect(JSON.stringify(variables)).not.toMatch(/X-Amz-Signature|PGPASSWORD/);
    expect(existsSync(file)).toBe(false);
    await expect.poll(() => existsSync(join(folder, "closed"))).toBe(true);
  });

  test("the master goes past the proxy with its password, and to a restored copy where one is named", async () => {
    fakeAws();
    fakePsql();
    const copy = "restored.cluster-abc.ca-central-1.rds.amazonaws.com";
    const ca = join(folder, "ca.pem");
    for (const [args, host] of [
      [[], cluster],
      [["--host", copy], copy],
    ] as const) {
      const { code, stderr } = await run("--stage", "production", "--master", "--ca", ca, ...args);
      expect([code, stderr]).toEqual([0, ""]);
      expect(fields(seen().line)).toEqual([
        host,
        expect.stringMatching(/^\d+$/),
        "frontdesk",
        "frontdesk_master",
        "pass:with\\colon",
      ]);
      expect(calls("psql").at(-1)?.[0]).toContain(`sslrootcert=${ca}`);
    }
    expect(readFileSync(join(folder, "calls"), "utf8")).not.toContain("pass:with");
  });

  test("with --print it needs no psql, says how to connect without the token, and stays until it is stopped", async () => {
    fakeAws();
    const child = spawn(
      process.execPath,
      [join(root, "scripts/tunnel.ts"), "--stage", "production", "--print"],
      {
        cwd: root,
        env: environment(),
      },
    );
    let stdout = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    await expect.poll(() => stdout, { timeout: 20_000 }).toContain("\n");
    const file = /^PGPASSFILE=(\S+) psql "host=/.exec(stdout)?.[1] ?? "";
    expect(stdout).not.toContain("X-Amz-Signature");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    child.kill("SIGINT");
    expect(await ended).toBe(0);
    expect(existsSync(file)).toBe(false);
    await expect.poll(() => existsSync(join(folder, "closed"))).toBe(true);
  });
});

describe("what is wrong is said in one error", () => {
  test("programs that are missing, all at once, each with where it is got", async () => {
    program("psql", "");
    const { code, stderr } = await run("--stage", "production");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^not on this machine's PATH:\n {2}aws: .*https.*\n {2}session-manager-plugin: .*https.*\n$/,
    );
    expect(existsSync(join(folder, "calls"))).toBe(false);
  });

  test("a stage that is not there", async () => {
    fakeAws();
    program("psql", "");
    program("aws", `console.error("An error occurred (ParameterNotFound)"); process.exit(254);`);
    expect((await run("--stage", "nowhere")).stderr).toMatch(
      /^stage "nowhere" has no \/frontdesk\/nowhere\/tunnel in ca-central-1: it is not deployed there, or its settings say "bastion": false\n$/,
    );
  });

  test("a bastion that is not connected, and no password file is left", async () => {
    fakeAws({ connected: false });
    fakePsql();
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("frontdesk-tunnel-"));
    const { code, stderr } = await run("--stage", "production");
    expect([code, stderr.trim()]).toEqual([
      1,
      expect.stringContaining("is not connected to Session Manager"),
    ]);
    expect(calls("psql")).toEqual([]);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("frontdesk-tunnel-"))).toEqual(before);
  });

  test("a parameter that is not ours", async () => {
    fakeAws({ parameter: "{}" });
    fakePsql();
    expect((await run("--stage", "production")).stderr).toContain("is not what infra/bastion.ts writes");
  });

  test.each([
    [[], /--stage must name a deployed stage/],
    [["--stage", "a", "--user", "x", "--master"], /exclude each other/],
    [["--stage", "a", "--host", "evil.example.com"], /--host must be the endpoint of a cluster/],
    [["--stage", "a", "--local-port", "0"], /--local-port must be a number/],
    [["--stage", "a", "--nonsense"], /nonsense/],
  ])("%j", (args, message) => {
    expect(() => readTunnelOptions(args, "ca-central-1")).toThrow(message);
    expect(() => readTunnelOptions(args, "ca-central-1")).toThrow(/usage: npm run tunnel/);
  });
});

describe("authorities", () => {
  test("a proxy is trusted by Amazon's public authorities, a cluster by those of RDS, fetched once", async () => {
    expect(amazonRoots().length).toBeGreaterThanOrEqual(4);
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.end("-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const source = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    try {
      expect(readFileSync(await authoritiesFor(proxy, "ca-central-1", folder, source), "utf8")).toContain(
        amazonRoots()[0],
      );
      expect(asked).toEqual([]);
      const file = await authoritiesFor(cluster, "ca-central-1", folder, source);
      expect(await authoritiesFor(cluster, "ca-central-1", folder, source)).toBe(file);
      expect(asked).toEqual(["/ca-central-1/ca-central-1-bundle.pem"]);
    } finally {
      server.close();
    }
  });

  test("when they cannot be fetched, the way without is named", async () => {
    await expect(authoritiesFor(cluster, "ca-central-1", folder, "http://127.0.0.1:1")).rejects.toThrow(
      /give a file with --ca/,
    );
  });
});

test.each(stages)("on %s the parameter that it reads names the way in, and no secret", async (stage) => {
  const graph = await graphOf(stage);
  const [parameter] = all(graph, "aws:ssm/parameter:Parameter").filter(
    ({ inputs }) => inputs.name === `/frontdesk/${stage}/tunnel`,
  );
  expect(JSON.parse(String(parameter?.inputs.value))).toEqual({
    instanceId: expect.stringMatching(/^i-/),
    region: "ca-central-1",
    port: 5432,
    database: "frontdesk",
    host: graph.links.Database?.host,
    users: ["frontdesk_app", "frontdesk_migrator"],
    clusterHost: graph.links.DatabaseMaster?.host,
    masterUser: "frontdesk_master",
    masterSecretArn: graph.links.DatabaseMaster?.secretArn,
  });
});
