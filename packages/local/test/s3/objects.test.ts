import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectTaggingCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bucketSpec, planOf, type Services, startServices } from "../support/services.ts";
import { send as raw } from "./request.ts";

let services: Services;
let s3: ReturnType<Services["s3Client"]>;
const Bucket = "files";

beforeAll(async () => {
  services = await startServices(
    planOf({
      buckets: [bucketSpec(Bucket), bucketSpec("other"), bucketSpec("versions", { versioning: true })],
    }),
  );
  s3 = services.s3Client();
});
afterAll(() => services.stop());

const put = (Key: string, Body: string | Uint8Array, more: Partial<PutObjectCommandInput> = {}) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
const get = (Key: string, more: Partial<GetObjectCommandInput> = {}) =>
  s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
const text = async (Key: string, more: Partial<GetObjectCommandInput> = {}) =>
  (await get(Key, more)).Body?.transformToString();
const md5 = (data: string) => createHash("md5").update(data).digest("hex");
const status = (code: number) => ({ $metadata: { httpStatusCode: code } });

describe("an object", () => {
  test("comes back as it was put, with its headers, metadata, tags' count and class", async () => {
    const answer = await put("a/b.txt", "hello", {
      ContentType: "text/plain; charset=utf-8",
      ContentDisposition: 'attachment; filename="b.txt"',
      CacheControl: "max-age=60",
      ContentLanguage: "en",
      ContentEncoding: "identity",
      StorageClass: "STANDARD_IA",
      Metadata: { colour: "blue", __proto__: "x", constructor: "y" },
      Tagging: "a=1&b=two%20words",
    });
    expect(answer).toMatchObject({ ETag: `"${md5("hello")}"`, ServerSideEncryption: "AES256" });
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "a/b.txt" }));
    const full = await get("a/b.txt");
    expect(await full.Body?.transformToString()).toBe("hello");
    for (const one of [head, full])
      expect(one).toMatchObject({
        ContentLength: 5,
        ContentType: "text/plain; charset=utf-8",
        ContentDisposition: 'attachment; filename="b.txt"',
        CacheControl: "max-age=60",
        ContentLanguage: "en",
        StorageClass: "STANDARD_IA",
        ETag: `"${md5("hello")}"`,
        Metadata: { colour: "blue", constructor: "y" },
      });
    expect(full.TagCount).toBe(2);
  });

  test("may be empty", async () => {
    await put("empty", "");
    expect(await text("empty")).toBe("");
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: "empty" }))).ContentLength).toBe(0);
  });

  test("keeps metadata beyond ASCII, given back in RFC 2047", async () => {
    const headers = { "x-amz-meta-name": Buffer.from("Ünï ✉").toString("latin1") };
    expect((await raw(services, "PUT", `/${Bucket}/utf8`, { headers, body: "x" })).status).toBe(200);
    const { Metadata } = await s3.send(new HeadObjectCommand({ Bucket, Key: "utf8" }));
    expect(Metadata?.name).toBe(`=?UTF-8?B?${Buffer.from("Ünï ✉").toString("base64")}?=`);
    await put("encoded", "x", { Metadata: { name: "=?UTF-8?Q?=C3=9C?=" } });
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: "encoded" }))).Metadata).toEqual({
      name: "=?UTF-8?Q?=C3=9C?=",
    });
  });

  test.each([
    "../../../etc/passwd",
    "..",
    ".",
    "a//b/",
    "/leading",
    "sp ace+plus%25&?#",
    "nul\u0001\u001f",
    "\u{1f600}/ü/𝒳",
    "con.txt:stream\\back|<>\"'*",
    "x".repeat(1024),
    "index.jsonl",
  ])("may be called %j, and is no other", async (key) => {
    await put(key, `I am ${key}`);
    expect(await text(key)).toBe(`I am ${key}`);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: key }));
    await expect(get(key)).rejects.toMatchObject({ name: "NoSuchKey" });
  });

  test("may have the name of another's folder", async () => {
    await put("dir", "file");
    await put("dir/a", "below");
    await put("dir/", "marker");
    expect(await Promise.all(["dir", "dir/a", "dir/"].map((key) => text(key)))).toEqual([
      "file",
      "below",
      "marker",
    ]);
  });

  test("must not have a name of more than 1,024 bytes, nor metadata of more than 2 kB", async () => {
    await expect(put("é".repeat(513), "x")).rejects.toMatchObject({ name: "KeyTooLongError" });
    await expect(put("m", "x", { Metadata: { a: "x".repeat(2048) } })).rejects.toMatchObject({
      name: "MetadataTooLarge",
    });
  });

  test("that is not there is told as that; a bucket too", async () => {
    await expect(get("missing")).rejects.toMatchObject({ name: "NoSuchKey", ...status(404) });
    await expect(s3.send(new HeadObjectCommand({ Bucket, Key: "missing" }))).rejects.toMatchObject(
      status(404),
    );
    await expect(get("x", { Bucket: "nowhere" })).rejects.toMatchObject({ name: "NoSuchBucket" });
    await expect(s3.send(new HeadBucketCommand({ Bucket: "nowhere" }))).rejects.toMatchObject(status(404));
  });

  test("is deleted, and deleting it again is no error", async () => {
    await put("gone", "x");
    for (const _ of [1, 2])
      expect(await s3.send(new DeleteObjectCommand({ Bucket, Key: "gone" }))).toMatchObject(status(204));
    await expect(get("gone")).rejects.toMatchObject({ name: "NoSuchKey" });
  });

  test("that is overwritten or deleted while it is read is read to its end", async () => {
    const body = "x".repeat(2_000_000);
    await put("moving", body);
    const reading = await get("moving");
    await put("moving", "new");
    await s3.send(new DeleteObjectCommand({ Bucket, Key: "moving" }));
    expect(await reading.Body?.transformToString()).toBe(body);
  });

  test("leaves no file behind once it is overwritten or deleted", async () => {
    const folder = join(services.folder, "s3", "buckets", "other");
    for (const body of ["a", "b", "c".repeat(400_000)]) await put("one", body, { Bucket: "other" });
    expect(readdirSync(folder)).toHaveLength(2);
    await s3.send(new DeleteObjectCommand({ Bucket: "other", Key: "one" }));
    expect(readdirSync(folder)).toEqual(["index.jsonl"]);
  });
});

describe("reading a part", () => {
  test.each([
    ["bytes=0-4", "01234", "bytes 0-4/10"],
    ["bytes=5-", "56789", "bytes 5-9/10"],
    ["bytes=-3", "789", "bytes 7-9/10"],
    ["bytes=-30", "0123456789", "bytes 0-9/10"],
    ["bytes=8-100", "89", "bytes 8-9/10"],
  ])("%s", async (Range, body, ContentRange) => {
    await put("digits", "0123456789");
    const answer = await get("digits", { Range });
    expect(answer).toMatchObject({ ContentRange, ContentLength: body.length, ...status(206) });
    expect(await answer.Body?.transformToString()).toBe(body);
  });
  test("beyond the end is refused, and what is no range is ignored", async () => {
    await put("digits", "0123456789");
    await expect(get("digits", { Range: "bytes=10-" })).rejects.toMatchObject({
      name: "InvalidRange",
      ...status(416),
    });
    expect(await text("digits", { Range: "lines=1-2" })).toBe("0123456789");
  });
});

describe("conditions", () => {
  test("of reading hold or answer 304 and 412", async () => {
    const { ETag } = await put("conditional", "x");
    expect(await text("conditional", { IfMatch: ETag })).toBe("x");
    await expect(get("conditional", { IfMatch: '"other"' })).rejects.toMatchObject({
      name: "PreconditionFailed",
    });
    await expect(get("conditional", { IfNoneMatch: ETag })).rejects.toMatchObject(status(304));
    const past = new Date(Date.now() - 3_600_000);
    const future = new Date(Date.now() + 3_600_000);
    await expect(get("conditional", { IfModifiedSince: future })).rejects.toMatchObject(status(304));
    expect(await text("conditional", { IfModifiedSince: past })).toBe("x");
    await expect(get("conditional", { IfUnmodifiedSince: past })).rejects.toMatchObject(status(412));
  });

  test("of writing let one of many writers make a key", async () => {
    const attempts = await Promise.allSettled(
      Array.from({ length: 8 }, (_, at) => put("first", `${at}`.repeat(300_000), { IfNoneMatch: "*" })),
    );
    const won = attempts.filter(({ status: outcome }) => outcome === "fulfilled");
    expect(won).toHaveLength(1);
    for (const attempt of attempts)
      if (attempt.status === "rejected") expect(attempt.reason).toMatchObject({ name: "PreconditionFailed" });
    const winner = attempts.findIndex(({ status: outcome }) => outcome === "fulfilled");
    expect((await text("first"))?.[0]).toBe(String(winner));
  });

  test("of writing change only what the writer has seen", async () => {
    const { ETag } = await put("seen", "1");
    await put("seen", "2", { IfMatch: ETag });
    await expect(put("seen", "3", { IfMatch: ETag })).rejects.toMatchObject({ name: "PreconditionFailed" });
    await expect(put("unseen", "1", { IfMatch: ETag })).rejects.toMatchObject({ name: "NoSuchKey" });
    expect(await text("seen")).toBe("2");
  });
});

describe("integrity", () => {
  test.each([
    "CRC32",
    "CRC32C",
    "CRC64NVME",
    "SHA1",
    "SHA256",
  ] as const)("%s is computed, kept and given back", async (ChecksumAlgorithm) => {
    const name = `Checksum${ChecksumAlgorithm}` as const;
    const written = await put("sum", "some text", { ChecksumAlgorithm });
    expect(written[name]).toMatch(/=$/);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "sum", ChecksumMode: "ENABLED" }));
    expect(head).toMatchObject({ [name]: written[name], ChecksumType: "FULL_OBJECT" });
    // The client checks what it reads against it.
    expect(await text("sum", { ChecksumMode: "ENABLED" })).toBe("some text");
    const attributes = await s3.send(
      new GetObjectAttributesCommand({
        Bucket,
        Key: "sum",
        ObjectAttributes: ["Checksum", "ObjectSize", "ETag"],
      }),
    );
    expect(attributes).toMatchObject({
      ObjectSize: 9,
      ETag: md5("some text"),
      Checksum: { [name]: written[name], ChecksumType: "FULL_OBJECT" },
    });
  });

  test.each([
    ["Content-MD5", { ContentMD5: createHash("md5").update("other").digest("base64") }, "BadDigest"],
    ["Content-MD5 that is none", { ContentMD5: "bm9uZQ==" }, "InvalidDigest"],
    ["CRC32", { ChecksumCRC32: "AAAAAA==" }, "BadDigest"],
    ["SHA-256", { ChecksumSHA256: createHash("sha256").update("other").digest("base64") }, "BadDigest"],
  ])("a body that does not fit its %s is refused, and what was there stays", async (_, input, name) => {
    await put("intact", "before");
    await expect(put("intact", "after", input)).rejects.toMatchObject({ name });
    expect(await text("intact")).toBe("before");
  });

  test("a checksum that S3 does not know is refused", async () => {
    const headers = { "x-amz-sdk-checksum-algorithm": "MD4" };
    expect((await raw(services, "PUT", `/${Bucket}/x`, { headers, body: "x" })).body).toMatch(/unsupported/);
  });
});

describe("presentation", () => {
  test("can be asked for otherwise by the reader", async () => {
    await put("page", "x", { ContentType: "text/plain" });
    const answer = await get("page", {
      ResponseContentType: "text/html",
      ResponseContentDisposition: "inline",
      ResponseCacheControl: "no-store",
    });
    expect(answer).toMatchObject({
      ContentType: "text/html",
      ContentDisposition: "inline",
      CacheControl: "no-store",
    });
  });
  test("cannot carry a line break into a header", async () => {
    await put("page", "x");
    await expect(get("page", { ResponseContentDisposition: "inline\r\nx-evil: 1" })).rejects.toMatchObject({
      name: "InvalidArgument",
    });
  });
});

describe("copies", () => {
  test("take bytes, metadata and tags, or get new ones", async () => {
    await put("source key/ü", "text", { Metadata: { a: "1" }, ContentType: "text/x", Tagging: "t=1" });
    const CopySource = `${Bucket}/${encodeURIComponent("source key/ü")}`;
    await s3.send(new CopyObjectCommand({ Bucket: "other", Key: "copy", CopySource }));
    expect(await s3.send(new HeadObjectCommand({ Bucket: "other", Key: "copy" }))).toMatchObject({
      ContentType: "text/x",
      Metadata: { a: "1" },
      ETag: `"${md5("text")}"`,
    });
    const tags = await s3.send(new GetObjectTaggingCommand({ Bucket: "other", Key: "copy" }));
    expect(tags.TagSet).toEqual([{ Key: "t", Value: "1" }]);
    await s3.send(
      new CopyObjectCommand({
        Bucket: "other",
        Key: "copy",
        CopySource,
        MetadataDirective: "REPLACE",
        Metadata: { b: "2" },
        TaggingDirective: "REPLACE",
        Tagging: "",
      }),
    );
    expect(await s3.send(new HeadObjectCommand({ Bucket: "other", Key: "copy" }))).toMatchObject({
      Metadata: { b: "2" },
      ContentType: expect.not.stringMatching("text/x"),
    });
  });
  test("of an object to itself must change something; of nothing there are none", async () => {
    await put("self", "x");
    const copy = (Key: string, CopySource: string) =>
      s3.send(new CopyObjectCommand({ Bucket, Key, CopySource }));
    await expect(copy("self", `${Bucket}/self`)).rejects.toMatchObject({ name: "InvalidRequest" });
    await expect(copy("self", `${Bucket}/missing`)).rejects.toMatchObject({ name: "NoSuchKey" });
    for (const source of ["self", `${Bucket}/`, `${Bucket}/%zz`])
      await expect(copy("self", source)).rejects.toMatchObject({ name: "InvalidArgument" });
  });
});

describe("tags", () => {
  const tag = (TagSet: { Key: string; Value: string }[], Key = "tagged") =>
    s3.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet } }));
  const tags = async () => (await s3.send(new GetObjectTaggingCommand({ Bucket, Key: "tagged" }))).TagSet;
  test("are put, read and taken away without touching the object", async () => {
    await put("tagged", "bytes");
    await tag([
      { Key: "state", Value: "a b" },
      { Key: "__proto__", Value: "<&>".replaceAll(/[<&>]/g, "+") },
    ]);
    expect(await tags()).toEqual([
      { Key: "state", Value: "a b" },
      { Key: "__proto__", Value: "+++" },
    ]);
    expect(await text("tagged")).toBe("bytes");
    await s3.send(new DeleteObjectTaggingCommand({ Bucket, Key: "tagged" }));
    expect(await tags()).toEqual([]);
  });
  test.each([
    ["eleven of them", Array.from({ length: 11 }, (_, at) => ({ Key: `k${at}`, Value: "" })), "BadRequest"],
    [
      "one key twice",
      [
        { Key: "a", Value: "1" },
        { Key: "a", Value: "2" },
      ],
      "InvalidTag",
    ],
    ["a key of AWS", [{ Key: "aws:x", Value: "1" }], "InvalidTag"],
    ["a value with forbidden characters", [{ Key: "a", Value: "<" }], "InvalidTag"],
    ["a key that is too long", [{ Key: "k".repeat(129), Value: "" }], "InvalidTag"],
  ])("are refused with %s", async (_, set, name) => {
    await put("tagged", "bytes");
    await expect(tag(set)).rejects.toMatchObject({ name });
  });
  test("of nothing are not there", async () => {
    await expect(tag([], "missing")).rejects.toMatchObject({ name: "NoSuchKey" });
  });
});

describe("deleting many", () => {
  test("tells of each, and takes no document but its own", async () => {
    const keys = ["d/1", "d/2 &<>", "d/\r\n3"];
    for (const key of keys) await put(key, "x");
    const { Deleted = [] } = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [...keys, "d/none"].map((Key) => ({ Key })) } }),
    );
    expect(Deleted.map(({ Key }) => Key)).toEqual([...keys, "d/none"]);
    for (const key of keys) await expect(get(key)).rejects.toMatchObject({ name: "NoSuchKey" });
    for (const body of [
      "",
      "<Delete>",
      "<Other/>",
      '<!DOCTYPE d [<!ENTITY x "d/1">]><Delete><Object><Key>&x;</Key></Object></Delete>',
    ])
      expect((await raw(services, "POST", `/${Bucket}?delete`, { body })).body).toMatch(
        /<Code>MalformedXML</,
      );
  });
});

describe("a bucket with versions", () => {
  const versioned = { Bucket: "versions" };
  test("keeps what is overwritten and hides what is deleted", async () => {
    const first = await put("v", "1", versioned);
    const second = await put("v", "2", versioned);
    const marker = await s3.send(new DeleteObjectCommand({ ...versioned, Key: "v" }));
    expect(marker).toMatchObject({ DeleteMarker: true });
    await expect(get("v", versioned)).rejects.toMatchObject({ name: "NoSuchKey" });
    expect(await text("v", { ...versioned, VersionId: first.VersionId })).toBe("1");
    await expect(get("v", { ...versioned, VersionId: marker.VersionId })).rejects.toMatchObject({
      name: "MethodNotAllowed",
    });
    const list = await s3.send(new ListObjectVersionsCommand({ ...versioned, Prefix: "v" }));
    expect(list.Versions?.map(({ VersionId, IsLatest }) => [VersionId, IsLatest])).toEqual([
      [second.VersionId, false],
      [first.VersionId, false],
    ]);
    expect(list.DeleteMarkers).toMatchObject([{ VersionId: marker.VersionId, IsLatest: true }]);
    await s3.send(new DeleteObjectCommand({ ...versioned, Key: "v", VersionId: marker.VersionId }));
    expect(await text("v", versioned)).toBe("2");
    await s3.send(new DeleteObjectCommand({ ...versioned, Key: "v", VersionId: second.VersionId }));
    expect(await text("v", versioned)).toBe("1");
  });
  test("lists them page by page", async () => {
    for (const body of ["1", "2", "3"]) await put("p", body, versioned);
    const seen: (string | undefined)[] = [];
    let KeyMarker: string | undefined;
    let VersionIdMarker: string | undefined;
    do {
      const page = await s3.send(
        new ListObjectVersionsCommand({ ...versioned, Prefix: "p", MaxKeys: 2, KeyMarker, VersionIdMarker }),
      );
      seen.push(...(page.Versions ?? []).map(({ VersionId }) => VersionId));
      KeyMarker = page.NextKeyMarker;
      VersionIdMarker = page.NextVersionIdMarker;
    } while (KeyMarker !== undefined);
    expect(new Set(seen).size).toBe(3);
    expect(seen).toHaveLength(3);
  });
});
