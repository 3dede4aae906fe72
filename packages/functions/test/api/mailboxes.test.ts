import * as config from "@frontdesk/core/config";
import * as mailboxes from "@frontdesk/core/mailboxes";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { address } from "../../../core/test/support/world.ts";
import { call, claimsOf, expectJson } from "../support/api.ts";
import { createDesk, type Desk } from "../support/desk.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await createDesk();
});
afterAll(() => desk?.stop());

interface Listed {
  items: mailboxes.MailboxWithCounts[];
  nextCursor: null;
}
const list = async (claims: Record<string, unknown>) => expectJson<Listed>(await call("/mailboxes", claims));

test("each has its counts: threads of quarantine beside the others", async () => {
  expect(await list(desk.claims.admin)).toEqual({
    items: [
      { name: "hello", threads: 0, quarantined: 0 },
      { name: "jobs", threads: 2, quarantined: 1 },
      { name: "payroll", threads: 2, quarantined: 0 },
    ].map(({ name, ...counts }) => ({
      id: desk.world.mailbox[name],
      address: address(name),
      name,
      active: true,
      ...counts,
    })),
    nextCursor: null,
  });
});

describe("members", () => {
  const addresses = async (claims: Record<string, unknown>) =>
    (await list(claims)).items.map((mailbox) => mailbox.address);
  const deploy = (members: Record<string, string[]>) =>
    mailboxes.sync(
      config
        .config("Settings")
        .mailboxes.map((mailbox) => ({ ...mailbox, members: members[mailbox.name] ?? [] })),
    );

  test("somebody whom the settings name sees their mailboxes from the first request on", async () => {
    await deploy({ hello: ["first@desk.test"], jobs: ["FIRST@desk.test"] });
    expect(await addresses(claimsOf("first", "viewer"))).toEqual([address("hello"), address("jobs")]);
  });

  test("a name that the settings drop sees them no longer, at the next request", async () => {
    await deploy({ hello: ["second@desk.test"] });
    expect(await addresses(claimsOf("second", "recruiter"))).toEqual([address("hello")]);
    await deploy({});
    expect(await addresses(claimsOf("second", "recruiter"))).toEqual([]);
  });

  test("a membership is no role", async () => {
    await deploy({ hello: ["third@desk.test"] });
    expect((await call("/mailboxes", claimsOf("third"))).status).toBe(403);
  });
});

test("a mailbox that the settings drop is listed as retired, with its mail", async () => {
  await mailboxes.sync(config.config("Settings").mailboxes.filter(({ name }) => name !== "payroll"));
  const { items } = await list(desk.claims.viewer);
  expect(items).toMatchObject([{ address: address("payroll"), active: false, threads: 2 }]);
});
