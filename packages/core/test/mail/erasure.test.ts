import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ingest } from "../../src/mail/index.ts";
import {
  address,
  createWorld,
  mail,
  mailWithAttachments,
  s3Notice,
  sesNotice,
  type World,
} from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());

/** scripts/erase.sql, as psql would send it. */
async function erase(who: string): Promise<void> {
  const script = readFileSync(join(import.meta.dirname, "../../../../scripts/erase.sql"), "utf8");
  const statements = script.replace(/^\\.*$/gm, "").replaceAll(":'address'", `'${who}'`);
  const client = new Client({ connectionString: world.url });
  await client.connect();
  try {
    await client.query(statements);
  } finally {
    await client.end();
  }
}

/** All that the database holds, as text. */
async function everything(): Promise<string> {
  const tables = await world.rows<{ tablename: string }>(
    "select tablename from pg_tables where schemaname = 'frontdesk' and tablename <> 'migrations'",
  );
  const rows = await Promise.all(
    tables.map(({ tablename }) => world.rows(`select * from frontdesk.${tablename}`)),
  );
  return JSON.stringify(rows);
}

test("who is erased is in no table any more, everybody else still is, and no sequence of events has a gap", async () => {
  world.aws.put(
    "mail",
    "inbound/noor",
    mailWithAttachments(["cv.pdf"], { "Message-ID": "<one@example.org>", Subject: "Noor applies" }),
  );
  world.aws.put(
    "mail",
    "inbound/reply",
    mail({
      headers: {
        From: "Ann <ann@example.net>",
        "Message-ID": "<two@example.net>",
        Subject: "Something else",
      },
    }),
  );
  await ingest([
    s3Notice("inbound/noor"),
    sesNotice("inbound/noor", [address("jobs")]),
    s3Notice("inbound/reply"),
    sesNotice("inbound/reply", [address("jobs")]),
  ]);
  expect(await world.count("messages")).toBe(2);
  const events = await world.rows("select topic, seq from frontdesk.events order by topic, seq");
  expect(await everything()).toContain("Noor applies");

  await erase("NOOR@example.org");

  const left = await everything();
  expect(left).not.toMatch(/noor|cv\.pdf|one@example\.org/i);
  expect(left).toContain("ann@example.net");
  expect(await world.rows("select subject, from_address from frontdesk.messages")).toEqual([
    { subject: "Something else", from_address: "ann@example.net" },
  ]);
  expect(await world.rows("select topic, seq from frontdesk.events order by topic, seq")).toEqual(events);
  const counts = await world.rows<{ message_count: number }>(
    "select message_count from frontdesk.thread_mailboxes",
  );
  expect(counts).toEqual([{ message_count: 1 }]);
});
