/**
 * Signatures made by the real SDK and by the examples of AWS's documentation.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 */
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { Signer } from "@aws-sdk/rds-signer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CredentialStore } from "../../src/cloud/types.ts";
import {
  createVerifier,
  readAuthorization,
  readPresigned,
  verifyPresigned,
} from "../../src/front-door/sigv4.ts";
import { createSecrets } from "../../src/services/secrets/index.ts";
import { allow } from "../iam/support.ts";
import { account, client, type Door, openDoor, roleArn } from "./support.ts";

const arn = `arn:aws:secretsmanager:eu-west-1:${account}:secret:db-AbCdEf`;
const hidden = `arn:aws:secretsmanager:eu-west-1:${account}:secret:other-AbCdEf`;

describe("the SDK's signatures", () => {
  let door: Door;
  beforeAll(async () => {
    door = await openDoor([allow("secretsmanager:GetSecretValue", arn)], (cloud) => [createSecrets(cloud)], {
      secrets: [
        { arn, name: "db", region: "eu-west-1", value: "s3cret" },
        { arn: hidden, name: "other", region: "eu-west-1", value: "h1dden" },
      ],
    });
  });
  afterAll(() => door.stop());
  const read = (settings: ConstructorParameters<typeof SecretsManagerClient>[0], SecretId = arn) =>
    new SecretsManagerClient(settings ?? {}).send(new GetSecretValueCommand({ SecretId }));

  test("a signed call of a role with the grant is answered", async () => {
    const { SecretString, $metadata } = await read(client(door));
    expect(SecretString).toBe("s3cret");
    expect($metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });
  test("a wrong secret key is refused", async () => {
    const wrong = { ...door.worker, secretAccessKey: `${door.worker.secretAccessKey.slice(1)}x` };
    await expect(read(client(door, wrong))).rejects.toMatchObject({ name: "InvalidSignatureException" });
  });
  test("an unknown access key is refused", async () => {
    const unknown = { ...door.worker, accessKeyId: "ASIAUNKNOWN" };
    await expect(read(client(door, unknown))).rejects.toMatchObject({ name: "UnrecognizedClientException" });
  });
  test("another key's session token, and none, are refused", async () => {
    for (const sessionToken of [door.developer.sessionToken, undefined]) {
      const { accessKeyId, secretAccessKey } = door.worker;
      const keys = { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
      await expect(read({ ...client(door), credentials: keys })).rejects.toMatchObject({
        name: "UnrecognizedClientException",
      });
    }
  });
  test("a revoked key is refused", async () => {
    const keys = door.credentials.issue({ kind: "developer" });
    await read(client(door, keys));
    door.credentials.revoke(keys.accessKeyId);
    await expect(read(client(door, keys))).rejects.toMatchObject({ name: "UnrecognizedClientException" });
  });
  test("a signature from 16 minutes ago, or ahead, is refused, one of 14 is not", async () => {
    for (const minutes of [-16, 16])
      await expect(read({ ...client(door), systemClockOffset: minutes * 60_000 })).rejects.toMatchObject({
        name: "InvalidSignatureException",
      });
    for (const minutes of [-14, 14]) await read({ ...client(door), systemClockOffset: minutes * 60_000 });
  });
  test("a denied action names role, action and resource", async () => {
    await expect(read(client(door), hidden)).rejects.toMatchObject({
      name: "AccessDeniedException",
      message: `User: arn:aws:sts::${account}:assumed-role/worker/worker-fn is not authorized to perform: secretsmanager:GetSecretValue on resource: ${hidden} because no identity-based policy allows the secretsmanager:GetSecretValue action`,
    });
    expect(door.iam.denials()).toMatchObject([
      { role: roleArn, action: "secretsmanager:GetSecretValue", resource: hidden },
    ]);
  });
  test("a body, target, header, path or query changed after signing is refused", async () => {
    const sent = await capture(client(door));
    type Change = { body?: string; headers?: Record<string, string>; path?: string };
    const send = (change: Change) =>
      fetch(`${door.endpoint}${change.path ?? "/"}`, {
        method: "POST",
        headers: { ...sent.headers, ...change.headers },
        body: change.body ?? sent.body,
      });
    expect((await send({})).status).toBe(200);
    const changes: Change[] = [
      { body: sent.body.replace(arn, hidden) },
      { headers: { "x-amz-target": "secretsmanager.DescribeSecret" } },
      {
        headers: {
          "x-amz-date":
            sent.headers["x-amz-date"]?.replace(/.Z$/, (end) => (end === "1Z" ? "2Z" : "1Z")) ?? "",
        },
      },
      { path: "/x" },
      { path: "/?Action=x" },
    ];
    for (const change of changes) {
      const answer = await send(change);
      expect([answer.status, (await answer.json()) as unknown]).toMatchObject([
        400,
        { __type: "InvalidSignatureException" },
      ]);
    }
  });
  test("an unsigned call is told what it lacks", async () => {
    const answer = await fetch(door.endpoint, {
      method: "POST",
      headers: {
        "x-amz-target": "secretsmanager.GetSecretValue",
        "content-type": "application/x-amz-json-1.1",
      },
      body: JSON.stringify({ SecretId: arn }),
    });
    expect(await answer.json()).toMatchObject({ __type: "MissingAuthenticationTokenException" });
  });
  test("neither secrets nor keys nor bodies are logged", () => {
    const logged = door.log.join("\n");
    for (const text of ["s3cret", door.worker.secretAccessKey, door.worker.sessionToken, arn])
      expect(logged).not.toContain(text);
  });

  /** A call as the SDK signed it. */
  async function capture(settings: ConstructorParameters<typeof SecretsManagerClient>[0]) {
    const sdk = new SecretsManagerClient(settings ?? {});
    const sent: { headers: Record<string, string>; body: string } = { headers: {}, body: "" };
    sdk.middlewareStack.add(
      (next) => (args) => {
        const { headers, body } = args.request as { headers: Record<string, string>; body: Uint8Array };
        const { host: _host, "content-length": _length, ...rest } = headers;
        Object.assign(sent, { headers: rest, body: new TextDecoder().decode(body) });
        return next(args);
      },
      { step: "finalizeRequest", priority: "low" },
    );
    await sdk.send(new GetSecretValueCommand({ SecretId: arn }));
    return sent;
  }
});

describe("the examples of the documentation", () => {
  const store: CredentialStore = {
    issue: () => {
      throw new Error("not needed");
    },
    find: (accessKeyId) => ({
      credentials: {
        accessKeyId,
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        sessionToken: "",
      },
      principal: { kind: "developer" },
    }),
    revoke: () => undefined,
  };
  const at = (iso: string) => ({
    now: () => Date.parse(iso),
    atMachineTime: () => undefined,
    isNow: () => false,
  });
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const range = {
    host: "examplebucket.s3.amazonaws.com",
    range: "bytes=0-9",
    "x-amz-content-sha256": empty,
    "x-amz-date": "20130524T000000Z",
  };
  const authorization = (signature: string, signed = "host;range;x-amz-content-sha256;x-amz-date") =>
    `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signed},Signature=${signature}`;

  function verifyGet(headers: Record<string, string>, value: string, path = "/test.txt", query = "") {
    const header = (name: string) => headers[name];
    return createVerifier(store, at("2013-05-24T00:00:00Z")).verify(
      { method: "GET", path, query, header },
      readAuthorization(value, header),
      empty,
    );
  }

  test("GET Object with a range", () => {
    const value = authorization("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    expect(verifyGet(range, value).accessKeyId).toBe("AKIAIOSFODNN7EXAMPLE");
    expect(() => verifyGet({ ...range, range: "bytes=0-99" }, value)).toThrow(/does not match/);
  });
  test("GET Bucket lifecycle and list, with their queries", () => {
    const { range: _range, ...headers } = range;
    const signed = "host;x-amz-content-sha256;x-amz-date";
    verifyGet(
      headers,
      authorization("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543", signed),
      "/",
      "lifecycle",
    );
    verifyGet(
      headers,
      authorization("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7", signed),
      "/",
      "max-keys=2&prefix=J",
    );
  });

  const presigned =
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
  const verifyQuery = (query: string, now: string, host = "examplebucket.s3.amazonaws.com") =>
    createVerifier(store, at(now)).verify(
      { method: "GET", path: "/test.txt", query, header: (name) => (name === "host" ? host : undefined) },
      readPresigned(query),
      "UNSIGNED-PAYLOAD",
    );
  test("a presigned URL holds until it expires, for its host, and not with a longer life", () => {
    verifyQuery(presigned, "2013-05-24T23:59:59Z");
    expect(() => verifyQuery(presigned, "2013-05-25T00:00:01Z")).toThrow("Request has expired");
    expect(() => verifyQuery(presigned, "2013-05-23T23:00:00Z")).toThrow("Request is not yet valid");
    expect(() => verifyQuery(presigned.replace("86400", "86401"), "2013-05-24T01:00:00Z")).toThrow(
      /does not match/,
    );
    expect(() => verifyQuery(presigned, "2013-05-24T01:00:00Z", "otherbucket.s3.amazonaws.com")).toThrow(
      /does not match/,
    );
    expect(() => verifyQuery(`${presigned}&response-content-type=x`, "2013-05-24T01:00:00Z")).toThrow(
      /does not match/,
    );
  });
  test.each([
    ["X-Amz-Expires", presigned.replace("86400", "604801"), /604800/],
    ["X-Amz-Expires", presigned.replace("86400", "-1"), /604800/],
    ["X-Amz-Expires twice", `${presigned}&X-Amz-Expires=1`, /given twice/],
    ["Credential", presigned.replace("%2Faws4_request", ""), /Credential must be/],
    [
      "a day that is not the date's",
      presigned.replace("20130524%2F", "20130525%2F"),
      /does not match YYYYMMDD/,
    ],
    [
      "SignedHeaders without host",
      presigned.replace("SignedHeaders=host", "SignedHeaders=range"),
      /'Host' must be/,
    ],
    ["the algorithm", presigned.replace("HMAC-SHA256", "HMAC-MD5"), /AWS4-HMAC-SHA256/],
    ["no signature", presigned.replace(/&X-Amz-Signature=.*/, ""), /Signature is missing/],
  ])("a presigned URL malformed in %s is refused", (_what, query, message) => {
    expect(() => verifyQuery(query, "2013-05-24T01:00:00Z")).toThrow(message);
  });
  test.each([
    "AWS AKID:c2ln",
    "AWS4-ECDSA-P256-SHA256 Credential=a",
    "AWS4-HMAC-SHA256",
    "AWS4-HMAC-SHA256 ,,,=,",
  ])("the authorization %j is refused", (value) => {
    expect(() => verifyGet(range, value)).toThrow(expect.objectContaining({ code: "IncompleteSignature" }));
  });
});

describe("RDS tokens", () => {
  test("a token of the SDK is verified for its host, port, region and lifetime", async () => {
    const door = await openDoor([], () => []);
    const host = "db.cluster-abc.eu-west-1.rds.amazonaws.com";
    const signer = new Signer({
      hostname: host,
      port: 5432,
      region: "eu-west-1",
      username: "app",
      credentials: door.worker,
    });
    const [address = "", query = ""] = (await signer.getAuthToken()).split("/?");
    const verify = (as: string, region: string, now = Date.now) =>
      verifyPresigned(
        { method: "GET", host: as, path: "/", query },
        { service: "rds-db", region },
        door.credentials,
        { now, atMachineTime: () => undefined, isNow: () => false },
      );
    expect(verify(address, "eu-west-1").principal).toEqual({
      kind: "role",
      roleArn,
      sessionName: "worker-fn",
    });
    expect(() => verify(`${host}:5433`, "eu-west-1")).toThrow(/does not match/);
    expect(() => verify(address, "us-east-1")).toThrow(/scoped to us-east-1/);
    expect(() => verify(address, "eu-west-1", () => Date.now() + 901_000)).toThrow("Request has expired");
    await door.stop();
  });
});
