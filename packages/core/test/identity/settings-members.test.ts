/** Who sees a mailbox by the settings, who by an administrator, and what becomes of each at the next deployment. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ConfigError, config, provide } from "../../src/config/index.ts";
import * as database from "../../src/database/index.ts";
import { ingest } from "../../src/mail/index.ts";
import * as mailboxes from "../../src/mailboxes/index.ts";
import * as realtime from "../../src/realtime/index.ts";
import {
  address,
  as,
  configOf,
  createWorld,
  eventsReceived,
  join,
  listen,
  mail,
  sesNotice,
  signIn,
  type World,
} from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

const rhea = "rhea@desk.test";
const names = ["hello", "jobs", "payroll"];

/** What the migrator does with the settings: members by mailbox; a mailbox that is not named is not in them. */
const deploy = (members: Record<string, string[]>) =>
  mailboxes.sync(
    Object.entries(members).map(([name, list]) => ({ address: address(name), name, members: list })),
  );
const everywhere = (...list: string[]) => Object.fromEntries(names.map((name) => [name, list]));

async function seenBy(name: string): Promise<string[]> {
  const user = await signIn(name, "recruiter");
  return (await as(user, () => mailboxes.list())).map((mailbox) => mailbox.address.split("@")[0] ?? "");
}

describe("a member by the settings", () => {
  test("sees the mailboxes from the first sign-in on, before which nobody knows them", async () => {
    await deploy({ ...everywhere(), jobs: [rhea], hello: [rhea] });
    expect(await world.count("users")).toBe(0);
    expect(await seenBy("rhea")).toEqual(["hello", "jobs"]);
    expect(await seenBy("somebody")).toEqual([]);
  });

  test("is the same in capitals, named twice, and deployed again", async () => {
    await deploy({ ...everywhere(), jobs: ["Rhea@Desk.TEST", rhea] });
    const before = await world.rows("select * from frontdesk.mailbox_members");
    expect(before).toMatchObject([{ email: rhea, source: "settings" }]);
    await deploy({ ...everywhere(), jobs: [rhea] });
    expect(await world.rows("select * from frontdesk.mailbox_members")).toEqual(before);
  });

  test("is none any more once the settings do not name them", async () => {
    await deploy({ ...everywhere(rhea, "sam@desk.test") });
    await deploy({ ...everywhere("sam@desk.test"), hello: [rhea] });
    expect(await seenBy("rhea")).toEqual(["hello"]);
    expect(await seenBy("sam")).toEqual(["jobs", "payroll"]);
  });

  test("goes with a mailbox that is retired, and comes back with it", async () => {
    await deploy(everywhere(rhea));
    await deploy({ jobs: [rhea] });
    expect(await seenBy("rhea")).toEqual(["jobs"]);
    await deploy(everywhere(rhea));
    expect(await seenBy("rhea")).toEqual(names);
  });

  test("whom an administrator removes comes back with the next deployment", async () => {
    await deploy({ ...everywhere(), jobs: [rhea] });
    const admin = await signIn("admin", "admin");
    await as(admin, () => mailboxes.setMembership({ mailbox: address("jobs"), email: rhea, member: false }));
    expect(await seenBy("rhea")).toEqual([]);
    await deploy({ ...everywhere(), jobs: [rhea] });
    expect(await seenBy("rhea")).toEqual(["jobs"]);
  });
});

describe("a member by an administrator stays", () => {
  test("when the settings never named them", async () => {
    await join(world, await signIn("rhea", "recruiter"), "payroll");
    await deploy(everywhere());
    expect(await seenBy("rhea")).toEqual(["payroll"]);
  });

  test("when the settings named them, too, before or after, and then do not", async () => {
    const user = await signIn("rhea", "recruiter");
    await join(world, user, "payroll");
    await deploy({ ...everywhere(), jobs: [rhea], payroll: [rhea] });
    await join(world, user, "jobs");
    await deploy(everywhere());
    expect(await seenBy("rhea")).toEqual(["jobs", "payroll"]);
  });
});

test("who is dropped gets nothing more over an open socket, and who stays does", async () => {
  await deploy(everywhere(rhea));
  world.aws.put("mail", "inbound/shared", mail());
  world.aws.put("mail", "inbound/own", mail({ headers: { "Message-ID": "<own@x>" } }));
  await ingest([sesNotice("inbound/shared", [address("jobs"), address("payroll")])]);
  await ingest([sesNotice("inbound/own", [address("jobs")])]);
  const threads = await world.rows<{ topic: string }>(
    `select 'thread:' || t.id as topic from frontdesk.threads t
      order by (select count(*) from frontdesk.thread_mailboxes where thread_id = t.id)`,
  );
  const [own = "", shared = ""] = threads.map(({ topic }) => topic);
  const [jobs, payroll] = ["jobs", "payroll"].map((name) => `mailbox:${world.mailbox[name]}`);
  const topics = [jobs ?? "", payroll ?? "", own, shared];
  await listen(world, "dropped", await signIn("rhea", "recruiter"), ...topics);
  await listen(world, "admin", await signIn("admin", "admin"), ...topics);

  await deploy({ ...everywhere(rhea), jobs: [] });
  await database.transaction(() =>
    realtime.publish(topics.map((topic) => ({ topic, type: "test.happened", data: {} }))),
  );
  const heard = (id: string) => eventsReceived(world, id).map(({ topic }) => topic);
  expect(heard("dropped").toSorted()).toEqual([payroll, shared].toSorted());
  expect(heard("admin").toSorted()).toEqual(topics.toSorted());
});

describe("the Settings link", () => {
  const withMembers = (members: unknown) => {
    const { Settings } = configOf({ url: "http://127.0.0.1:1" });
    if (!Settings) throw new Error("the test's configuration has no settings");
    const list = [{ address: address("jobs"), name: "Jobs", members: members as string[] }];
    return provide({ Settings: { ...Settings, mailboxes: list } });
  };

  test("carries the members of each mailbox; none are meant where it says nothing", () => {
    for (const [given, read] of [
      [["Rhea@Desk.test"], [rhea]],
      [undefined, []],
    ] as const) {
      const restore = withMembers(given);
      expect(config("Settings").mailboxes[0]?.members).toEqual(read);
      restore();
    }
  });

  test.each([
    [["rhea"]],
    [[""]],
    ["rhea@desk.test"],
    [[null]],
  ])("with the members %j is refused, and says where", (members) => {
    const restore = withMembers(members);
    expect(() => config("Settings")).toThrow(ConfigError);
    expect(() => config("Settings")).toThrow(/Settings\.mailboxes\.0\.members/);
    restore();
  });
});
