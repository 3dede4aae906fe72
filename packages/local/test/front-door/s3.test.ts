/** S3's ways to sign and to send a body, by the real SDK where it has them. */
import { createHmac } from "node:crypto";
import { request as httpRequest } from "node:http";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sha256 } from "../../src/front-door/canonical.ts";
import { createChecksum } from "../../src/front-door/checksums.ts";
import { ChunkedDecoder } from "../../src/front-door/chunked.ts";
import { deriveSigningKey } from "../../src/front-door/sigv4.ts";
import { allow, document, to } from "../iam/support.ts";
import { client, type Door, memoryS3, openDoor } from "./support.ts";

let door: Door;
const s3 = memoryS3();
const bucket = {
  arn: "arn:aws:s3:::files",
  name: "files",
  region: "us-east-1",
  notifications: [],
  lifecycle: [],
  cors: [],
  versioning: false,
  blockPublicAccess: false,
};
beforeAll(async () => {
  door = await openDoor([allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::files/*")], () => [s3], {
    buckets: [bucket],
    resourcePolicies: [
      {
        resource: bucket.arn,
        document: document([allow("s3:GetObject", `${bucket.arn}/public/*`, to("*"))]),
      },
    ],
  });
});
afterAll(() => door.stop());
beforeEach(() => s3.objects.clear());
const sdk = (more: object = {}) => new S3Client({ ...client(door), forcePathStyle: true, ...more });
const put = (Key: string, Body: string | Buffer | Readable, more: object = {}) =>
  sdk().send(new PutObjectCommand({ Bucket: "files", Key, Body, ...more }));

describe("bodies", () => {
  test("a buffer arrives as it was sent", async () => {
    await put("a.txt", "hello");
    expect(s3.objects.get("/files/a.txt")?.toString()).toBe("hello");
  });
  test("a stream arrives without its aws-chunked encoding, with its trailing checksum among the headers", async () => {
    const body = Buffer.alloc(3_000_000, "abcdefghij");
    const chunks = Array.from({ length: 30 }, (_, at) => body.subarray(at * 100_000, (at + 1) * 100_000));
    await put("big", Readable.from(chunks), { ContentLength: body.length });
    expect(s3.objects.get("/files/big")?.equals(body)).toBe(true);
    const headers = s3.calls.at(-1)?.http.headers ?? {};
    expect(headers["content-encoding"]).toBeUndefined();
    expect(headers["content-length"]).toBe("3000000");
    expect(headers["x-amz-checksum-crc32"]).toMatch(/^[A-Za-z0-9+/]{6}==$/);
  });
  test("an empty stream and an empty buffer arrive", async () => {
    await put("empty", "");
    await put("empty-stream", Readable.from([]), { ContentLength: 0 });
    expect([...s3.objects.values()].map((body) => body.length)).toEqual([0, 0]);
  });
  test.each([
    "a b",
    "ä/ö/ü",
    "a+b",
    "100%25",
    "~'()*!",
    "a=b&c",
    "?q#f",
    "😀",
    "über 100% (neu)/+.txt",
  ])("the key %j is signed and read alike", async (Key) => {
    await put(Key, "x");
    expect([...s3.objects.keys()]).toEqual([`/files/${Key}`]);
    const { Body } = await sdk().send(new GetObjectCommand({ Bucket: "files", Key }));
    expect(await Body?.transformToString()).toBe("x");
  });
  test("a body other than the one that was hashed is refused, and nothing is stored", async () => {
    const answer = await signedPut(
      "tampered",
      "x-amz-content-sha256",
      sha256("what was signed"),
      "what was sent!!",
    );
    expect(answer).toMatchObject({
      status: 400,
      body: expect.stringContaining("<Code>XAmzContentSHA256Mismatch</Code>"),
    });
    expect(s3.objects.size).toBe(0);
  });
  test("a body that nobody hashed is taken", async () => {
    expect((await signedPut("unsigned", "x-amz-content-sha256", "UNSIGNED-PAYLOAD", "body")).status).toBe(
      200,
    );
    expect(s3.objects.get("/files/unsigned")?.toString()).toBe("body");
  });
  test("a header of S3's own that was added after signing is refused by name", async () => {
    const answer = await signedPut("acl", "x-amz-content-sha256", "UNSIGNED-PAYLOAD", "body", {
      "x-amz-acl": "public-read",
    });
    expect(answer).toMatchObject({
      status: 403,
      body: expect.stringContaining("<HeadersNotSigned>x-amz-acl</HeadersNotSigned>"),
    });
  });
  test("a large body that is refused is drained: the connection serves the next call", async () => {
    const body = Buffer.alloc(8_000_000);
    const one = sdk({ requestHandler: { httpAgent: { maxSockets: 1, keepAlive: true } } });
    await expect(
      one.send(new PutObjectCommand({ Bucket: "other", Key: "k", Body: body })),
    ).rejects.toMatchObject({ name: "AccessDenied" });
    await one.send(new PutObjectCommand({ Bucket: "files", Key: "next", Body: "x" }));
    expect(s3.objects.has("/files/next")).toBe(true);
  });
});

describe("chunked bodies", () => {
  const payload = Buffer.alloc(66_560, "a");
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html#example-signature-calculations-streaming
  const signatures = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
  ];
  const signing = {
    key: deriveSigningKey("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "us-east-1", "s3"),
    date: "20130524T000000Z",
    scope: "20130524/us-east-1/s3/aws4_request",
    seed: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
  };
  const encoded = Buffer.concat([
    Buffer.from(`10000;chunk-signature=${signatures[0]}\r\n`),
    payload.subarray(0, 65_536),
    Buffer.from(`\r\n400;chunk-signature=${signatures[1]}\r\n`),
    payload.subarray(65_536),
    Buffer.from(`\r\n0;chunk-signature=${signatures[2]}\r\n\r\n`),
  ]);
  function decode(
    bytes: Buffer,
    pieces: number,
    more: Partial<ConstructorParameters<typeof ChunkedDecoder>[0]> = {},
  ) {
    const decoder = new ChunkedDecoder({
      signing: undefined,
      trailers: [],
      decodedLength: undefined,
      onTrailers: () => undefined,
      ...more,
    });
    const size = Math.ceil(bytes.length / pieces);
    const parts = Array.from({ length: pieces }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
    return buffer(
      Readable.from(parts)
        .on("error", () => undefined)
        .compose(decoder) as Readable,
    );
  }

  test.each([
    1, 3, 1000,
  ])("the documentation's signed chunks are decoded, cut into %i pieces", async (pieces) => {
    expect((await decode(encoded, pieces, { signing, decodedLength: 66_560 })).equals(payload)).toBe(true);
  });
  test.each([
    [
      "a changed byte",
      () => Buffer.concat([encoded.subarray(0, 500), Buffer.from("b"), encoded.subarray(501)]),
      "SignatureDoesNotMatch",
    ],
    [
      "a chunk left out",
      () =>
        Buffer.concat([
          encoded.subarray(0, encoded.indexOf("400;")),
          encoded.subarray(encoded.indexOf("0;chunk", 66_000)),
        ]),
      "SignatureDoesNotMatch",
    ],
    ["a chunk without signature", () => Buffer.from("1\r\na\r\n0\r\n\r\n"), "SignatureDoesNotMatch"],
    ["the end missing", () => encoded.subarray(0, -100), "IncompleteBody"],
  ])("signed chunks with %s are refused", async (_what, bytes, code) => {
    await expect(decode(bytes(), 2, { signing })).rejects.toMatchObject({ code });
  });

  const crc = "x-amz-checksum-crc32";
  const trailer = (value: string) => Buffer.from(`5\r\nhello\r\n0\r\n${crc}:${value}\r\n\r\n`);
  test("a trailing checksum is compared, and told", async () => {
    const told: Record<string, string>[] = [];
    const options = { trailers: [crc], onTrailers: (found: Record<string, string>) => void told.push(found) };
    expect((await decode(trailer("NhCmhg=="), 4, options)).toString()).toBe("hello");
    expect(told).toEqual([{ [crc]: "NhCmhg==" }]);
    await expect(decode(trailer("NhCmhQ=="), 4, options)).rejects.toMatchObject({ code: "BadDigest" });
    await expect(decode(Buffer.from("5\r\nhello\r\n0\r\n\r\n"), 4, options)).rejects.toMatchObject({
      code: "InvalidRequest",
    });
  });
  test("a signed trailer is compared", async () => {
    const sign = (text: string) => createHmac("sha256", signing.key).update(text).digest("hex");
    const empty = sha256("");
    const head = `${signing.date}\n${signing.scope}\n`;
    const first = sign(`AWS4-HMAC-SHA256-PAYLOAD\n${head}${signing.seed}\n${empty}\n${sha256("hello")}`);
    const last = sign(`AWS4-HMAC-SHA256-PAYLOAD\n${head}${first}\n${empty}\n${empty}`);
    const end = sign(`AWS4-HMAC-SHA256-TRAILER\n${head}${last}\n${sha256(`${crc}:NhCmhg==\n`)}`);
    const bytes = (signature: string) =>
      Buffer.from(
        `5;chunk-signature=${first}\r\nhello\r\n0;chunk-signature=${last}\r\n${crc}:NhCmhg==\r\nx-amz-trailer-signature:${signature}\r\n\r\n`,
      );
    expect((await decode(bytes(end), 3, { signing, trailers: [crc] })).toString()).toBe("hello");
    await expect(decode(bytes(first), 3, { signing, trailers: [crc] })).rejects.toMatchObject({
      code: "SignatureDoesNotMatch",
    });
  });
  test.each([
    ["no size", "zz\r\nhello", "InvalidRequest"],
    ["a size without end", "f".repeat(9000), "InvalidRequest"],
    ["a chunk longer than its size", "2\r\nhello\r\n0\r\n\r\n", "InvalidRequest"],
    ["bytes after the end", "5\r\nhello\r\n0\r\n\r\nmore", "InvalidRequest"],
    ["a length other than declared", "2\r\nab\r\n0\r\n\r\n", "IncompleteBody"],
  ])("a body with %s is refused", async (_what, text, code) => {
    await expect(decode(Buffer.from(text), 1, { decodedLength: 5 })).rejects.toMatchObject({ code });
  });
  test.each([
    // Check values of the catalogue of parametrised CRC algorithms, https://reveng.sourceforge.io/crc-catalogue/
    ["crc32", "cbf43926"],
    ["crc32c", "e3069283"],
    ["crc64nvme", "ae8b14860a799888"],
    ["sha1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"],
    ["sha256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"],
  ])("%s has its check value", (algorithm, hex) => {
    const checksum = createChecksum(`x-amz-checksum-${algorithm}`);
    for (const part of ["1234", "56789"]) checksum?.update(Buffer.from(part));
    expect(checksum && Buffer.from(checksum.digest(), "base64").toString("hex")).toBe(hex);
  });
});

describe("presigned and unsigned requests", () => {
  test("a presigned GET and PUT act for the owner of the key", async () => {
    const key = { Bucket: "files", Key: "über/a b" };
    const up = await getSignedUrl(sdk(), new PutObjectCommand(key), { expiresIn: 60 });
    expect((await fetch(up, { method: "PUT", body: "hello" })).status).toBe(200);
    expect(s3.calls.at(-1)?.principal).toMatchObject({ kind: "role", sessionName: "worker-fn" });
    const down = await getSignedUrl(sdk(), new GetObjectCommand(key), { expiresIn: 60 });
    expect(await (await fetch(down)).text()).toBe("hello");
    const denied = await getSignedUrl(sdk(), new GetObjectCommand({ ...key, Bucket: "other" }), {
      expiresIn: 60,
    });
    expect(await (await fetch(denied)).text()).toContain("<Code>AccessDenied</Code>");
  });
  test("a presigned URL for one key or method opens no other", async () => {
    const url = await getSignedUrl(sdk(), new GetObjectCommand({ Bucket: "files", Key: "a" }));
    for (const answer of [
      await fetch(url.replace("/files/a", "/files/b")),
      await fetch(url, { method: "PUT", body: "x" }),
    ])
      expect([answer.status, await answer.text()]).toEqual([
        403,
        expect.stringContaining("<Code>SignatureDoesNotMatch</Code>"),
      ]);
  });
  test("the anonymous read what the bucket's policy opens, and nothing else", async () => {
    await put("public/a", "open");
    await put("private/a", "closed");
    expect(await (await fetch(`${door.endpoint}/files/public/a`)).text()).toBe("open");
    const denied = await fetch(`${door.endpoint}/files/private/a`);
    expect([denied.status, await denied.text()]).toEqual([
      403,
      expect.stringContaining(
        "User: anonymous is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::files/private/a",
      ),
    ]);
  });
  test("a preflight and a form upload reach S3 as anonymous calls in the bucket's region", async () => {
    const preflight = {
      method: "OPTIONS",
      headers: { origin: "https://app", "access-control-request-method": "PUT" },
    };
    expect((await fetch(`${door.endpoint}/files/a`, preflight)).status).toBe(200);
    const form = new FormData();
    form.set("key", "a");
    await fetch(`${door.endpoint}/files`, { method: "POST", body: form });
    expect(s3.calls.slice(-2).map(({ principal, region }) => [principal.kind, region])).toEqual([
      ["anonymous", "us-east-1"],
      ["anonymous", "us-east-1"],
    ]);
  });
  test("an unsigned request for anything else is told that it needs a signature", async () => {
    const answer = await fetch(`${door.endpoint}/2015-03-31/functions/f/invocations`, {
      method: "POST",
      body: "{}",
    });
    expect([answer.status, await answer.json()]).toMatchObject([
      403,
      { __type: "MissingAuthenticationTokenException" },
    ]);
  });
});

/** A PUT signed by hand, with headers of choice and others added after signing. */
async function signedPut(
  key: string,
  name: string,
  value: string,
  body: string,
  added: Record<string, string> = {},
) {
  const { accessKeyId, secretAccessKey, sessionToken } = door.worker;
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const headers: Record<string, string> = {
    host: `127.0.0.1:${door.door.httpPort}`,
    [name]: value,
    "x-amz-date": date,
    "x-amz-security-token": sessionToken,
  };
  const names = Object.keys(headers).sort();
  const canonical = [
    "PUT",
    `/files/${key}`,
    "",
    ...names.map((one) => `${one}:${headers[one]}`),
    "",
    names.join(";"),
    value,
  ].join("\n");
  const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const signature = createHmac(
    "sha256",
    deriveSigningKey(secretAccessKey, date.slice(0, 8), "us-east-1", "s3"),
  )
    .update(`AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`)
    .digest("hex");
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    httpRequest(
      {
        port: door.door.httpPort,
        method: "PUT",
        path: `/files/${key}`,
        headers: { ...headers, ...added, authorization, "content-length": body.length },
      },
      (response) => {
        buffer(response).then(
          (bytes) => resolve({ status: response.statusCode, body: bytes.toString() }),
          reject,
        );
      },
    )
      .on("error", reject)
      .end(body);
  });
}
