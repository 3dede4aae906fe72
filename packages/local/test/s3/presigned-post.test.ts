import { createHash } from "node:crypto";
import { HeadObjectCommand } from "@aws-sdk/client-s3";
import { createPresignedPost, type PresignedPostOptions } from "@aws-sdk/s3-presigned-post";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { allow, bucketSpec, planOf, type Services, startServices, worker } from "../support/services.ts";

let services: Services;
const Bucket = "uploads";
const Key = "mine/picture.png";

beforeAll(async () => {
  services = await startServices(
    planOf({
      buckets: [bucketSpec(Bucket, { blockPublicAccess: true })],
      grants: [allow("s3:PutObject", `arn:aws:s3:::${Bucket}/mine/*`)],
    }),
  );
});
afterAll(() => services.stop());
afterEach(() => void vi.useRealTimers());

type Change = Partial<PresignedPostOptions>;
/** As a server hands it out, by the SDK with the keys of its role. */
const presign = (change: Change = {}) =>
  createPresignedPost(services.s3Client({ as: worker }), { Bucket, Key, Expires: 60, ...change });

async function post(
  { fields }: { fields: Record<string, string> },
  change: Record<string, string | undefined> = {},
  file: Blob | string = "content",
) {
  const form = new FormData();
  for (const [name, value] of Object.entries({ ...fields, ...change }))
    if (value !== undefined) form.append(name, value);
  form.append("file", new Blob([file]), "local.png");
  const answer = await fetch(`${services.origin}/${Bucket}`, {
    method: "POST",
    body: form,
    redirect: "manual",
  });
  const text = (await answer.text()).replaceAll("&quot;", '"').replaceAll("&apos;", "'");
  return {
    status: answer.status,
    headers: answer.headers,
    code: /<Code>([^<]*)/.exec(text)?.[1],
    message: /<Message>([^<]*)/.exec(text)?.[1],
    text,
  };
}
const head = (key = Key) => services.s3Client().send(new HeadObjectCommand({ Bucket, Key: key }));

test("the SDK's form is taken as it is, token and all, and answers 204", async () => {
  const form = await presign({ Fields: { "Content-Type": "image/png", "x-amz-meta-owner": "user_1" } });
  expect(form.fields).toHaveProperty("X-Amz-Security-Token");
  const answer = await post(form);
  expect(answer).toMatchObject({ status: 204, text: "" });
  expect(answer.headers.get("location")).toContain(Key);
  expect(await head()).toMatchObject({
    ContentType: "image/png",
    ContentLength: 7,
    Metadata: { owner: "user_1" },
  });
});

describe("a condition", () => {
  test("that holds lets the sender choose within it, an empty beginning anything", async () => {
    const form = await presign({
      Key: `mine/${"$"}{filename}`,
      Conditions: [
        ["starts-with", "$Content-Type", "image/"],
        ["starts-with", "$x-amz-meta-note", ""],
      ],
    });
    const change = { "Content-Type": "image/webp", "x-amz-meta-note": "of mine" };
    expect((await post(form, change)).status).toBe(204);
    expect(await head("mine/local.png")).toMatchObject({
      ContentType: "image/webp",
      Metadata: { note: "of mine" },
    });
  });

  test.each<[string, Change, Record<string, string | undefined>, string, RegExp]>([
    [
      "eq of the SDK's own",
      {},
      { key: "mine/other.png" },
      "AccessDenied",
      /\["eq", "\$key", "mine\/picture.png"\]/,
    ],
    [
      "eq in a list",
      { Conditions: [["eq", "$x-amz-meta-a", "1"]], Fields: { "x-amz-meta-a": "2" } },
      {},
      "AccessDenied",
      /\["eq", "\$x-amz-meta-a", "1"\]/,
    ],
    [
      "eq of a field that is missing",
      { Conditions: [{ acl: "private" }] },
      {},
      "AccessDenied",
      /\["eq", "\$acl", "private"\]/,
    ],
    [
      "starts-with",
      { Conditions: [["starts-with", "$Content-Type", "image/"]], Fields: { "Content-Type": "text/html" } },
      {},
      "AccessDenied",
      /\["starts-with", "\$Content-Type", "image\/"\]/i,
    ],
    [
      "nothing about a field",
      {},
      { "x-amz-meta-a": "1" },
      "AccessDenied",
      /Extra input fields: x-amz-meta-a/,
    ],
    [
      "nothing about a redirect",
      {},
      { success_action_redirect: "https://a.test" },
      "AccessDenied",
      /Extra input/,
    ],
    ["the date", {}, { "X-Amz-Date": "20200101T000000Z" }, "AuthorizationHeaderMalformed", /x-amz-date/],
    ["the algorithm", {}, { "X-Amz-Algorithm": "AWS4-HMAC-SHA512" }, "InvalidArgument", /AWS4-HMAC-SHA256/],
    ["the signature", {}, { "X-Amz-Signature": "00" }, "SignatureDoesNotMatch", /signature/],
    ["the token", {}, { "X-Amz-Security-Token": "another" }, "InvalidToken", /token/],
  ])("on %s that does not hold is refused, and nothing is stored", async (_, change, sent, code, message) => {
    const key = `mine/${Math.random()}.png`;
    const form = await presign({ Key: "key" in sent ? Key : key, ...change });
    const answer = await post(form, sent);
    expect(answer.code).toBe(code);
    expect(answer.message).toMatch(message);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    await expect(head(sent.key ?? key)).rejects.toMatchObject({ name: "NotFound" });
  });

  test.each([
    ["fewer", 2, "EntityTooSmall", "ProposedSize>2<"],
    ["more", 11, "EntityTooLarge", "MaxSizeAllowed>10<"],
  ])("on the length refuses %s bytes", async (_, length, code, detail) => {
    const form = await presign({ Key: `mine/${code}`, Conditions: [["content-length-range", 3, 10]] });
    const answer = await post(form, {}, "x".repeat(length));
    expect(answer).toMatchObject({ status: 400, code });
    expect(answer.text).toContain(detail);
    await expect(head(`mine/${code}`)).rejects.toMatchObject({ name: "NotFound" });
    expect((await post(form, {}, "x".repeat(10))).status).toBe(204);
  });

  test("need not be for fields that S3 leaves out of account", async () => {
    expect((await post(await presign(), { "x-ignore-note": "mine" })).status).toBe(204);
  });
});

test("a form is good until it expires, and no longer", async () => {
  const form = await presign({ Expires: 60 });
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 59_000 });
  expect((await post(form)).status).toBe(204);
  vi.setSystemTime(Date.now() + 2_000);
  expect(await post(form)).toMatchObject({
    status: 403,
    code: "AccessDenied",
    message: "Invalid according to Policy: Policy expired.",
  });
});

test("the answer is the one that the form asks for", async () => {
  const created = await post(await presign({ Fields: { success_action_status: "201" } }));
  expect(created.status).toBe(201);
  expect(created.text).toMatch(
    /<PostResponse>.*<Bucket>uploads<\/Bucket><Key>mine\/picture.png<\/Key><ETag>/,
  );
  expect((await post(await presign({ Fields: { success_action_status: "200" } }))).status).toBe(200);
  expect((await post(await presign({ Fields: { success_action_status: "404" } }))).status).toBe(204);
  const redirected = await post(
    await presign({ Fields: { success_action_redirect: "https://app.test/done" } }),
  );
  expect(redirected.status).toBe(303);
  expect(redirected.headers.get("location")).toMatch(
    /^https:\/\/app\.test\/done\?bucket=uploads&key=mine%2Fpicture\.png&etag=/,
  );
});

describe("a checksum", () => {
  const sha256 = (text: string) => createHash("sha256").update(text).digest("base64");
  const of = (text: string) =>
    presign({
      Key: "mine/sum",
      Fields: { "x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": sha256(text) },
    });

  test("that the form is bound to is that of the bytes, or they are refused", async () => {
    expect(await post(await of("other"))).toMatchObject({ status: 400, code: "BadDigest" });
    await expect(head("mine/sum")).rejects.toMatchObject({ name: "NotFound" });
    const taken = await post(await of("content"));
    expect(taken.status).toBe(204);
    expect(taken.headers.get("x-amz-checksum-sha256")).toBe(sha256("content"));
  });

  test("cannot be exchanged by the sender", async () => {
    const answer = await post(await of("content"), { "x-amz-checksum-sha256": sha256("other") }, "other");
    expect(answer.message).toContain('["eq", "$x-amz-checksum-sha256"');
  });
});

test("a form used twice writes twice: what is there already is for its receiver to notice", async () => {
  const form = await presign({ Key: "mine/twice" });
  await post(form, {}, "first");
  await post(form, {}, "second");
  expect(await head("mine/twice")).toMatchObject({ ContentLength: 6 });
});

test("a form that a server signed for what it may not write itself is refused", async () => {
  expect(await post(await presign({ Key: "yours/x" }))).toMatchObject({ status: 403, code: "AccessDenied" });
});
