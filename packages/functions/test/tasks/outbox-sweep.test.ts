import * as database from "@frontdesk/core/database";
import * as outbox from "@frontdesk/core/outbox";
import * as realtime from "@frontdesk/core/realtime";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Answer } from "../../../core/test/support/aws.ts";
import { withClient } from "../../../core/test/support/database.ts";
import {
  createWorld,
  eventsReceived,
  listen,
  mail,
  received,
  signIn,
  type World,
} from "../../../core/test/support/world.ts";
import { handler } from "../../src/tasks/outbox-sweep.ts";
import { context, scheduledEvent } from "../support/events.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(() => world.reset());

const sweep = () => handler(scheduledEvent(), context(), () => {});
/** A delivery whose first try fails, due again at once. */
async function leftBehind(key: string): Promise<void> {
  world.aws.intercept = () => {
    throw new Answer(500, "InternalError");
  };
  await database.transaction(() =>
    outbox.enqueue([
      { kind: "sqs", key, payload: { region: "ca-central-1", url: `${world.aws.url}/1/email`, body: key } },
    ]),
  );
  world.aws.intercept = undefined;
  await world.rows(
    "update frontdesk.outbox set available_at = now() - interval '1 hour', leased_until = null",
  );
}

test("delivers what was left, once", async () => {
  await leftBehind("late");
  expect(world.aws.sent).toEqual([]);
  await sweep();
  await sweep();
  // Besides what wakes the jobs consumer for the sweep's own jobs.
  expect(world.aws.sent.filter(({ url }) => url.endsWith("/email")).map(({ body }) => body)).toEqual([
    "late",
  ]);
});

describe("one part that fails does not keep the others from their work, and fails the invocation", () => {
  /** Work for each part: a delivery left behind, an event that a socket is owed, and mail that nobody took in. */
  async function prepare() {
    const admin = await signIn("admin", "admin");
    const topic = `mailbox:${world.mailbox.jobs}`;
    await listen(world, "connection-1", admin, topic);
    await world.rows("update frontdesk.connections set leased_until = now() + interval '1 hour'");
    await database.transaction(() => realtime.publish([{ topic, type: "test.happened", data: {} }]));
    await world.rows("update frontdesk.connections set leased_until = null");
    await leftBehind("late");
    world.aws.put("mail", "inbound/forgotten", mail());
    for (const object of world.aws.buckets.get("mail")?.values() ?? [])
      object.modified = new Date(Date.now() - 60 * 60_000);
  }
  const done = () => ({
    delivered: world.aws.sent.some(({ body }) => body === "late"),
    pushed: eventsReceived(world, "connection-1").length === 1,
    asked: world.aws.sent.some(({ body }) => body.includes("inbound/forgotten")),
  });
  /** A statement of this kind on this table fails. */
  const forbid = (operation: string, table: string) =>
    withClient({ connectionString: world.url }, (admin) =>
      admin.query(`
        create or replace function frontdesk.fail() returns trigger language plpgsql
          as $$ begin raise exception 'no' using errcode = 'P0001'; end $$;
        create trigger fail before ${operation} on frontdesk.${table} execute function frontdesk.fail()`),
    );
  const allow = (table: string) =>
    withClient({ connectionString: world.url }, (admin) =>
      admin.query(`drop trigger fail on frontdesk.${table}`),
    );

  test("none fails: all three are done", async () => {
    await prepare();
    await sweep();
    expect(done()).toEqual({ delivered: true, pushed: true, asked: true });
  });

  test("the outbox", async () => {
    await prepare();
    await forbid("update", "outbox");
    await expect(sweep()).rejects.toMatchObject({ code: "P0001" });
    await allow("outbox");
    expect(done()).toEqual({ delivered: false, pushed: true, asked: true });
  });

  test("the sockets", async () => {
    await prepare();
    await forbid("delete", "tickets");
    await expect(sweep()).rejects.toMatchObject({ code: "P0001" });
    await allow("tickets");
    expect(done()).toEqual({ delivered: true, pushed: false, asked: true });
  });

  test("the search for forgotten mail", async () => {
    await prepare();
    world.aws.intercept = ({ operation }) => {
      if (operation === "ListObjectsV2") throw new Answer(403, "AccessDenied");
    };
    await expect(sweep()).rejects.toMatchObject({ name: "AccessDenied" });
    expect(done()).toEqual({ delivered: true, pushed: true, asked: false });
    expect(world.logged.some((line) => line.includes("a sweep failed"))).toBe(true);
  });
});

test("pushes nothing to a connection that is up to date", async () => {
  await listen(world, "connection-1", await signIn("admin", "admin"), `mailbox:${world.mailbox.jobs}`);
  await sweep();
  expect(received(world, "connection-1").map(({ action }) => action)).toEqual(["subscribed"]);
});
