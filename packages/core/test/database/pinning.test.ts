/** What would pin a connection behind RDS Proxy (Aurora user guide, "Avoiding pinning an RDS Proxy"): none of it is sent. */
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as database from "../../src/database/index.ts";
import { ingest, recover } from "../../src/mail/index.ts";
import * as mailboxes from "../../src/mailboxes/index.ts";
import * as messages from "../../src/messages/index.ts";
import * as outbox from "../../src/outbox/index.ts";
import { createPool } from "../../src/pool/index.ts";
import * as realtime from "../../src/realtime/index.ts";
import * as threads from "../../src/threads/index.ts";
import { appUser, connectionOf } from "../support/database.ts";
import {
  address,
  as,
  createWorld,
  join,
  listen,
  mailWithAttachments,
  s3Notice,
  sesNotice,
  signIn,
  type World,
} from "../support/world.ts";

const sent: { text: string; name: unknown }[] = [];

/** Sees each statement on its way to the server, whoever made it. */
class WatchedClient extends Client {
  // The overloads of pg's `query` are its own affair: everything goes through.
  override query = ((...parameters: unknown[]) => {
    const [first] = parameters;
    const { text, name } =
      typeof first === "string"
        ? { text: first, name: undefined }
        : (first as { text: string; name?: string });
    sent.push({ text, name });
    return (Client.prototype.query as (...given: unknown[]) => unknown).apply(this, parameters);
  }) as Client["query"];
}

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());

test("no session state: no SET, prepared name, session lock, cursor, LISTEN, temporary table or sequence", async () => {
  const options = { ...connectionOf(world.url, appUser), Client: WatchedClient } as Parameters<
    typeof createPool
  >[0];
  const pool = createPool(options);
  const restore = database.provide(pool);
  try {
    const admin = await signIn("admin", "admin");
    const recruiter = await signIn("recruiter", "recruiter");
    await join(world, recruiter, "jobs");
    await listen(world, "c", admin, `mailbox:${world.mailbox.jobs}`);
    world.aws.put("mail", "inbound/one", mailWithAttachments(["a.pdf"]));
    world.aws.put(
      "mail",
      "inbound/two",
      mailWithAttachments(["b.pdf"], { References: "<question@example.org>", "Message-ID": "<2@x>" }),
    );
    await ingest([s3Notice("inbound/one"), s3Notice("inbound/missing")]);
    await ingest([sesNotice("inbound/one", [address("hello")]), sesNotice("inbound/two", [address("jobs")])]);
    for (const actor of [admin, recruiter])
      await as(actor, async () => {
        const { threads: listed } = await threads.list({});
        const thread = await threads.get({ threadId: listed[0]?.id ?? "" });
        await messages.get({ messageId: thread.messages[0]?.id ?? "" });
        await mailboxes.list();
        const { ticket } = await realtime.createTicket({});
        await realtime.redeemTicket(ticket, undefined);
      });
    await realtime.disconnect("c");
    await realtime.sweep();
    await outbox.sweep();
    await recover();
  } finally {
    restore();
    await pool.end();
  }
  expect(sent.length).toBeGreaterThan(60);
  const pins =
    /^\s*(?:set|reset|prepare|execute|deallocate|discard|listen|load|declare)\b|\bset_config\s*\(|pg_(?:try_)?advisory_lock|\b(?:nextval|setval|currval|lastval)\s*\(|\btemp(?:orary)?\s+(?:table|view|sequence)/i;
  expect(sent.filter(({ text }) => pins.test(text)).map(({ text }) => text)).toEqual([]);
  expect(sent.filter(({ name }) => name !== undefined)).toEqual([]);
  // What no statement shows: a column that draws from a sequence by itself.
  expect(
    await world.rows(
      "select table_name from information_schema.columns where table_schema = 'frontdesk' and (is_identity = 'YES' or column_default like 'nextval%')",
    ),
  ).toEqual([]);
});
