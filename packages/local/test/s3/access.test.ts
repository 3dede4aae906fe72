import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  allow,
  bucketSpec,
  developer,
  planOf,
  type Services,
  startServices,
  worker,
} from "../support/services.ts";
import { send as raw } from "./request.ts";

let services: Services;
let asWorker: S3Client;
const everybody = (action: string, resource: string) => ({
  resource: resource.split("/")[0] ?? "",
  document: {
    Statement: [{ Effect: "Allow" as const, Principal: "*" as const, Action: action, Resource: resource }],
  },
});

beforeAll(async () => {
  services = await startServices(
    planOf({
      buckets: [
        bucketSpec("read"),
        bucketSpec("listed"),
        bucketSpec("conditional"),
        bucketSpec("far", { region: "us-east-1" }),
        bucketSpec("public"),
        bucketSpec("blocked", { blockPublicAccess: true }),
        bucketSpec("named-bucket"),
      ],
      grants: [
        allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::read/*"),
        allow(["s3:GetObject", "s3:DeleteObject", "s3:PutObject"], "arn:aws:s3:::listed/ok/*"),
        {
          ...allow("s3:ListBucket", "arn:aws:s3:::listed"),
          Condition: { StringLike: { "s3:prefix": ["ok/*", ""] } },
        },
        {
          ...allow("s3:PutObject", "arn:aws:s3:::conditional/*"),
          Condition: { StringEquals: { "s3:RequestObjectTag/team": "a" } },
        },
        allow("s3:PutObjectTagging", "arn:aws:s3:::conditional/*"),
        {
          ...allow("s3:GetObject", "arn:aws:s3:::conditional/*"),
          Condition: { StringEquals: { "s3:ExistingObjectTag/team": "a" } },
        },
      ],
      resourcePolicies: [
        everybody("s3:GetObject", "arn:aws:s3:::public/*"),
        everybody("s3:GetObject", "arn:aws:s3:::blocked/*"),
      ],
    }),
  );
  asWorker = services.s3Client({ as: worker });
  for (const Bucket of ["read", "public", "blocked", "listed"])
    await services.s3Client().send(new PutObjectCommand({ Bucket, Key: "ok/key", Body: "x" }));
});
afterAll(() => services.stop());

const get = (Bucket: string, Key: string) => asWorker.send(new GetObjectCommand({ Bucket, Key }));
const put = (Bucket: string, Key: string, more: object = {}) =>
  asWorker.send(new PutObjectCommand({ Bucket, Key, Body: "x", ...more }));

describe("a role", () => {
  test("does what it is granted and is denied the rest, with role, action and resource named", async () => {
    await put("read", "ok/key");
    await get("read", "ok/key");
    await expect(put("listed", "no/key")).rejects.toMatchObject({
      name: "AccessDenied",
      message: expect.stringMatching(
        /assumed-role\/worker\/worker-fn .*s3:PutObject .*arn:aws:s3:::listed\/no\/key/,
      ),
    });
  });

  test("learns that a key is missing only where it may list", async () => {
    await expect(get("read", "missing")).rejects.toMatchObject({
      name: "AccessDenied",
      message: expect.stringMatching(/s3:ListBucket .*arn:aws:s3:::read"?/),
    });
    await expect(
      asWorker.send(new HeadObjectCommand({ Bucket: "read", Key: "missing" })),
    ).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
    await expect(
      services.s3Client().send(new GetObjectCommand({ Bucket: "read", Key: "missing" })),
    ).rejects.toMatchObject({
      name: "NoSuchKey",
    });
    await expect(services.ports.s3.get(worker, "read", "missing")).rejects.toMatchObject({
      code: "AccessDenied",
    });
    await expect(services.ports.s3.get(developer, "read", "missing")).rejects.toMatchObject({
      code: "NoSuchKey",
    });
  });

  test("lists only the prefix that its condition names", async () => {
    const list = (Prefix: string) => asWorker.send(new ListObjectsV2Command({ Bucket: "listed", Prefix }));
    expect((await list("ok/")).KeyCount).toBe(1);
    await expect(list("no/")).rejects.toMatchObject({ name: "AccessDenied" });
    await expect(asWorker.send(new ListBucketsCommand({}))).rejects.toMatchObject({ name: "AccessDenied" });
  });

  test("needs PutObjectTagging to bring tags, which conditions see, also those that are there", async () => {
    await expect(put("read", "t", { Tagging: "team=a" })).rejects.toThrow(/s3:PutObjectTagging/);
    await put("conditional", "a", { Tagging: "team=a" });
    await expect(put("conditional", "b", { Tagging: "team=b" })).rejects.toMatchObject({
      name: "AccessDenied",
    });
    await get("conditional", "a");
    await services.s3Client().send(new PutObjectCommand({ Bucket: "conditional", Key: "b", Body: "x" }));
    await expect(get("conditional", "b")).rejects.toMatchObject({ name: "AccessDenied" });
  });

  test("copies only what it may read to where it may write", async () => {
    const copy = (CopySource: string, Bucket: string) =>
      asWorker.send(new CopyObjectCommand({ Bucket, Key: "ok/copy", CopySource }));
    await copy("read/ok/key", "listed");
    await expect(copy("public/ok/key", "listed")).resolves.toBeDefined();
    await expect(copy("named-bucket/ok/key", "listed")).rejects.toThrow(/s3:GetObject/);
    await expect(copy("read/ok/key", "public")).rejects.toThrow(/s3:PutObject/);
  });

  test("deletes of many what it may, and is told of the others, were it all of them", async () => {
    const remove = async (...keys: string[]) => {
      const answer = await asWorker.send(
        new DeleteObjectsCommand({ Bucket: "listed", Delete: { Objects: keys.map((Key) => ({ Key })) } }),
      );
      return [answer.Deleted?.map(({ Key }) => Key), answer.Errors?.map(({ Key, Code }) => [Key, Code])];
    };
    expect(await remove("ok/copy", "no/a")).toEqual([["ok/copy"], [["no/a", "AccessDenied"]]]);
    expect(await remove("no/a", "no/b")).toEqual([
      undefined,
      [
        ["no/a", "AccessDenied"],
        ["no/b", "AccessDenied"],
      ],
    ]);
  });
});

describe("the anonymous", () => {
  test("read where a bucket's policy lets everybody, unless public access is blocked", async () => {
    expect(await raw(services, "GET", "/public/ok/key", { signed: false })).toMatchObject({
      status: 200,
      body: "x",
    });
    expect((await raw(services, "GET", "/blocked/ok/key", { signed: false })).status).toBe(403);
    expect((await raw(services, "GET", "/read/ok/key", { signed: false })).status).toBe(403);
    expect((await raw(services, "PUT", "/public/ok/key", { signed: false, body: "y" })).status).toBe(403);
  });
  test("cannot choose how an answer is presented", async () => {
    const target = "/public/ok/key?response-content-type=text%2Fhtml";
    expect((await raw(services, "GET", target, { signed: false })).body).toMatch(/<Code>InvalidRequest</);
  });
});

describe("regions", () => {
  const far = { Bucket: "far", Key: "k" };
  test("a client of another region is sent to the right one, and SDKs that follow arrive", async () => {
    await services.s3Client({ region: "us-east-1" }).send(new PutObjectCommand({ ...far, Body: "x" }));
    const here = services.s3Client();
    await expect(here.send(new GetObjectCommand(far))).rejects.toMatchObject({
      name: "PermanentRedirect",
      $metadata: { httpStatusCode: 301 },
    });
    const answer = await raw(services, "GET", "/far/k");
    expect(answer).toMatchObject({ status: 301, headers: { "x-amz-bucket-region": "us-east-1" } });
    expect(answer.body).toMatch(/<Endpoint>far\.s3\.us-east-1\.amazonaws\.com</);
    await expect(here.send(new HeadBucketCommand({ Bucket: "far" }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 301 },
    });
    const following = new S3Client({
      endpoint: services.origin,
      region: "eu-west-1",
      credentials: services.credentials(developer),
      followRegionRedirects: true,
    });
    expect(await (await following.send(new GetObjectCommand(far))).Body?.transformToString()).toBe("x");
    following.destroy();
  });
  test("a signature for another region is malformed at the bucket's own and the global endpoint", async () => {
    for (const host of ["far.s3.us-east-1.amazonaws.com", "far.s3.amazonaws.com"]) {
      const answer = await raw(services, "GET", "/k", { host });
      expect(answer).toMatchObject({ status: 400, headers: { "x-amz-bucket-region": "us-east-1" } });
      expect(answer.body).toMatch(/<Code>AuthorizationHeaderMalformed<.*<Region>us-east-1</);
    }
    expect(await raw(services, "GET", "/k", { host: "far.s3.eu-west-1.amazonaws.com" })).toMatchObject({
      status: 301,
    });
  });
  test("anybody may ask where a bucket is who may ask at all", async () => {
    const { LocationConstraint } = await services
      .s3Client()
      .send(new GetBucketLocationCommand({ Bucket: "read" }));
    expect(LocationConstraint).toBe("eu-west-1");
    await expect(asWorker.send(new GetBucketLocationCommand({ Bucket: "read" }))).rejects.toThrow(
      /GetBucketLocation/,
    );
  });
});

test("a bucket is addressed by path and by host", async () => {
  const hosts = ["named-bucket.s3.eu-west-1.amazonaws.com", "named-bucket.s3.amazonaws.com"];
  await raw(services, "PUT", "/dir/key%20%2B", { host: hosts[0] ?? "", body: "by host" });
  for (const host of hosts)
    expect(await raw(services, "GET", "/dir/key%20%2B", { host })).toMatchObject({
      status: 200,
      body: "by host",
    });
  expect((await raw(services, "GET", "/named-bucket/dir/key%20%2B")).body).toBe("by host");
  expect(
    services.observations.some(({ resource }) => resource === "arn:aws:s3:::named-bucket/dir/key +"),
  ).toBe(true);
});

describe("a presigned address", () => {
  test("reads and writes with its signer's permissions, what it was signed for and no more", async () => {
    const upload = await getSignedUrl(
      asWorker,
      new PutObjectCommand({ Bucket: "read", Key: "signed", ContentType: "text/plain" }),
      { signableHeaders: new Set(["content-type"]) },
    );
    const write = (headers: Record<string, string>) =>
      fetch(upload, { method: "PUT", headers, body: "by hand" });
    expect((await write({ "content-type": "text/html" })).status).toBe(403);
    expect((await write({ "content-type": "text/plain", "x-amz-tagging": "a=1" })).status).toBe(403);
    expect((await write({ "content-type": "text/plain" })).status).toBe(200);
    const address = await getSignedUrl(asWorker, new GetObjectCommand({ Bucket: "read", Key: "signed" }));
    expect(await (await fetch(address)).text()).toBe("by hand");
    expect((await fetch(address.replace("/signed?", "/ok/key?"))).status).toBe(403);
    expect((await fetch(address, { method: "PUT", body: "x" })).status).toBe(403);
    const denied = await getSignedUrl(asWorker, new GetObjectCommand({ Bucket: "blocked", Key: "ok/key" }));
    // Everybody may by the bucket's policy, and the signer is somebody.
    expect((await fetch(denied)).status).toBe(200);
    const other = await getSignedUrl(asWorker, new PutObjectCommand({ Bucket: "listed", Key: "no/key" }));
    expect((await fetch(other, { method: "PUT", body: "x" })).status).toBe(403);
  });
});
