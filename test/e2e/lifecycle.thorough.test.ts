import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { apiClient } from "../../scripts/demo/inbox.ts";
import { sendAll } from "../../scripts/demo/send.ts";
import { root, workFolder } from "../../scripts/run/root.ts";
import { addressesIn, type Command, expectNobodyIn, openPorts, processesOf, run } from "./support/command.ts";
import { copyRepository } from "./support/copy.ts";
import { letter } from "./support/letters.ts";
import { startSystem } from "./support/system.ts";

let base: string;
let first: string;
let second: string;
const started = new Set<Command>();

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "frontdesk-copies-"));
  first = join(base, "first");
  second = join(base, "second");
  for (const folder of [first, second]) copyRepository(folder);
});
afterEach(async () => {
  for (const { child, exit } of started) {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
      process.kill(-child.pid, "SIGKILL");
    await exit;
  }
  started.clear();
});
afterAll(async () => {
  for (const folder of [first, second]) await expectNobodyIn(folder);
  rmSync(base, { recursive: true, force: true });
});

function local(folder: string, ...options: string[]): Command {
  const command = run(folder, "local", ...options);
  started.add(command);
  return command;
}

/** By process: `npm run -s token` takes as long as a test of its own. */
const tokens = new Map<number, string>();

function token(folder: string): string {
  const { pid } = addressesIn(folder);
  const known = tokens.get(pid);
  if (known) return known;
  const made = execFileSync("npm", ["run", "-s", "token", "--", "--role", "admin"], {
    cwd: folder,
    encoding: "utf8",
  }).trim();
  tokens.set(pid, made);
  return made;
}

/** What the API of a folder's run shows. */
async function inbox(folder: string) {
  const api = apiClient(addressesIn(folder).api, token(folder), "http://localhost:5173");
  const { items } = await api.get<{ items: { id: string; subject: string }[] }>("/threads?limit=100");
  return items.map(({ subject }) => subject).sort();
}

/** Sends to a folder's run, and waits until the API shows it. */
async function deliver(folder: string, subject: string): Promise<void> {
  const [jobs = ""] = mailboxes();
  const one = await letter([jobs], { subject });
  const [sent] = await sendAll([one], addressesIn(folder).smtp);
  expect(sent?.response).toMatch(/^250/);
  await expect.poll(() => inbox(folder), { timeout: 20_000 }).toContain(subject);
}
const mailboxes = () => ["jobs@frontdesk.example"];

async function expectNothingLeft(
  folder: string,
  addresses = undefined as ReturnType<typeof addressesIn> | undefined,
) {
  await expectNobodyIn(folder);
  if (addresses) expect(await openPorts(addresses)).toEqual([]);
  expect(existsSync(join(folder, ".frontdesk", "local.json"))).toBe(false);
  expect(existsSync(join(folder, ".frontdesk", "developer.json"))).toBe(false);
}

test("two runs in two folders: each with its own ports and mail, data kept over Ctrl-C and a kill, emptied by --fresh", async () => {
  const outside = [workFolder, join(root, ".sst")].map(stamps);
  const runs = [local(first), local(second)];
  await Promise.all(runs.map((command) => command.prints("ready")));
  const [here, there] = [addressesIn(first), addressesIn(second)];
  expect(new Set([...Object.values(here), ...Object.values(there)]).size).toBe(
    Object.keys(here).length + Object.keys(there).length,
  );
  await Promise.all([deliver(first, "here"), deliver(second, "there")]);
  expect(await inbox(first)).toEqual(["here"]);
  expect(await inbox(second)).toEqual(["there"]);

  for (const command of runs) command.interrupt();
  expect(await Promise.all(runs.map(({ exit }) => exit))).toEqual([0, 0]);
  await expectNothingLeft(first, here);
  await expectNothingLeft(second, there);

  // A kill leaves the lock and the addresses behind; neither is in anybody's way.
  const killed = local(first);
  await killed.prints("ready");
  expect(await inbox(first)).toEqual(["here"]);
  process.kill(addressesIn(first).pid, "SIGKILL");
  await killed.exit;
  await expectNobodyIn(first);
  const again = local(first);
  await again.prints("ready");
  expect(await inbox(first)).toEqual(["here"]);
  again.interrupt();
  expect(await again.exit).toBe(0);

  const fresh = local(first, "--fresh");
  await fresh.prints("ready");
  expect(await inbox(first)).toEqual([]);
  fresh.interrupt();
  expect(await fresh.exit).toBe(0);
  await expectNothingLeft(first);

  expect([workFolder, join(root, ".sst")].map(stamps)).toEqual(outside);
  for (const folder of [first, second]) {
    expect(readdirSync(join(folder, "tmp"))).toEqual([]);
    expect(readdirSync(join(folder, "home"))).toEqual([]);
  }
}, 600_000);

/** What a run could change of a folder that is not its own. */
function stamps(folder: string): Record<string, number> {
  return Object.fromEntries(
    readdirSync(folder)
      // The tests' own: their graphs.
      .filter((name) => name !== "test-graphs")
      .map((name) => [name, statSync(join(folder, name)).mtimeMs]),
  );
}

describe("Ctrl-C during the start", { timeout: 300_000 }, () => {
  test.each([
    ["as soon as anything runs", (_: Command) => until(() => processesOf(second).length > 0)],
    [
      "during the synthesis",
      (_: Command) => until(() => processesOf(second).some(({ command }) => command.includes("synth/child"))),
    ],
    [
      "while the database starts",
      (_: Command) => until(() => processesOf(second).some(({ command }) => command.includes("postgres"))),
    ],
    [
      "during the migration",
      (_: Command) =>
        until(() => processesOf(second).some(({ command }) => command.includes("bootstrap.mjs"))),
    ],
  ])("%s leaves nothing, and the next start works", async (_, moment) => {
    const command = local(second, "--fresh");
    await moment(command);
    command.interrupt();
    expect([130, "SIGINT"]).toContain(await command.exit);
    await expectNothingLeft(second);
    expect(readdirSync(join(second, "tmp"))).toEqual([]);
  });

  test("after all of them the folder still starts and takes mail", async () => {
    const command = local(second);
    await command.prints("ready");
    const addresses = addressesIn(second);
    await deliver(second, "after all");
    command.interrupt();
    expect(await command.exit).toBe(0);
    await expectNothingLeft(second, addresses);
  });
});

async function until(done: () => boolean): Promise<void> {
  // A start on a busy machine takes a minute and more to come to its database.
  await expect.poll(done, { timeout: 120_000, interval: 5 }).toBe(true);
}

test("a run that is killed in the middle of its traffic leaves no process, and every message that it took is there after the next start", async () => {
  const stateDir = join(base, "killed");
  const victim = spawn(
    process.execPath,
    ["--no-warnings", join(import.meta.dirname, "support", "victim.ts"), inject("templateState"), stateDir],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const [line] = (await once(victim.stdout, "data")) as [Buffer];
  const { smtp, mailbox } = JSON.parse(line.toString()) as { smtp: string; mailbox: string };
  const letters = await Promise.all(
    Array.from({ length: 60 }, () => letter([mailbox], { attachments: [{ filename: "a", content: "b" }] })),
  );
  let accepted = 0;
  const sent = await Promise.all(
    letters.map(async (one) => {
      const [result] = await sendAll([one], smtp);
      if (result?.accepted && ++accepted === 20) victim.kill("SIGKILL");
      return { ...one, accepted: result?.accepted ?? false };
    }),
  );
  await once(victim, "close");
  const taken = sent.filter((one) => one.accepted);
  expect(taken.length).toBeGreaterThanOrEqual(20);
  await expectNobodyIn(stateDir);

  const system = await startSystem({ stateDir });
  try {
    await system.quiet();
    // What the victim had received comes again when its visibility timeout is over.
    await system.pass(361_000);
    for (const { headerId } of taken)
      await system.until(`${headerId} to be stored`, () => system.stored(headerId).catch(() => undefined));
    await system.quiet();
    const gaps = await system.sql(
      "select topic from frontdesk.events group by topic having count(*) <> max(seq) or min(seq) <> 1",
    );
    expect(gaps).toEqual([]);
    const twice = await system.sql(
      `select data ->> 'messageId' from frontdesk.events where topic like 'mailbox:%' group by 1, topic having count(*) > 1`,
    );
    expect(twice).toEqual([]);
    expect(system.app.ports.sqs.counts(system.queue("EmailDeadLetterQueue")).visible).toBe(0);
  } finally {
    await system.stop();
  }
}, 60_000);
