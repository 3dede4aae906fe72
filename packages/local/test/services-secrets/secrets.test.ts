import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetRandomPasswordCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
  SecretsManagerClient,
  UpdateSecretCommand,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SecretSpec } from "../../src/plan/types.ts";
import { createSecrets, type Secrets } from "../../src/services/secrets/index.ts";
import { account, client, type Door, openDoor } from "../front-door/support.ts";
import { allow } from "../iam/support.ts";

const arn = (name: string) => `arn:aws:secretsmanager:eu-west-1:${account}:secret:${name}-AbCdEf`;
const spec = (name: string, value?: string): SecretSpec => ({
  arn: arn(name),
  name,
  region: "eu-west-1",
  ...(value === undefined ? {} : { value }),
});
let door: Door;
let secrets: Secrets;
let sdk: SecretsManagerClient;
beforeAll(async () => {
  door = await openDoor(
    [
      allow("secretsmanager:GetSecretValue", arn("db"), {
        Condition: { "ForAnyValue:StringEquals": { "secretsmanager:VersionStage": "AWSCURRENT" } },
      }),
    ],
    (cloud) => {
      secrets = createSecrets(cloud);
      return [secrets];
    },
    { secrets: [spec("db", "first"), spec("app/empty"), spec("rotated", "one"), spec("kept", "planned")] },
  );
  sdk = new SecretsManagerClient(client(door, door.developer));
});
afterAll(() => door.stop());
const get = (SecretId: string, more: object = {}) =>
  sdk.send(new GetSecretValueCommand({ SecretId, ...more }));
const put = (SecretId: string, SecretString: string, more: object = {}) =>
  sdk.send(new PutSecretValueCommand({ SecretId, SecretString, ...more }));

test("a secret is found by ARN, by ARN without its suffix and by name", async () => {
  for (const id of [arn("db"), arn("db").slice(0, -7), "db"])
    expect(await get(id)).toMatchObject({
      ARN: arn("db"),
      Name: "db",
      SecretString: "first",
      VersionStages: ["AWSCURRENT"],
      CreatedDate: expect.any(Date),
    });
  expect(secrets.value(arn("db"))).toBe("first");
});

test("a secret of another region, one that is missing, and one without a value are not found", async () => {
  const elsewhere = new SecretsManagerClient({ ...client(door, door.developer), region: "us-east-1" });
  await expect(elsewhere.send(new GetSecretValueCommand({ SecretId: "db" }))).rejects.toMatchObject({
    name: "ResourceNotFoundException",
  });
  await expect(get("nothing")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  await expect(get("app/empty")).rejects.toMatchObject({
    name: "ResourceNotFoundException",
    message: expect.stringContaining("AWSCURRENT"),
  });
  expect(secrets.value(arn("app/empty"))).toBeUndefined();
});

test("who may not read a secret does not learn whether it exists", async () => {
  const worker = new SecretsManagerClient(client(door));
  for (const SecretId of ["rotated", "nothing"])
    await expect(worker.send(new GetSecretValueCommand({ SecretId }))).rejects.toMatchObject({
      name: "AccessDeniedException",
    });
});

test("the version stage asked for is there for conditions, AWSCURRENT where none is", async () => {
  const worker = new SecretsManagerClient(client(door));
  expect((await worker.send(new GetSecretValueCommand({ SecretId: arn("db") }))).SecretString).toBe("first");
  await expect(
    worker.send(new GetSecretValueCommand({ SecretId: arn("db"), VersionStage: "AWSPREVIOUS" })),
  ).rejects.toMatchObject({ name: "AccessDeniedException" });
});

test("a new value becomes current, the old one previous, and the one before loses its labels", async () => {
  const { VersionId: two } = await put("rotated", "two");
  const { VersionId: three } = await put("rotated", "three");
  expect((await get("rotated")).SecretString).toBe("three");
  expect((await get("rotated", { VersionStage: "AWSPREVIOUS" })).VersionId).toBe(two);
  const { Versions } = await sdk.send(
    new ListSecretVersionIdsCommand({ SecretId: "rotated", IncludeDeprecated: true }),
  );
  expect(Versions?.map(({ VersionStages }) => VersionStages)).toEqual([[], ["AWSPREVIOUS"], ["AWSCURRENT"]]);
  const { VersionIdsToStages } = await sdk.send(new DescribeSecretCommand({ SecretId: "rotated" }));
  expect(VersionIdsToStages).toEqual({ [String(two)]: ["AWSPREVIOUS"], [String(three)]: ["AWSCURRENT"] });
});

test("a rotation: pending first, then promoted", async () => {
  const before = await get("rotated");
  const ClientRequestToken = "11111111-2222-3333-4444-555555555555";
  await put("rotated", "pending", { ClientRequestToken, VersionStages: ["AWSPENDING"] });
  expect((await get("rotated")).SecretString).toBe(before.SecretString);
  const promote = { SecretId: "rotated", VersionStage: "AWSCURRENT", MoveToVersionId: ClientRequestToken };
  await expect(sdk.send(new UpdateSecretVersionStageCommand(promote))).rejects.toMatchObject({
    name: "InvalidParameterException",
  });
  await sdk.send(new UpdateSecretVersionStageCommand({ ...promote, RemoveFromVersionId: before.VersionId }));
  expect((await get("rotated")).SecretString).toBe("pending");
  expect((await get("rotated", { VersionStage: "AWSPREVIOUS" })).VersionId).toBe(before.VersionId);
});

test("the same request token with the same value is one version, with another value an error", async () => {
  const ClientRequestToken = "aaaaaaaa-2222-3333-4444-555555555555";
  const first = await put("db", "token", { ClientRequestToken });
  expect((await put("db", "token", { ClientRequestToken })).VersionId).toBe(first.VersionId);
  await expect(put("db", "other", { ClientRequestToken })).rejects.toMatchObject({
    name: "ResourceExistsException",
  });
  await put("db", "first");
});

test("binary values come back as they were", async () => {
  const SecretBinary = Buffer.from([0, 255, 10]);
  await sdk.send(new PutSecretValueCommand({ SecretId: "app/empty", SecretBinary }));
  expect(Buffer.from((await get("app/empty")).SecretBinary ?? [])).toEqual(SecretBinary);
});

test("a secret is made, listed, deleted and restored", async () => {
  const made = await sdk.send(
    new CreateSecretCommand({
      Name: "made/here",
      SecretString: "x",
      Description: "d",
      Tags: [{ Key: "k", Value: "v" }],
    }),
  );
  expect(made.ARN).toMatch(/:secret:made\/here-[A-Za-z0-9]{6}$/);
  await expect(sdk.send(new CreateSecretCommand({ Name: "made/here" }))).rejects.toMatchObject({
    name: "ResourceExistsException",
  });
  await sdk.send(new UpdateSecretCommand({ SecretId: "made/here", SecretString: "y" }));
  const list = async (Values: string[]) =>
    (await sdk.send(new ListSecretsCommand({ Filters: [{ Key: "name", Values }] }))).SecretList?.map(
      ({ Name }) => Name,
    );
  expect(await list(["made"])).toEqual(["made/here"]);
  await sdk.send(new DeleteSecretCommand({ SecretId: "made/here", RecoveryWindowInDays: 7 }));
  await expect(get("made/here")).rejects.toMatchObject({ name: "InvalidRequestException" });
  expect(await list(["made"])).toEqual([]);
  await sdk.send(new RestoreSecretCommand({ SecretId: "made/here" }));
  expect((await get("made/here")).SecretString).toBe("y");
  await sdk.send(new DeleteSecretCommand({ SecretId: "made/here", ForceDeleteWithoutRecovery: true }));
  await expect(get("made/here")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
});

test("lists come in pages", async () => {
  const names: (string | undefined)[] = [];
  let NextToken: string | undefined;
  do {
    const answer = await sdk.send(
      new ListSecretsCommand({ MaxResults: 1, ...(NextToken ? { NextToken } : {}) }),
    );
    names.push(...(answer.SecretList ?? []).map(({ Name }) => Name));
    NextToken = answer.NextToken;
  } while (NextToken);
  expect(names).toEqual(["db", "app/empty", "rotated", "kept"]);
});

test("passwords have the length and the characters that were asked for", async () => {
  const { RandomPassword = "" } = await sdk.send(
    new GetRandomPasswordCommand({ PasswordLength: 40, ExcludePunctuation: true, ExcludeCharacters: "0O1l" }),
  );
  expect(RandomPassword).toMatch(/^[A-Za-z0-9]{40}$/);
  expect(RandomPassword).not.toMatch(/[0O1l]/);
});

test("malformed input is refused by name", async () => {
  await expect(put("db", "x".repeat(70_000))).rejects.toMatchObject({
    name: "InvalidParameterException",
    message: expect.stringContaining("65536"),
  });
  await expect(sdk.send(new PutSecretValueCommand({ SecretId: "db" }))).rejects.toMatchObject({
    message: expect.stringContaining("SecretString or SecretBinary"),
  });
  await expect(get(5 as unknown as string)).rejects.toMatchObject({ message: "SecretId must be a string." });
});

test("what was put survives a restart, only its owner can read the files, and a new value in the graph is a new version", async () => {
  await put("kept", "put later");
  const again = createSecrets(door.cloud);
  expect(again.value(arn("kept"))).toBe("put later");
  const deployed = createSecrets({
    ...door.cloud,
    plan: { ...door.cloud.plan, secrets: [spec("kept", "planned anew")] },
  });
  expect(deployed.value(arn("kept"))).toBe("planned anew");
  const folder = door.cloud.state.folder("secrets");
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
});
