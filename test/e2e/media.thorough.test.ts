/** Uploads and what becomes of them, by the API, the form and the CDN alone, as people and attackers have them. */
import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { sendForm, throughCdn, type Upload } from "../../scripts/demo/pictures.ts";
import { letter } from "./support/letters.ts";
import { type SignedIn, type System, startSystem } from "./support/system.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let system: System;
let s3: S3Client;
let bucket: string;
let noor: SignedIn;
let other: SignedIn;

beforeAll(async () => {
  system = await startSystem({ template: inject("templateState") });
  const { name, region } = system.graph.links.HomeBucket as { name: string; region: string };
  bucket = name;
  const { credentials } = system.developer;
  s3 = new S3Client({ region, endpoint: system.addresses.aws, forcePathStyle: true, credentials });
  await signIn();
});
afterAll(async () => {
  s3?.destroy();
  await system?.stop();
});

/** Tokens live for an hour of the run's clock. */
async function signIn() {
  [noor, other] = await Promise.all([system.signIn("recruiter"), system.signIn("viewer")]);
}

interface Media {
  id: string;
  state: string;
  version: number;
  reason: { code: string; message: string } | null;
  picture: { sources: { contentType: string; sizes: { url: string }[] }[] } | null;
}

let shade = 0;
/** A picture that nobody has sent before. */
function picture(): Promise<Buffer> {
  shade += 1;
  const background = { r: shade, g: 100, b: 200 };
  return sharp({ create: { width: 400, height: 300, channels: 3, background } })
    .jpeg()
    .toBuffer();
}

const ask = (
  bytes: Buffer,
  { by = noor, visibility = "public" }: { by?: SignedIn; visibility?: string } = {},
) => by.api.post<Upload>("/uploads", { visibility, contentType: "image/jpeg", size: bytes.length });
const get = (id: string, by = noor) => by.api.get<Media>(`/media/${id}`);
const became = (id: string, state: string, by = noor) =>
  system.until(`${id} to be ${state}`, async () => {
    const media = await get(id, by);
    return media.state === state && media;
  });
async function ready(bytes: Buffer, options: Parameters<typeof ask>[1] = {}): Promise<Media> {
  const upload = await ask(bytes, options);
  expect((await sendForm(upload, bytes)).status).toBe(201);
  return became(upload.id, "ready", options.by);
}
const urls = ({ picture: shown }: Media) =>
  shown?.sources.flatMap(({ sizes }) => sizes.map(({ url }) => url)) ?? [];
const keyOf = (url: string) => new URL(url).pathname.slice(1);
const shownAs = async (url: string) => (await throughCdn(system.addresses.cdn, url)).status;

/** What lies in the home bucket, by key; a second write of the same is seen, too. */
async function objects(prefix = ""): Promise<Record<string, string>> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  return Object.fromEntries(
    Contents.map(({ Key = "", ETag, LastModified }) => [Key, `${ETag} ${LastModified?.toISOString()}`]),
  );
}

/** How often the consumer of pictures has ended so far. */
const processed = () =>
  system.observed.filter(
    ({ kind, resource }) => kind === "lambda.end" && resource === system.fn("ImageConsumer"),
  ).length;

describe("the form of an upload", () => {
  const edit = (text = "", change: (policy: { conditions: unknown[]; expiration: string }) => void) => {
    const policy = JSON.parse(Buffer.from(text, "base64").toString()) as Parameters<typeof change>[0];
    change(policy);
    return Buffer.from(JSON.stringify(policy)).toString("base64");
  };
  type Fields = Record<string, string>;
  const without = (fields: Fields, ...names: string[]) =>
    Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
  const more = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)]);

  test.each<
    [what: string, status: number, code: string, (fields: Fields) => Fields, ((bytes: Buffer) => Buffer)?]
  >([
    ["a byte more", 400, "EntityTooLarge", (fields) => fields, more],
    ["a byte less", 400, "EntityTooSmall", (fields) => fields, (bytes) => bytes.subarray(1)],
    ["another key", 403, "AccessDenied", (fields) => ({ ...fields, key: `${fields.key}x` })],
    ["a key that the CDN shows", 403, "AccessDenied", (fields) => ({ ...fields, key: "media/mine.jpeg" })],
    [
      "a key that the sender's file completes",
      403,
      "AccessDenied",
      (fields) => ({ ...fields, key: "$" + "{filename}" }),
    ],
    ["another type", 403, "AccessDenied", (fields) => ({ ...fields, "Content-Type": "text/html" })],
    ["no type", 403, "AccessDenied", (fields) => without(fields, "Content-Type")],
    ["a field that nobody asked for", 403, "AccessDenied", (fields) => ({ ...fields, "x-amz-meta-a": "1" })],
    [
      "a redirect",
      403,
      "AccessDenied",
      (fields) => ({ ...fields, success_action_redirect: "https://a.test/" }),
    ],
    [
      "a policy for another key",
      403,
      "SignatureDoesNotMatch",
      (fields) => ({
        ...fields,
        key: "media/mine.jpeg",
        Policy: edit(fields.Policy, (policy) => {
          policy.conditions = policy.conditions.map((one) =>
            JSON.stringify(one).includes("tmp/uploads/") ? { key: "media/mine.jpeg" } : one,
          );
        }),
      }),
    ],
    [
      "a policy that lasts longer",
      403,
      "SignatureDoesNotMatch",
      (fields) => ({
        ...fields,
        Policy: edit(fields.Policy, (policy) => {
          policy.expiration = new Date(system.app.cloud.clock.now() + DAY).toISOString();
        }),
      }),
    ],
    [
      "another signature",
      403,
      "SignatureDoesNotMatch",
      (fields) => ({ ...fields, "X-Amz-Signature": "0".repeat(64) }),
    ],
    ["no signature", 400, "InvalidArgument", (fields) => without(fields, "X-Amz-Signature")],
    [
      "no policy: as anybody",
      403,
      "AccessDenied",
      (fields) => ({ key: fields.key ?? "", "Content-Type": "image/jpeg" }),
    ],
  ])("with %s is refused with %i %s; nothing is stored, and as it was given it works", async (_, status, code, change, bytesOf = (
    bytes,
  ) => bytes) => {
    const bytes = await picture();
    const upload = await ask(bytes);
    const before = await objects();
    const changed = { ...upload, upload: { ...upload.upload, fields: change(upload.upload.fields) } };
    const answer = await sendForm(changed, bytesOf(bytes));
    expect([answer.status, /<Code>(\w+)/.exec(await answer.text())?.[1]]).toEqual([status, code]);
    expect(await objects()).toEqual(before);
    expect(await get(upload.id)).toMatchObject({ state: "pending", version: 1 });
    expect((await sendForm(upload, bytes)).status).toBe(201);
    await became(upload.id, "ready");
  });

  test("may be sent by a page of ours, which reads the answer, and by no other page", async () => {
    const bytes = await picture();
    const upload = await ask(bytes);
    const { origin } = system.developer;
    const said = ({ status, headers }: Response) => [status, headers.get("access-control-allow-origin")];
    const preflight = async (from: string) =>
      said(
        await fetch(upload.upload.url, {
          method: "OPTIONS",
          headers: { origin: from, "access-control-request-method": "POST" },
        }),
      );
    expect(await preflight(origin)).toEqual([200, origin]);
    expect(await preflight("https://evil.test")).toEqual([403, null]);
    expect(said(await sendForm(upload, bytes, { origin }))).toEqual([201, origin]);
    await became(upload.id, "ready");
  });

  test("for one's own upload takes nothing under somebody else's key", async () => {
    const bytes = await picture();
    const [mine, theirs] = [await ask(bytes), await ask(bytes, { by: other })];
    const { key = "" } = mine.upload.fields;
    const mixed = { ...theirs, upload: { ...theirs.upload, fields: { ...theirs.upload.fields, key } } };
    expect((await sendForm(mixed, bytes)).status).toBe(403);
    expect((await get(mine.id)).state).toBe("pending");
    expect(await objects(key)).toEqual({});
  });

  test("sent once more after its picture is ready changes nothing, whatever is in it", async () => {
    const bytes = await picture();
    const upload = await ask(bytes);
    await sendForm(upload, bytes);
    const first = await became(upload.id, "ready");
    const before = await objects("media/");
    for (const again of [bytes, Buffer.alloc(bytes.length, "<script>")]) {
      const already = processed();
      expect((await sendForm(upload, again)).status).toBe(201);
      await system.until("the consumer to have looked", () => processed() > already);
    }
    expect(await get(upload.id)).toEqual(first);
    expect(await objects("media/")).toEqual(before);
  });

  test("is one form for one request, told by its Idempotency-Key; another request under it is refused", async () => {
    const body = { visibility: "public", contentType: "image/jpeg", size: 1_000 };
    const send = (by: SignedIn, change: object = {}) =>
      by.fetch("/uploads", {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": "holiday-1" },
        body: JSON.stringify({ ...body, ...change }),
      });
    const first = await (await send(noor)).text();
    expect(await (await send(noor)).text()).toBe(first);
    const refused = await send(noor, { visibility: "private" });
    expect([refused.status, await refused.json()]).toMatchObject([409, { code: "idempotency_key_reused" }]);
    const theirs = (await (await send(other)).json()) as Upload;
    expect(theirs.id).not.toBe((JSON.parse(first) as Upload).id);
  });
});

test("what somebody else uploaded is neither seen, nor listened to, nor deleted", async () => {
  const { id } = await ready(await picture(), { visibility: "private" });
  for (const method of ["GET", "DELETE"]) {
    const answer = await other.fetch(`/media/${id}`, { method });
    expect([answer.status, await answer.json()]).toMatchObject([404, { code: "media_not_found" }]);
  }
  const { items } = await other.api.get<{ items: Media[] }>("/media?limit=100");
  expect(items.map((one) => one.id)).not.toContain(id);
  await expect(other.listen(`media:${id}`)).rejects.toThrow(/not_found/);
  expect((await get(id)).state).toBe("ready");
});

describe("a picture that is deleted", () => {
  const remove = async (id: string, by = noor) =>
    expect((await by.fetch(`/media/${id}`, { method: "DELETE" })).status).toBe(204);

  test("costs once while two have it, stays for the other one, and goes with the last", async () => {
    const bytes = await picture();
    const mine = await ready(bytes);
    const keys = urls(mine).map(keyOf);
    const stored = await objects("media/");
    const theirs = await ready(bytes, { by: other });
    expect(urls(theirs)).toEqual(urls(mine));
    expect(await objects("media/")).toEqual(stored);

    expect(await objects(`tmp/uploads/${mine.id}`)).not.toEqual({});
    await remove(mine.id);
    await system.until(
      "the file as it was sent to be gone",
      async () => Object.keys(await objects(`tmp/uploads/${mine.id}`)).length === 0,
    );
    expect((await noor.fetch(`/media/${mine.id}`)).status).toBe(410);
    expect(await get(theirs.id, other)).toEqual(theirs);
    for (const url of urls(theirs)) expect(await shownAs(url)).toBe(200);

    await remove(theirs.id, other);
    await system.until("the objects to be gone", async () => {
      const left = await objects("media/");
      return keys.every((key) => !(key in left));
    });
    // The CDN had them all, and is told within the same job.
    for (const url of urls(theirs))
      await system.until("the CDN to forget", async () => (await shownAs(url)) === 403);
    const deleters = system.app.iam
      .requests()
      .filter(({ action }) => action === "s3:DeleteObject")
      .map(({ principal }) => (principal.kind === "role" ? principal.roleArn : principal.kind));
    expect(deleters.length).toBeGreaterThan(0);
    for (const deleter of deleters) expect(deleter).toContain("JobsConsumer");

    const again = await ready(bytes);
    expect(urls(again).map(keyOf)).not.toEqual(keys);
    for (const url of urls(again)) expect(await shownAs(url)).toBe(200);
  });

  test("private: its signed addresses show nothing from then on, though they have not expired", async () => {
    const media = await ready(await picture(), { visibility: "private" });
    for (const url of urls(media)) expect(await shownAs(url)).toBe(200);
    await remove(media.id);
    for (const url of urls(media))
      await system.until("the CDN to forget", async () => (await shownAs(url)) === 403);
    expect(Object.keys(await objects("private/"))).not.toContain(keyOf(urls(media)[0] ?? ""));
  });
});

describe("attachments of mail", () => {
  interface Attached {
    id: string;
    filename: string;
    media: Media | null;
  }

  test("pictures get their sizes by what they are, whatever they are called; nothing else does, and all of it is only saved", async () => {
    const one = await letter([system.mailbox.jobs.address], {
      attachments: [
        { filename: "photo.bin", content: await picture(), contentType: "application/octet-stream" },
        { filename: "logo.svg", content: "<svg onload='alert(1)'/>", contentType: "image/svg+xml" },
        { filename: "not-a-photo.jpg", content: "<script>alert(1)</script>", contentType: "image/jpeg" },
        { filename: "contract.pdf", content: "%PDF-1.7", contentType: "application/pdf" },
      ],
    });
    await system.deliver(one);
    const { id } = await system.stored(one.headerId);
    const attached = await system.until("the sizes of the photo", async () => {
      const { attachments } = await noor.api.get<{ attachments: Attached[] }>(`/messages/${id}`);
      return attachments[0]?.media?.state === "ready" && attachments;
    });
    const [photo, ...others] = attached;
    expect(others.map(({ media }) => media)).toEqual([null, null, null]);
    const shown = urls(photo?.media as Media);
    expect(shown.length).toBeGreaterThan(0);
    for (const url of shown) {
      expect(keyOf(url)).toMatch(/^private\//);
      expect(await shownAs(url)).toBe(200);
      expect(await shownAs(url.replace(/\?.*/, ""))).toBe(403);
    }
    for (const { id: attachmentId, filename } of attached) {
      const redirect = await noor.fetch(`/messages/${id}/attachments/${attachmentId}`);
      const file = await fetch(redirect.headers.get("location") ?? "");
      expect(Object.fromEntries(file.headers), filename).toMatchObject({
        "content-disposition": `attachment; filename="${filename}"; filename*=UTF-8''${filename}`,
        "content-type": "application/octet-stream",
        "x-content-type-options": "nosniff",
      });
    }
    const removed = await noor.fetch(`/media/${photo?.media?.id}`, { method: "DELETE" });
    expect([removed.status, await removed.json()]).toMatchObject([403, { code: "attachment" }]);
  });
});

describe("time", () => {
  test("ends a form; an upload that never came is expired an hour later, and what lies in tmp/ after three days", async () => {
    const bytes = await picture();
    const kept = await ready(bytes);
    const uploaded = `tmp/uploads/${kept.id}`;
    expect(await objects(uploaded)).toHaveProperty([uploaded]);
    const orphan = `media/${"0".repeat(64)}/320.jpeg`;
    await system.app.ports.s3.put({ kind: "developer" }, bucket, orphan, Buffer.from("left behind"));
    const late = await ask(bytes);

    system.app.cloud.clock.advance(601_000);
    const answer = await sendForm(late, bytes);
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining("Policy expired")]);
    expect(await objects(`tmp/uploads/${late.id}`)).toEqual({});
    expect((await get(late.id)).state).toBe("pending");

    system.app.cloud.clock.advance(1.1 * HOUR);
    await signIn();
    await became(late.id, "expired");

    system.app.cloud.clock.advance(4 * DAY);
    await signIn();
    await system.until("tmp/ to be empty", async () => Object.keys(await objects("tmp/")).length === 0);
    expect(await get(kept.id)).toMatchObject({ state: "ready", version: kept.version });
    for (const url of urls(kept)) expect(await shownAs(url)).toBe(200);
    await system.until("the orphan to be found", async () => !(orphan in (await objects("media/"))));
    for (const url of urls(kept)) expect(await objects("media/")).toHaveProperty([keyOf(url)]);
  });
});
