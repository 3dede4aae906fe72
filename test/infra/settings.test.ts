import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readSettings } from "../../infra/settings.ts";
import { graphOf } from "./support/graphs.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "settings-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const read = (given: unknown, stage = "anna", ownsDomains = false) => {
  writeFileSync(join(folder, `${stage}.json`), typeof given === "string" ? given : JSON.stringify(given));
  return readSettings(stage, { ownsDomains, folder });
};

describe("defaults", () => {
  test("run on a machine without any file: four mailboxes on domains that mail arrives for", () => {
    const settings = readSettings("local", { ownsDomains: true, folder });
    expect(settings).toMatchObject({
      mailRegion: "us-east-1",
      mailDomain: "in.frontdesk.example",
      workspaceDomain: "frontdesk.example",
      recipientDomains: ["in.frontdesk.example", "frontdesk.example"],
    });
    expect(settings.mailboxes.map(({ address }) => address)).toEqual([
      "jobs@frontdesk.example",
      "payroll@frontdesk.example",
      "hello@frontdesk.example",
      "support@in.frontdesk.example",
    ]);
  });

  test("a stage that shares the account receives on a domain of its own", () => {
    const settings = readSettings("anna", { ownsDomains: false, folder });
    expect(settings.recipientDomains).toEqual(["anna.in.frontdesk.example"]);
    for (const { address } of settings.mailboxes) expect(address).toMatch(/@anna\.in\.frontdesk\.example$/);
  });

  test("follow from the domains that a file names", () => {
    expect(read({ workspaceDomain: "acme.test" }, "production", true)).toMatchObject({
      mailDomain: "in.acme.test",
      senders: ["no-reply@in.acme.test"],
      mailboxes: expect.arrayContaining([expect.objectContaining({ address: "jobs@acme.test" })]),
    });
  });

  test("reach the functions as the Settings link, with who may read which mailbox", async () => {
    const { links } = await graphOf("production");
    expect(links.Settings).toMatchObject({
      stage: "production",
      permanent: true,
      homeRegion: "ca-central-1",
      mailRegion: "us-east-1",
      logLevel: "info",
      claimCheckBytes: 131_072,
      mailboxes: expect.arrayContaining([
        {
          address: "jobs@frontdesk.example",
          name: "Jobs",
          members: ["recruiter@frontdesk.example", "viewer@frontdesk.example"],
        },
        { address: "support@in.frontdesk.example", name: "Support", members: [] },
      ]),
    });
  });
});

describe("a wrong setting is named, with how it should be", () => {
  test.each([
    [{ mailRegion: "Canada" }, /mailRegion must be an AWS region such as ca-central-1/],
    [{ mailDomain: "Not A Domain" }, /mailDomain must be a lower-case domain name such as example\.com/],
    [{ mailboxes: [] }, /mailboxes must name at least one mailbox/],
    [{ mailboxes: [{ address: "jobs", name: "Jobs" }] }, /mailboxes\.0\.address must be an e-mail address/],
    [
      { mailboxes: [{ address: "jobs@anna.in.frontdesk.example", name: "Jobs", members: ["rhea"] }] },
      /mailboxes\.0\.members\.0 must be an e-mail address such as jobs@example\.com/,
    ],
    [
      { mailboxes: [{ address: "jobs@elsewhere.test", name: "Jobs" }] },
      /mailboxes\.0\.address jobs@elsewhere\.test is on none of the domains .* \(anna\.in\.frontdesk\.example\), so no mail/,
    ],
    [
      {
        mailDomain: "anna.test.example",
        mailboxes: ["a", "A"].map((local) => ({ address: `${local}@anna.test.example`, name: "A" })),
      },
      /mailboxes\.1\.address a@anna\.test\.example is there twice/,
    ],
    [{ allowedOrigins: ["https://desk.example.com/"] }, /allowedOrigins\.0 must be an origin without a path/],
    [{ vpcCidr: "10.0.0.1/16" }, /vpcCidr must be a private range from \/16 to \/22/],
    [{ vpcCidr: "8.8.0.0/16" }, /vpcCidr must be a private range/],
    [{ vpcCidr: "10.0.0.0/24" }, /vpcCidr must be a private range from \/16 to \/22/],
    [{ zones: 1 }, /zones must be 2, 3 or 4/],
    [{ backupDays: 90 }, /backupDays must be 35 days at most/],
    [{ logDays: 31 }, /logDays must be a number of days that CloudWatch Logs takes: 1, 3, 5, 7, 14, 30/],
    [{ alarmEmail: "oncall" }, /alarmEmail must be an e-mail address such as oncall@example\.com/],
    [
      { bastionSshCidrs: ["0.0.0.0/0"] },
      /bastionSshCidrs\.0 must be a private range such as 10\.8\.0\.0\/16/,
    ],
    [
      { deploy: { repository: "frontdesk" } },
      /deploy\.repository must be owner\/name, such as acme\/frontdesk/,
    ],
    [{ deploy: { repository: "acme/*" } }, /deploy\.repository must be owner\/name/],
    [
      { deploy: { repository: "acme/frontdesk", environment: "*" } },
      /deploy\.environment must be an environment's name/,
    ],
    [{ import: { Users: "x" } }, /import\.Users cannot be imported: the names are .*UsersUserPool/],
    [{ databaseCapacity: { min: 8, max: 4 } }, /databaseCapacity\.min must not be above max \(4\)/],
    [{ mailDomian: "x.test" }, /mailDomian/],
    [
      { mailDomain: "in.example.com" },
      /mailDomain must begin with "anna\.", or it would take .* another stage's/,
    ],
    [{ domain: "desk.example.com" }, /domain must begin with "anna\.", or it would take .* another stage's/],
    [{ zoneId: "Z0123456789" }, /zoneId says which zone, and zone its name: give both/],
    [{ zone: "example.com", zoneId: "z-1" }, /zoneId must be the id of a hosted zone such as Z0123456789/],
    [
      { domain: "anna.desk.example.com", zoneId: "Z0123456789" },
      /mailDomain anna\.in\.frontdesk\.example is not in the zone anna\.desk\.example\.com: give a zone that holds it/,
    ],
    [
      { zone: "frontdesk.example" },
      /zoneId must be given: production alone makes the zone frontdesk\.example/,
    ],
    [
      { senders: ["x@elsewhere.test"] },
      /senders\.0 x@elsewhere\.test is on none of the domains .* sends from/,
    ],
    [{ sandboxAddresses: ["someone"] }, /sandboxAddresses\.0 must be an e-mail address/],
    [{ dmarc: { policy: "always" } }, /dmarc\.policy/],
    [{ priceClass: "PriceClass_5" }, /priceClass/],
    [{ cdnKey: 0 }, /cdnKey/],
    [
      { callbackUrls: ["http://desk.example.com/auth/callback"] },
      /callbackUrls\.0 http:\/\/desk\.example\.com\/auth\/callback must be https \(http is for localhost alone\)/,
    ],
    [{ logoutUrls: ["http://desk.example.com"] }, /logoutUrls\.0 .* must be https/],
    [{ allowedOrigins: ["http://desk.example.com"] }, /allowedOrigins\.0 .* must be https/],
    [{ google: {} }, /google must name a clientId, a project or both; leave "google" out to do without/],
    [{ google: { clientId: "desk" } }, /google\.clientId must be the id of an OAuth client such as/],
    [{ google: { project: "X" } }, /google\.project must be the id of a Google Cloud project such as/],
    [
      { google: { project: "example-frontdesk", organization: "123456789012" } },
      /google\.organization belongs to production, which makes the project; others use it/,
    ],
    ["{", /anna\.json is not JSON/],
  ])("%j", (given, message) => {
    expect(() => read(given)).toThrow(message);
  });

  test("the web and the mail do not share a name", () => {
    expect(() => read({ domain: "in.frontdesk.example" }, "production", true)).toThrow(
      /mailDomain and domain must differ/,
    );
  });

  test("all that is wrong is told at once, with the stage and the file", () => {
    expect(() => read({ mailRegion: "x", rawMailDays: 0 })).toThrow(
      /settings of stage "anna" \(.*anna\.json\) are wrong:\n {2}mailRegion .*\n {2}rawMailDays /,
    );
  });
});
