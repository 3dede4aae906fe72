import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ingest } from "../../src/mail/index.ts";
import * as media from "../../src/media/index.ts";
import * as processing from "../../src/media/processing/index.ts";
import * as messages from "../../src/messages/index.ts";
import { createDouble, type Double } from "../support/pictures.ts";
import {
  address,
  as,
  createWorld,
  join,
  mail,
  sesNotice,
  signIn,
  type TestUser,
  type World,
} from "../support/world.ts";
import { asSystem, objects, record } from "./support.ts";

let world: World;
let pictures: Double;
let member: TestUser;
let restore = () => {};
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(async () => {
  await world.reset();
  pictures = createDouble();
  // Bytes of a picture's beginning; what follows is what the double reads.
  restore = processing.providePictures({
    ...pictures,
    inspect: (bytes) => pictures.inspect(bytes.subarray(3)),
    derive: (bytes, ...rest) => pictures.derive(bytes.subarray(3), ...rest),
  });
  member = await signIn("member", "recruiter");
  await join(world, member, "jobs");
});
afterEach(() => restore());

const jpeg = (text: string) => Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.from(text)]);

async function receive(
  files: { name: string; type: string; bytes: Buffer }[],
  verdicts = {},
): Promise<string> {
  const parts = files.map(
    ({ name, type, bytes }) =>
      `--b\r\nContent-Type: ${type}\r\nContent-Disposition: attachment; filename="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${bytes.toString("base64")}\r\n`,
  );
  world.aws.put(
    "mail",
    "inbound/one",
    mail({
      headers: { "Message-ID": "<one@example.org>", "Content-Type": 'multipart/mixed; boundary="b"' },
      body: `--b\r\nContent-Type: text/plain\r\n\r\nSee.\r\n${parts.join("")}--b--\r\n`,
    }),
  );
  expect(await ingest([sesNotice("inbound/one", [address("jobs")], verdicts)])).toEqual({ failed: [] });
  const [row] = await world.rows<{ id: string }>("select id from frontdesk.messages");
  return row?.id ?? "";
}
const asked = () => world.aws.sent.filter(({ url }) => url.endsWith("/image"));
/** What the queue does: hands on what was sent. */
const deliver = () => asSystem(() => processing.take(asked().map(({ body }) => record(body))));
const attachmentsOf = async (messageId: string, user = member) =>
  (await as(user, () => messages.get({ messageId }))).attachments;

const photo = { name: "photo.bin", type: "application/octet-stream", bytes: jpeg("picture one") };
const page = { name: "photo.jpg", type: "image/jpeg", bytes: Buffer.from("<script>alert(1)</script>") };

describe("pictures among the attachments", () => {
  test("are told by their bytes, get private sizes, and are shown with their message; nothing else is", async () => {
    const messageId = await receive([photo, page]);
    expect(asked()).toHaveLength(1);
    expect((await attachmentsOf(messageId)).map((one) => one.media)).toEqual([null, null]);
    expect(await deliver()).toEqual({ failed: [] });
    expect(objects(world).map(([key]) => key.replace(/\/.*/, ""))).toEqual(Array(4).fill("private"));
    const [first, second] = await attachmentsOf(messageId);
    expect(first?.media).toMatchObject({
      state: "ready",
      reason: null,
      picture: { width: 800, height: 600 },
    });
    expect(first?.media?.picture?.sources[0]?.srcset).toMatch(/\/private\/[0-9a-f]{64}\/320\.avif\?Policy=/);
    expect(second?.media).toBeNull();
  });

  test("are seen by whoever sees the message, and by nobody else; administrators alone delete them", async () => {
    const messageId = await receive([photo]);
    await deliver();
    const mediaId = (await attachmentsOf(messageId))[0]?.media?.id ?? "";
    expect(await as(member, () => media.get({ mediaId }))).toMatchObject({ attachment: { messageId } });
    const stranger = await signIn("stranger", "recruiter");
    await expect(as(stranger, () => media.get({ mediaId }))).rejects.toMatchObject({
      code: "media_not_found",
    });
    await expect(as(stranger, () => media.remove({ mediaId }))).rejects.toMatchObject({
      code: "media_not_found",
    });
    await expect(as(member, () => media.remove({ mediaId }))).rejects.toMatchObject({ kind: "forbidden" });
    await as(await signIn("admin", "admin"), () => media.remove({ mediaId }));
    expect((await attachmentsOf(messageId))[0]?.media).toBeNull();
  });

  test("told twice are one; the same picture in an upload costs nothing more", async () => {
    await receive([photo, { ...photo, name: "again.jpg" }]);
    await deliver();
    await deliver();
    expect(pictures.derived).toEqual(["picture one"]);
    expect(await world.count("media")).toBe(2);
    expect(await world.count("media_contents")).toBe(1);
  });

  test("that are refused say why, and are downloaded all the same", async () => {
    const messageId = await receive([{ ...photo, bytes: jpeg("broken one") }]);
    await deliver();
    const [one] = await attachmentsOf(messageId);
    expect(one?.media).toMatchObject({
      state: "refused",
      reason: { code: "picture_corrupt" },
      picture: null,
    });
    const { url } = await as(member, () => messages.attachment({ messageId, attachmentId: one?.id ?? "" }));
    expect(new URL(url).searchParams.get("response-content-disposition")).toMatch(/^attachment;/);
  });

  test("are announced on the message's thread", async () => {
    await receive([photo]);
    await deliver();
    expect(
      await world.rows(
        "select type, mailbox_ids from frontdesk.events where topic like 'thread:%' order by seq",
      ),
    ).toEqual([
      expect.objectContaining({ type: "mail.received" }),
      { type: "media.processing", mailbox_ids: [world.mailbox.jobs] },
      { type: "media.ready", mailbox_ids: [world.mailbox.jobs] },
    ]);
  });

  test("beyond the fiftieth are left alone", async () => {
    await receive(Array.from({ length: 53 }, (_, n) => ({ ...photo, bytes: jpeg(`picture ${n}`) })));
    expect(asked()).toHaveLength(50);
  });
});

describe("mail in quarantine", () => {
  test("has its pictures looked at by nobody", async () => {
    await receive([photo], { virus: "FAIL" });
    expect(asked()).toEqual([]);
    const [attachment] = await world.rows<{ id: string }>("select id from frontdesk.attachments");
    expect(await asSystem(() => processing.take([record({ attachment: attachment?.id })]))).toEqual({
      failed: [],
    });
    expect(await world.count("media")).toBe(0);
  });

  test("that was condemned after its pictures were made shows them no more", async () => {
    const messageId = await receive([photo]);
    await deliver();
    const mediaId = (await attachmentsOf(messageId))[0]?.media?.id ?? "";
    await world.rows("update frontdesk.messages set state = 'quarantined' where id = $1", [messageId]);
    expect((await attachmentsOf(messageId))[0]?.media).toBeNull();
    await expect(as(member, () => media.get({ mediaId }))).rejects.toMatchObject({ code: "media_not_found" });
  });
});
