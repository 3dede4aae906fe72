import { createHmac } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { GetObjectTaggingCommand, HeadObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Principal } from "../../src/cloud/types.ts";
import { deriveSigningKey } from "../../src/front-door/sigv4.ts";
import { allow, bucketSpec, planOf, type Services, startServices, worker } from "../support/services.ts";
import { send as raw } from "./request.ts";

let services: Services;
const bucket = "uploads";
const FILE_NAME_KEY = ["mine/$", "{filename}"].join("");

beforeAll(async () => {
  services = await startServices(
    planOf({
      buckets: [bucketSpec(bucket, { blockPublicAccess: true }), bucketSpec("open")],
      grants: [allow(["s3:PutObject", "s3:PutObjectTagging"], `arn:aws:s3:::${bucket}/mine/*`)],
      resourcePolicies: [
        {
          resource: "arn:aws:s3:::open",
          document: {
            Statement: [
              { Effect: "Allow", Principal: "*", Action: "s3:PutObject", Resource: "arn:aws:s3:::open/*" },
            ],
          },
        },
      ],
    }),
  );
});
afterAll(() => services.stop());

type Conditions = (Record<string, string> | (string | number)[])[];
interface Options {
  fields?: Record<string, string>;
  conditions?: Conditions;
  as?: Principal;
  expires?: number;
  /** Changes the signed fields. */
  forge?: (fields: Record<string, string>) => Record<string, string | undefined>;
}

/** The fields of a form as a server would hand it out: signed as AWS documents it. */
function presign({ fields = {}, conditions = [], as = worker, expires = 60_000, forge }: Options = {}) {
  const { accessKeyId, secretAccessKey, sessionToken } = services.credentials(as);
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = date.slice(0, 8);
  const own: Record<string, string> = {
    key: "mine/file.txt",
    ...fields,
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-credential": `${accessKeyId}/${day}/eu-west-1/s3/aws4_request`,
    "x-amz-date": date,
    "x-amz-security-token": sessionToken,
  };
  const named = new Set(
    conditions.flatMap((one) =>
      Array.isArray(one) ? [String(one[1])] : Object.keys(one).map((name) => `$${name}`),
    ),
  );
  const policy = Buffer.from(
    JSON.stringify({
      expiration: new Date(Date.now() + expires).toISOString(),
      conditions: [
        { bucket },
        ...Object.entries(own)
          .filter(([name]) => !named.has(`$${name}`))
          .map(([name, value]) => ({ [name]: value })),
        ...conditions,
      ],
    }),
  ).toString("base64");
  own.policy = policy;
  own["x-amz-signature"] = createHmac("sha256", deriveSigningKey(secretAccessKey, day, "eu-west-1", "s3"))
    .update(policy)
    .digest("hex");
  for (const [name, value] of Object.entries(forge?.(own) ?? {}))
    if (value === undefined) delete own[name];
    else own[name] = value;
  return own;
}

async function post(
  fields: Record<string, string>,
  file: string | Blob = "content",
  name = "local.txt",
  to = bucket,
) {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) form.append(field, value);
  form.append("file", new Blob([file]), name);
  const answer = await fetch(`${services.origin}/${to}`, { method: "POST", body: form, redirect: "manual" });
  const text = (await answer.text()).replace(/&(quot|apos);/g, (entity) => (entity === "&quot;" ? '"' : "'"));
  return { status: answer.status, headers: answer.headers, text };
}
async function content(key: string) {
  const { body } = await services.ports.s3.get({ kind: "developer" }, bucket, key);
  return Buffer.concat(await body.toArray()).toString();
}

describe("a form with a signed policy", () => {
  test("uploads as its signer, with what its fields say", async () => {
    const answer = await post(
      presign({
        fields: {
          key: FILE_NAME_KEY,
          "Content-Type": "text/plain",
          "x-amz-meta-note": "ünï",
          tagging: "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>",
        },
      }),
      "héllo",
      "C:\\fakepath\\my $& file.txt",
    );
    expect(answer).toMatchObject({ status: 204, text: "" });
    expect(await content("mine/my $& file.txt")).toBe("héllo");
    const target = { Bucket: bucket, Key: "mine/my $& file.txt" };
    expect(await services.s3Client().send(new HeadObjectCommand(target))).toMatchObject({
      ContentType: "text/plain",
    });
    const { TagSet } = await services.s3Client().send(new GetObjectTaggingCommand(target));
    expect(TagSet).toEqual([{ Key: "a", Value: "1" }]);
  });

  test("streams a large file", async () => {
    const large = "0123456789abcdef".repeat(500_000);
    expect((await post(presign(), `\r\n--${large}\r\n--`)).status).toBe(204);
    expect(await content("mine/file.txt")).toBe(`\r\n--${large}\r\n--`);
  });

  test("answers as it asks", async () => {
    const created = await post(presign({ fields: { success_action_status: "201" } }));
    expect(created.status).toBe(201);
    expect(created.text).toMatch(
      /<PostResponse>.*<Bucket>uploads<\/Bucket><Key>mine\/file\.txt<\/Key><ETag>/,
    );
    const redirected = await post(
      presign({ fields: { success_action_redirect: "https://app.example/done?x=1" } }),
    );
    expect(redirected.status).toBe(303);
    expect(redirected.headers.get("location")).toMatch(
      /^https:\/\/app\.example\/done\?x=1&bucket=uploads&key=mine%2Ffile\.txt&etag=/,
    );
    const script = await post(presign({ fields: { success_action_redirect: "javascript:alert(1)" } }));
    expect(script.status).toBe(204);
  });

  test("may let its sender choose within bounds", async () => {
    const conditions: Conditions = [
      ["starts-with", "$key", "mine/avatars/"],
      ["starts-with", "$Content-Type", "image/"],
      ["content-length-range", 3, 10],
    ];
    const form = (change: Record<string, string>) => ({
      ...presign({ fields: { key: "mine/avatars/a.png", "Content-Type": "image/png" }, conditions }),
      ...change,
    });
    expect((await post(form({ key: "mine/avatars/b.png" }), "12345")).status).toBe(204);
    for (const [change, file, expected] of [
      [{ key: "mine/other.png" }, "12345", /Policy Condition failed: \["starts-with", "\$key"/],
      [{ "Content-Type": "text/html" }, "12345", /Policy Condition failed/],
      [{ "Content-Type": "image/png, text/html" }, "12345", /Policy Condition failed/],
      [{}, "12", /<Code>EntityTooSmall</],
      [{}, "12345678901", /<Code>EntityTooLarge</],
    ] as const)
      expect((await post(form(change), file)).text).toMatch(expected);
  });
});

describe("a form is refused", () => {
  test.each<[string, Options, RegExp]>([
    ["after its policy has expired", { expires: -1000 }, /Policy expired/],
    [
      "with a field that the policy does not name",
      { forge: () => ({ "x-amz-meta-extra": "x" }) },
      /Extra input fields: x-amz-meta-extra/,
    ],
    [
      "with a field that differs",
      { forge: () => ({ key: "mine/other" }) },
      /Policy Condition failed: \["eq", "\$key", "mine\/file\.txt"\]/,
    ],
    [
      "for another bucket",
      { conditions: [{ bucket: "open" }] },
      /Policy Condition failed: \["eq", "\$bucket", "open"\]/,
    ],
    [
      "with a signature that does not hold",
      { forge: () => ({ "x-amz-signature": "0".repeat(64) }) },
      /<Code>SignatureDoesNotMatch</,
    ],
    [
      "with a policy that was changed",
      {
        forge: () => ({
          policy: Buffer.from('{"expiration":"2999-01-01T00:00:00Z","conditions":[]}').toString("base64"),
        }),
      },
      /<Code>SignatureDoesNotMatch</,
    ],
    [
      "without a signature",
      { forge: () => ({ "x-amz-signature": undefined }) },
      /must contain a field named 'x-amz-signature'/,
    ],
    [
      "with unknown keys",
      {
        forge: (form) => ({
          "x-amz-credential": `ASIANOBODY/${form["x-amz-date"]?.slice(0, 8)}/eu-west-1/s3/aws4_request`,
        }),
      },
      /<Code>InvalidAccessKeyId</,
    ],
    [
      "without the token of its keys",
      { forge: () => ({ "x-amz-security-token": undefined }) },
      /<Code>InvalidToken</,
    ],
    [
      "signed for another region",
      {
        forge: (form) => ({
          "x-amz-credential": (form["x-amz-credential"] ?? "").replace("eu-west-1", "us-east-1"),
        }),
      },
      /<Code>AuthorizationHeaderMalformed</,
    ],
    [
      "whose signer may not write there",
      { fields: { key: "yours/file" } },
      /<Code>AccessDenied<.*s3:PutObject/,
    ],
    ["without a key", { forge: () => ({ key: undefined }) }, /must contain a field named 'key'/],
  ])("%s, and nothing is stored", async (_, options, expected) => {
    const folder = join(services.folder, "s3", "buckets", bucket);
    const before = readdirSync(folder).length;
    const answer = await post(presign(options), "x".repeat(400_000));
    expect(answer.text).toMatch(expected);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(readdirSync(folder)).toHaveLength(before);
  });

  test("with a policy that is none, even when it is signed", async () => {
    const sign = (policy: string) => {
      const { secretAccessKey } = services.credentials(worker);
      return presign({
        forge(form) {
          const document = Buffer.from(policy).toString("base64");
          const day = form["x-amz-date"]?.slice(0, 8) ?? "";
          const key = deriveSigningKey(secretAccessKey, day, "eu-west-1", "s3");
          return {
            policy: document,
            "x-amz-signature": createHmac("sha256", key).update(document).digest("hex"),
          };
        },
      });
    };
    for (const policy of [
      "{",
      "{}",
      '{"expiration":"soon","conditions":[]}',
      '{"expiration":"2999-01-01T00:00:00Z","conditions":[["like","$key","x"]]}',
      '{"expiration":"2999-01-01T00:00:00Z","conditions":[["content-length-range","a","b"]]}',
    ])
      expect((await post(sign(policy))).text).toMatch(/<Code>InvalidPolicyDocument</);
  });

  test("when its body is no form, has no file, ends too early, or has too much before the file", async () => {
    const type = { "content-type": "multipart/form-data; boundary=b" };
    const field = (name: string, value: string) =>
      `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const file = '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nbytes';
    for (const [body, expected, headers] of [
      ["hello", /multipart\/form-data/, { "content-type": "multipart/form-data" }],
      ["hello", /<Code>MalformedPOSTRequest</, type],
      [`${field("key", "k")}--b--\r\n`, /exactly one file/, type],
      [`${field("key", "k")}${file}`, /<Code>IncompleteBody</, type],
      [
        `${field("key", "x".repeat(30_000))}${file}\r\n--b--\r\n`,
        /<Code>MaxPostPreDataLengthExceeded</,
        type,
      ],
    ] as const)
      expect((await raw(services, "POST", "/open", { signed: false, headers, body })).body).toMatch(expected);
  });

  test("without a policy, unless everybody may write there", async () => {
    expect((await post({ key: "anonymous" })).status).toBe(403);
    expect((await post({ key: "anonymous" }, "x", "x", "open")).status).toBe(204);
  });
});
