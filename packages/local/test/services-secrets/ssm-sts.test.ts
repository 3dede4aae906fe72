import {
  DeleteParametersCommand,
  GetParameterCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  PutParameterCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ParameterSpec, RoleSpec } from "../../src/plan/types.ts";
import { createSsm } from "../../src/services/ssm/index.ts";
import { createSts } from "../../src/services/sts/index.ts";
import { account, client, type Door, openDoor, roleArn } from "../front-door/support.ts";
import { allow, deny, document } from "../iam/support.ts";

const arn = (name: string) => `arn:aws:ssm:eu-west-1:${account}:parameter${name}`;
const parameter = (name: string, value: string, type: ParameterSpec["type"] = "String"): ParameterSpec => ({
  arn: arn(name.startsWith("/") ? name : `/${name}`),
  name,
  region: "eu-west-1",
  type,
  value,
});
const target = `arn:aws:iam::${account}:role/reports`;
const reports: RoleSpec = {
  arn: target,
  name: "reports",
  trust: document([
    {
      Effect: "Allow",
      Principal: { AWS: roleArn },
      Action: "sts:AssumeRole",
      Condition: { StringEquals: { "sts:ExternalId": "shared" } },
    },
  ]),
  policies: [{ name: "own", document: document([allow("ssm:GetParameter", arn("/app/url"))]) }],
};
let door: Door;
beforeAll(async () => {
  door = await openDoor(
    [allow(["ssm:GetParameter", "ssm:GetParameters"], arn("/app/*")), deny("sts:GetCallerIdentity", "*")],
    (cloud, credentials) => [createSsm(cloud), createSts(cloud, { credentials })],
    {
      roles: [reports],
      parameters: [
        parameter("/app/url", "https://x"),
        parameter("/app/db/password", "hush", "SecureString"),
        parameter("/app/db/name", "main"),
        parameter("plain", "p"),
      ],
    },
  );
});
afterAll(() => door.stop());

describe("Parameter Store", () => {
  const ssm = (keys = door.developer) => new SSMClient(client(door, keys));
  const get = (Name: string, more: object = {}) => ssm().send(new GetParameterCommand({ Name, ...more }));

  test("a parameter is found by name, by ARN and by version", async () => {
    for (const Name of ["/app/url", arn("/app/url"), "/app/url:1"])
      expect((await get(Name)).Parameter).toMatchObject({
        Name: "/app/url",
        Value: "https://x",
        Version: 1,
        ARN: arn("/app/url"),
      });
    expect((await get(arn("/plain"))).Parameter?.Value).toBe("p");
    await expect(get("/app/url:7")).rejects.toMatchObject({ name: "ParameterVersionNotFound" });
    await expect(get("/none")).rejects.toMatchObject({ name: "ParameterNotFound" });
  });
  test("a secure string is readable only with decryption", async () => {
    expect((await get("/app/db/password")).Parameter?.Value).toMatch(/^AQICAH/);
    expect((await get("/app/db/password", { WithDecryption: true })).Parameter?.Value).toBe("hush");
  });
  test("several at once: the missing are told, one that is denied denies all", async () => {
    const Names = ["/app/url", "/app/none"];
    expect(await ssm(door.worker).send(new GetParametersCommand({ Names }))).toMatchObject({
      Parameters: [{ Name: "/app/url" }],
      InvalidParameters: ["/app/none"],
    });
    await expect(
      ssm(door.worker).send(new GetParametersCommand({ Names: [...Names, "plain"] })),
    ).rejects.toMatchObject({
      name: "AccessDeniedException",
      message: expect.stringContaining(`ssm:GetParameters on resource: ${arn("/plain")}`),
    });
  });
  test("by path: one level, or all below, in pages", async () => {
    const names = async (Recursive: boolean) =>
      (await ssm().send(new GetParametersByPathCommand({ Path: "/app", Recursive }))).Parameters?.map(
        ({ Name }) => Name,
      );
    expect(await names(false)).toEqual(["/app/url"]);
    expect(await names(true)).toEqual(["/app/db/name", "/app/db/password", "/app/url"]);
    const first = await ssm().send(
      new GetParametersByPathCommand({ Path: "/app", Recursive: true, MaxResults: 2 }),
    );
    expect(first.Parameters).toHaveLength(2);
    const rest = await ssm().send(
      new GetParametersByPathCommand({
        Path: "/app",
        Recursive: true,
        MaxResults: 2,
        NextToken: first.NextToken,
      }),
    );
    expect([rest.Parameters?.length, rest.NextToken]).toEqual([1, undefined]);
  });
  test("a parameter is written anew only on demand, keeps its versions and survives a restart", async () => {
    const put = (more: object) =>
      ssm().send(new PutParameterCommand({ Name: "/app/flag", Value: "on", ...more }));
    await put({ Type: "String" });
    await expect(put({})).rejects.toMatchObject({ name: "ParameterAlreadyExists" });
    expect((await put({ Overwrite: true, Value: "off" })).Version).toBe(2);
    expect((await get("/app/flag:1")).Parameter?.Value).toBe("on");
    const restarted = await openDoor([], () => [createSsm(door.cloud)]);
    const other = new SSMClient(client(restarted, restarted.developer));
    expect((await other.send(new GetParameterCommand({ Name: "/app/flag" }))).Parameter?.Value).toBe("off");
    await restarted.stop();
    await ssm().send(new DeleteParametersCommand({ Names: ["/app/flag"] }));
    await expect(get("/app/flag")).rejects.toMatchObject({ name: "ParameterNotFound" });
  });
});

describe("STS", () => {
  const sts = (keys = door.worker) => new STSClient(client(door, keys));
  const assume = (more: object = {}, keys = door.worker) =>
    sts(keys).send(
      new AssumeRoleCommand({ RoleArn: target, RoleSessionName: "night", ExternalId: "shared", ...more }),
    );

  test("everybody with keys learns who they are, even under a deny", async () => {
    expect(await sts().send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: account,
      Arn: `arn:aws:sts::${account}:assumed-role/worker/worker-fn`,
      UserId: expect.stringMatching(/^AROA[A-Z2-7]{17}:worker-fn$/),
    });
    expect((await sts(door.developer).send(new GetCallerIdentityCommand({}))).Arn).toBe(
      `arn:aws:iam::${account}:user/developer`,
    );
  });
  test("a role is assumed as its trust policy says, and its keys have its grants for their lifetime", async () => {
    const { Credentials: keys, AssumedRoleUser } = await assume({ DurationSeconds: 900 });
    expect(AssumedRoleUser?.Arn).toBe(`arn:aws:sts::${account}:assumed-role/reports/night`);
    const credentials = {
      accessKeyId: keys?.AccessKeyId ?? "",
      secretAccessKey: keys?.SecretAccessKey ?? "",
      sessionToken: keys?.SessionToken ?? "",
    };
    const read = (Name: string) =>
      new SSMClient(client(door, credentials)).send(new GetParameterCommand({ Name }));
    expect((await read("/app/url")).Parameter?.Value).toBe("https://x");
    await expect(read("/app/db/name")).rejects.toMatchObject({
      message: expect.stringContaining("assumed-role/reports/night"),
    });
    door.cloud.clock.advance(901_000);
    await expect(read("/app/url")).rejects.toMatchObject({ name: "UnrecognizedClientException" });
  });
  test("a wrong external id, another role and one that does not exist are refused", async () => {
    await expect(assume({ ExternalId: "guess" })).rejects.toMatchObject({ name: "AccessDenied" });
    await expect(assume({ RoleArn: roleArn })).rejects.toMatchObject({ name: "AccessDenied" });
    await expect(assume({ RoleArn: `${target}2` }, door.developer)).rejects.toMatchObject({
      name: "AccessDenied",
      message: expect.stringContaining("not part of this local run"),
    });
  });
  test("malformed input is refused by name", async () => {
    await expect(assume({ RoleSessionName: "a b" })).rejects.toMatchObject({
      message: expect.stringContaining("RoleSessionName"),
    });
    await expect(assume({ DurationSeconds: 60 })).rejects.toMatchObject({
      message: expect.stringContaining("DurationSeconds"),
    });
    await expect(assume({ Policy: "{}" })).rejects.toMatchObject({
      message: expect.stringContaining("Policy is not part of this local run"),
    });
  });
});
