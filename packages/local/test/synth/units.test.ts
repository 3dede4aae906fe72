import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Graph, GraphResource } from "../../src/graph/types.ts";
import { assertComplete } from "../../src/synth/complete.ts";
import { policyDocument } from "../../src/synth/mocks/policy-document.ts";
import { openSshPrivateKey, openSshPublicKey } from "../../src/synth/mocks/ssh-keys.ts";
import { plain } from "../../src/synth/pulumi.ts";
import { summarise } from "../../src/synth/summary.ts";
import { typesFile } from "../../src/synth/types-file.ts";

const resource = (type: string, name: string, parent?: string): GraphResource => ({
  urn: `urn:pulumi:test::app::${type}::${name}`,
  type,
  name,
  ...(parent && { parent }),
  region: "eu-west-1",
  custom: !type.startsWith("sst:"),
  inputs: {},
  outputs: {},
});
const graph = (resources: GraphResource[]): Graph => ({
  app: "app",
  stage: "test",
  accountId: "123456789012",
  homeRegion: "eu-west-1",
  resources,
  functions: {},
  links: {},
  outputs: {},
  unknownTypes: [],
});

describe("assertComplete", () => {
  const queue = resource("sst:aws:Queue", "Q");
  test("a component without what it consists of is a truncated graph", () => {
    expect(() => assertComplete(graph([queue, resource("sst:aws:Function", "F")]))).toThrow(
      'sst:aws:Queue "Q" has no aws:sqs/queue:Queue\n  sst:aws:Function "F" has no aws:lambda/function:Function',
    );
  });
  test("a resource whose parent is missing is a truncated graph", () => {
    expect(() => assertComplete(graph([resource("aws:sqs/queue:Queue", "QQueue", "urn:gone")]))).toThrow(
      'aws:sqs/queue:Queue "QQueue" has lost its parent urn:gone',
    );
  });
  test("a whole one passes", () => {
    assertComplete(graph([queue, resource("aws:sqs/queue:Queue", "QQueue", queue.urn)]));
  });
});

describe("getPolicyDocument", () => {
  const document = (inputs: Record<string, unknown>) =>
    JSON.parse(String(policyDocument(inputs).json)) as unknown;

  test("single values stand alone, several stay a list, and conditions gather by operator", () => {
    expect(
      document({
        statements: [
          {
            sid: "S",
            effect: "Deny",
            actions: ["s3:*"],
            resources: ["a", "b"],
            principals: [{ type: "*", identifiers: ["*"] }],
            conditions: [
              { test: "Bool", variable: "aws:SecureTransport", values: ["false"] },
              { test: "Bool", variable: "aws:ViaAWSService", values: ["false", "true"] },
            ],
          },
          {
            actions: ["sts:AssumeRole"],
            principals: [
              { type: "Service", identifiers: ["a", "b"] },
              { type: "AWS", identifiers: ["c"] },
            ],
          },
        ],
      }),
    ).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "S",
          Effect: "Deny",
          Action: "s3:*",
          Resource: ["a", "b"],
          Principal: "*",
          Condition: { Bool: { "aws:SecureTransport": "false", "aws:ViaAWSService": ["false", "true"] } },
        },
        { Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: ["a", "b"], AWS: "c" } },
      ],
    });
  });

  test("a later document takes the place of a statement with its Sid", () => {
    const other = (sid: string, action: string) =>
      JSON.stringify({ Statement: [{ Sid: sid, Effect: "Allow", Action: action, Resource: "*" }] });
    expect(
      document({
        sourcePolicyDocuments: [other("A", "one:*"), other("B", "two:*")],
        statements: [{ sid: "B", actions: ["three:*"], resources: ["*"] }],
        overridePolicyDocuments: [other("A", "four:*")],
      }),
    ).toMatchObject({
      Statement: [
        { Sid: "A", Action: "four:*" },
        { Sid: "B", Action: "three:*" },
      ],
    });
  });

  test("no statements: SST then attaches no policy", () => {
    expect(policyDocument({ statements: [] }).statements).toBeUndefined();
  });
});

test("Pulumi's secrets, resources and assets become plain values", () => {
  const key = "4dabf18193072939515e22adb298388d";
  expect(
    plain({
      password: {
        [key]: "1b47061264138c4ac30d75fd1eb44270",
        value: { deep: [{ [key]: "1b47061264138c4ac30d75fd1eb44270", value: 1 }] },
      },
      topic: { [key]: "5cf8f73096256a8f31e491e813e4eb8e", urn: "urn", id: "arn" },
      code: { [key]: "0def7320c3a5731c473e5ecbe6d01bc7", path: "/a", hash: "h" },
    }),
  ).toEqual({ password: { deep: [1] }, topic: "arn", code: { path: "/a" } });
});

describe("OpenSSH keys", () => {
  const fields = (blob: Buffer, count: number) => {
    const found: Buffer[] = [];
    for (let at = 0; found.length < count; ) {
      const length = blob.readUInt32BE(at);
      found.push(blob.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    return found;
  };
  test("an RSA key's line and file carry its numbers", () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const [name = "", encoded = ""] = openSshPublicKey(publicKey).trim().split(" ");
    expect(name).toBe("ssh-rsa");
    const [kind, exponent, modulus] = fields(Buffer.from(encoded, "base64"), 3);
    expect(kind?.toString()).toBe("ssh-rsa");
    const rebuilt = createPublicKey({
      format: "jwk",
      key: { kty: "RSA", e: exponent?.toString("base64url"), n: modulus?.subarray(1).toString("base64url") },
    });
    expect(rebuilt.equals(publicKey)).toBe(true);
    const file = openSshPrivateKey(privateKey);
    const body = Buffer.from(file.replace(/-----.*?-----|\n/g, ""), "base64");
    expect(body.subarray(0, 15).toString("latin1")).toBe("openssh-key-v1\0");
    expect(fields(body.subarray(15), 3).map(String)).toEqual(["none", "none", ""]);
  });
  test("an Ed25519 key has its name; a curve unknown to SSH has none", () => {
    expect(openSshPublicKey(generateKeyPairSync("ed25519").publicKey)).toMatch(/^ssh-ed25519 AAAA/);
    expect(openSshPublicKey(generateKeyPairSync("ec", { namedCurve: "secp224r1" }).publicKey)).toBe("");
  });
});

test("types follow values; what SST calls any stays any", () => {
  expect(
    typesFile({
      links: { B: { type: "sst.aws.X", list: ["a"], deep: { n: 1, type: "t" } }, A: { ok: true } },
    }),
  ).toContain(
    [
      "  export interface Resource {",
      '    "A": {',
      '      "ok": boolean',
      "    }",
      '    "B": {',
      '      "deep": {',
      '        "n": number',
      '        "type": string',
      "      }",
      '      "list": any',
      '      "type": "sst.aws.X"',
      "    }",
      "  }",
    ].join("\n"),
  );
});

test("the summary counts resources by type and names what the mocks did not know", () => {
  const text = summarise({
    ...graph([
      resource("sst:aws:Queue", "Q"),
      resource("aws:sqs/queue:Queue", "QQueue"),
      resource("aws:sqs/queue:Queue", "Raw"),
    ]),
    functions: { F: { id: "F", handler: "f.handler", runtime: "nodejs22.x", links: {}, properties: {} } },
    unknownTypes: ["aws:qldb/ledger:Ledger"],
  });
  expect(text).toContain("app, stage test: 2 resources in 1 components (eu-west-1)");
  expect(text).toContain("     2  aws:sqs/queue:Queue");
  expect(text).toContain("  F  f.handler (nodejs22.x)");
  expect(text).toMatch(/nobody taught their shape here:\n {2}aws:qldb\/ledger:Ledger/);
});
