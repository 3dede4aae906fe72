import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  apis,
  type Credentials,
  calendarScope,
  checkGoogle,
  type Subject,
} from "../../scripts/google/checks.ts";
import { reachGoogle } from "../../scripts/google/reach.ts";
import { root } from "../../scripts/run/root.ts";
import { type FakeGoogle, type RunningGoogle, startGoogle } from "./support/google.ts";

const clientId = "1234-abc.apps.googleusercontent.com";
const hosted = "https://auth.desk.acme.test/oauth2/idpresponse";
const callback = "https://api.desk.acme.test/google/callback";
const subject: Subject = {
  workspaceDomain: "acme.test",
  mailDomain: "in.acme.test",
  mailRegion: "us-east-1",
  clientId,
  project: "acme-frontdesk",
  redirectUris: [hosted, callback],
};
const credentials: Credentials = {
  clientSecret: "the client's secret",
  refreshToken: "a person's refresh token",
  accessToken: "an operator's token",
};

/** Google with everything as docs/google.md says. */
const complete = (): FakeGoogle => ({
  clients: { [clientId]: { secret: "the client's secret", redirectUris: [hosted, callback] } },
  consents: { "a person's refresh token": { clientId, scopes: ["openid", calendarScope] } },
  operators: ["an operator's token"],
  projects: { "acme-frontdesk": { enabled: [...apis] } },
  dns: {
    "in.acme.test MX": ["10 inbound-smtp.us-east-1.amazonaws.com."],
    "in.acme.test TXT": ['"v=spf1 include:amazonses.com ~all"', '"something else"'],
    "_dmarc.in.acme.test TXT": ['"v=DMARC1; p=quarantine"'],
    "acme.test MX": ["1 smtp.google.com."],
  },
});

let google: RunningGoogle;
beforeEach(async () => {
  google = await startGoogle(complete());
});
afterEach(() => google.stop());

const run = (about: Partial<Subject> = {}, given: Credentials = credentials) =>
  checkGoogle({ ...subject, ...about }, given, reachGoogle(google.origin));
const failures = async (...given: Parameters<typeof run>) =>
  (await run(...given))
    .filter(({ outcome }) => outcome === "FAIL")
    .map(({ check, detail }) => `${check}: ${detail}`);

test("everything in its place passes, and nothing of a secret is told", async () => {
  const results = await run();
  expect(results.map(({ check, outcome }) => `${outcome} ${check}`)).toEqual([
    "ok discovery",
    "ok MX of in.acme.test",
    "ok SPF of in.acme.test",
    "ok DMARC of in.acme.test",
    "ok MX of acme.test",
    `ok redirect to ${hosted}`,
    `ok redirect to ${callback}`,
    "ok client secret",
    "ok refresh token",
    "ok calendar of that person",
    "ok API calendar-json.googleapis.com",
    "ok API meet.googleapis.com",
  ]);
  const said = JSON.stringify(results);
  for (const secret of Object.values(credentials)) expect(said).not.toContain(secret);
  expect(said).not.toContain("ya29.");
});

describe("what is wrong is the only thing that fails, with how to mend it", () => {
  test.each<[string, (state: FakeGoogle) => void, RegExp[]]>([
    [
      "no MX record",
      ({ dns }) => delete dns["in.acme.test MX"],
      [/^MX of in\.acme\.test: there is none: add "MX 10 inbound-smtp\.us-east-1\.amazonaws\.com"$/],
    ],
    [
      "a second MX record beside SES",
      ({ dns }) => dns["in.acme.test MX"]?.push("20 mail.acme.test."),
      [
        /^MX of in\.acme\.test: leads to .*mail\.acme\.test: it must be inbound-smtp\.us-east-1\.amazonaws\.com alone$/,
      ],
    ],
    [
      "SES in another region",
      ({ dns }) => {
        dns["in.acme.test MX"] = ["10 inbound-smtp.eu-west-1.amazonaws.com."];
      },
      [/^MX of in\.acme\.test: leads to inbound-smtp\.eu-west-1/],
    ],
    [
      "two SPF records",
      ({ dns }) => dns["in.acme.test TXT"]?.push('"v=spf1 include:amazonses.com -all"'),
      [/^SPF of in\.acme\.test: in\.acme\.test has 2 of them, and then none counts$/],
    ],
    [
      "no DMARC",
      ({ dns }) => delete dns["_dmarc.in.acme.test TXT"],
      [/^DMARC of in\.acme\.test: no TXT record/],
    ],
    [
      "a Workspace domain whose mail does not go to Google",
      ({ dns }) => {
        dns["acme.test MX"] = ["10 acme-test.mail.protection.outlook.com."];
      },
      [/^MX of acme\.test: leads to acme-test\..*, not to Google: the routing rule would see no mail$/],
    ],
    [
      "a look-alike of Google",
      ({ dns }) => {
        dns["acme.test MX"] = ["1 smtp.notgoogle.com."];
      },
      [/^MX of acme\.test: leads to smtp\.notgoogle\.com/],
    ],
    [
      "an address that the client does not allow",
      ({ clients }) => clients[clientId]?.redirectUris.pop(),
      [
        /^redirect to https:\/\/api\.desk.*: the client does not allow it: add it under "Authorized redirect URIs"$/,
      ],
    ],
    [
      "another client",
      (state) => {
        state.clients = {};
      },
      [
        /^redirect to .*: Google knows no client 1234-abc/,
        /^redirect to .*: Google knows no client 1234-abc/,
        /^client secret: is not the client's/,
        /^refresh token: Google answers invalid_client$/,
        /^calendar of that person: Google answers invalid_client$/,
      ],
    ],
    [
      "a person who took their consent back",
      (state) => {
        state.consents = {};
      },
      [
        /^refresh token: is expired or was taken back/,
        /^calendar of that person: is expired or was taken back/,
      ],
    ],
    [
      "a consent without the calendar",
      ({ consents }) => {
        for (const consent of Object.values(consents)) consent.scopes = ["openid"];
      },
      [
        /^refresh token: does not reach the calendar: it has openid$/,
        /^calendar of that person: does not reach/,
      ],
    ],
    [
      "APIs that are off",
      ({ projects }) => {
        for (const project of Object.values(projects)) project.enabled = [];
      },
      [
        /^calendar of that person: the project has the Calendar API off: gcloud services enable calendar-json/,
        /^API calendar-json\.googleapis\.com: is off: gcloud services enable calendar-json\.googleapis\.com --project acme-frontdesk/,
        /^API meet\.googleapis\.com: is off/,
      ],
    ],
    [
      "a project that is not there",
      (state) => {
        state.projects = { other: { enabled: [...apis] } };
      },
      [
        /^API calendar-json\.googleapis\.com: Google answers 403 PERMISSION_DENIED: is there a project acme-frontdesk/,
        /^API meet\.googleapis\.com: Google answers 403/,
      ],
    ],
    [
      "an operator's token that expired",
      (state) => {
        state.operators = [];
      },
      [
        /^API calendar.*: GOOGLE_ACCESS_TOKEN is expired or wrong$/,
        /^API meet.*: GOOGLE_ACCESS_TOKEN is expired/,
      ],
    ],
  ])("%s", async (_, break_, expected) => {
    break_(google.state);
    const found = await failures();
    expect(found).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  });

  test("a secret that is not the client's", async () => {
    const found = await failures({}, { clientSecret: "another" });
    expect(found).toEqual([
      "client secret: is not the client's: set the right one by `sst secret set GoogleClientSecret`",
    ]);
  });

  test("Google out of reach: each check says so, and none hangs the others", async () => {
    const results = await checkGoogle(subject, credentials, reachGoogle("http://127.0.0.1:1"));
    expect(results).toHaveLength(12);
    for (const { outcome, detail } of results) {
      expect(outcome).toBe("FAIL");
      expect(detail).toMatch(/^cannot reach [a-z0-9.]+: (ECONNREFUSED|fetch failed|bad port)$/);
    }
  });
});

test("what needs a credential that was not given is left out, with its name, and nothing is asked for it", async () => {
  const results = await run({}, {});
  const skipped = results
    .filter(({ outcome }) => outcome === "skip")
    .map(({ check, detail }) => `${check}: ${detail}`);
  expect(skipped).toEqual([
    "client secret: needs GOOGLE_CLIENT_SECRET",
    "refresh token: needs GOOGLE_CLIENT_SECRET and GOOGLE_REFRESH_TOKEN",
    "calendar of that person: needs GOOGLE_CLIENT_SECRET and GOOGLE_REFRESH_TOKEN",
    "API calendar-json.googleapis.com: needs GOOGLE_ACCESS_TOKEN=$(gcloud auth print-access-token)",
    "API meet.googleapis.com: needs GOOGLE_ACCESS_TOKEN=$(gcloud auth print-access-token)",
  ]);
  expect(google.asked.join("\n")).not.toMatch(/\/token|serviceusage|calendar/);
});

describe("npm run google:check", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "google-check-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs the script with the settings of production. */
  const command = (settings: unknown, ...options: string[]) => {
    writeFileSync(join(folder, "production.json"), JSON.stringify(settings));
    return new Promise<{ code: number; stdout: string; stderr: string }>((done) => {
      const child = execFile(
        process.execPath,
        ["--no-warnings", "--experimental-strip-types", join(root, "scripts/google-check.ts"), ...options],
        {
          cwd: root,
          env: {
            PATH: process.env.PATH,
            HOME: process.env.HOME,
            SETTINGS_FOLDER: folder,
            GOOGLE_CHECK_ORIGIN: google.origin,
            GOOGLE_CLIENT_SECRET: credentials.clientSecret,
          },
        },
        (_error, stdout, stderr) => done({ code: child.exitCode ?? -1, stdout, stderr }),
      );
    });
  };
  const settings = {
    workspaceDomain: "acme.test",
    domain: "desk.acme.test",
    zone: "acme.test",
    zoneId: "Z0123456789ABCDEFGHIJ",
    google: { clientId, project: "acme-frontdesk" },
  };

  test("asks for what the stage's own graph demands: exit code 0 when it is there, 1 when not, or when it must all be seen", async () => {
    const good = await command(settings);
    expect(good.stderr).toBe("");
    expect(good.stdout).toContain(`ok   redirect to ${hosted}: allowed\n`);
    expect(good.stdout).toContain(`ok   redirect to ${callback}: allowed\n`);
    expect(good.stdout).toContain("skip API meet.googleapis.com: needs GOOGLE_ACCESS_TOKEN");
    expect(good.stdout).not.toContain(credentials.clientSecret);
    expect(good.code).toBe(0);
    expect((await command(settings, "--strict")).code).toBe(1);
    google.state.clients[clientId]?.redirectUris.pop();
    const bad = await command(settings);
    expect(bad.stdout).toContain(`FAIL redirect to ${callback}: the client does not allow it`);
    expect(bad.code).toBe(1);
  }, 480_000);

  test("says how it is used, and what is wrong with the command line or the settings: exit code 2", async () => {
    const help = await command({}, "--help");
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toContain("--stage");
    const wrong = await command({}, "--stagge", "x");
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("npm run google:check");
    const off = await command({ workspaceDomain: "acme.test" });
    expect(off.code).toBe(2);
    expect(off.stderr).toMatch(/stage "production" has Google off: put .* into settings\/production\.json/);
  }, 480_000);
});
