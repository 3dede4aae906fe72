import { randomBytes } from "node:crypto";
import { AwsError } from "../../cloud/errors.ts";
import type { AwsCall, Cloud } from "../../cloud/types.ts";
import { page, requiredString, stringOf, stringsOf, wholeNumber } from "./input.ts";
import { randomPassword } from "./password.ts";
import { CURRENT, type Secret, type SecretStore, type SecretValue, type SecretVersion } from "./store.ts";

type Operation = (call: AwsCall) => Record<string, unknown>;
const DAY_MS = 24 * 3600 * 1000;
const MAX_VALUE_BYTES = 65_536;

export function createOperations(cloud: Cloud, store: SecretStore): Record<string, Operation> {
  /** Authorises before it tells whether the secret exists, as AWS does. */
  function reach(call: AwsCall, context: Record<string, string> = {}): Secret {
    const id = requiredString(call.input, "SecretId");
    const found = store.find(id, call.region);
    const resource =
      found?.arn ??
      (id.startsWith("arn:")
        ? id
        : `arn:aws:secretsmanager:${call.region}:${cloud.plan.accountId}:secret:${id}`);
    call.authorise(`secretsmanager:${call.operation}`, resource, {
      "secretsmanager:SecretId": resource,
      ...context,
    });
    if (!found) throw missing("Secrets Manager can't find the specified secret.");
    return found;
  }
  function alive(secret: Secret): Secret {
    if (secret.deletedAt !== undefined)
      throw new AwsError(
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
      );
    return secret;
  }

  return {
    GetSecretValue(call) {
      const versionId = stringOf(call.input, "VersionId");
      const asked = stringOf(call.input, "VersionStage");
      const stage = asked ?? (versionId === undefined ? CURRENT : undefined);
      const secret = alive(
        reach(call, {
          ...(versionId === undefined ? {} : { "secretsmanager:VersionId": versionId }),
          ...(stage === undefined ? {} : { "secretsmanager:VersionStage": stage }),
        }),
      );
      const version = secret.versions.find(
        ({ id, stages }) =>
          (versionId === undefined || id === versionId) && (stage === undefined || stages.includes(stage)),
      );
      if (!version)
        throw missing(
          stage === undefined
            ? `Secrets Manager can't find the specified secret value for VersionId: ${versionId}`
            : `Secrets Manager can't find the specified secret value for staging label: ${stage}`,
        );
      return {
        ...identity(secret),
        VersionId: version.id,
        VersionStages: version.stages,
        CreatedDate: seconds(version.createdAt),
        ...(version.secretString === undefined ? {} : { SecretString: version.secretString }),
        ...(version.secretBinary === undefined ? {} : { SecretBinary: version.secretBinary }),
      };
    },

    DescribeSecret: (call) => describe(reach(call)),

    ListSecretVersionIds(call) {
      const secret = reach(call);
      const wanted = call.input.IncludeDeprecated === true ? secret.versions : labelled(secret);
      const { items, next } = page(wanted, call.input, 100);
      return {
        ...identity(secret),
        Versions: items.map(({ id, stages, createdAt }) => ({
          VersionId: id,
          VersionStages: stages,
          CreatedDate: seconds(createdAt),
        })),
        ...next,
      };
    },

    PutSecretValue(call) {
      const secret = alive(reach(call));
      const value = secretValueOf(call.input);
      if (!value) throw invalid("You must provide either SecretString or SecretBinary.");
      const version = store.put(
        secret,
        value,
        stringOf(call.input, "ClientRequestToken"),
        stringsOf(call.input, "VersionStages"),
      );
      return { ...identity(secret), VersionId: version.id, VersionStages: version.stages };
    },

    CreateSecret(call) {
      const name = requiredString(call.input, "Name");
      if (!/^[A-Za-z0-9/_+=.@-]{1,512}$/.test(name))
        throw invalid("Name has characters that no secret may have.");
      const prefix = `arn:aws:secretsmanager:${call.region}:${cloud.plan.accountId}:secret:${name}`;
      call.authorise("secretsmanager:CreateSecret", prefix, { "secretsmanager:Name": name });
      if (store.find(name, call.region))
        throw new AwsError(
          "ResourceExistsException",
          `The operation failed because the secret ${name} already exists.`,
        );
      const now = cloud.clock.now();
      const secret: Secret = {
        arn: `${prefix}-${randomBytes(6).toString("base64url").replace(/[-_]/g, "x").slice(0, 6)}`,
        name,
        region: call.region,
        versions: [],
        createdAt: now,
        changedAt: now,
        tags: tagsOf(call.input),
      };
      describeWith(secret, call.input);
      const value = secretValueOf(call.input);
      store.add(secret);
      const version = value && store.put(secret, value, stringOf(call.input, "ClientRequestToken"));
      return { ...identity(secret), ...(version ? { VersionId: version.id } : {}) };
    },

    UpdateSecret(call) {
      const secret = alive(reach(call));
      describeWith(secret, call.input);
      const value = secretValueOf(call.input);
      const version = value && store.put(secret, value, stringOf(call.input, "ClientRequestToken"));
      store.save(secret);
      return { ...identity(secret), ...(version ? { VersionId: version.id } : {}) };
    },

    UpdateSecretVersionStage(call) {
      const stage = requiredString(call.input, "VersionStage");
      const secret = alive(reach(call, { "secretsmanager:VersionStage": stage }));
      const to = stringOf(call.input, "MoveToVersionId");
      const from = stringOf(call.input, "RemoveFromVersionId");
      const holder = secret.versions.find(({ stages }) => stages.includes(stage));
      if (to !== undefined && !secret.versions.some(({ id }) => id === to))
        throw missing(`Secrets Manager can't find the specified secret version: ${to}`);
      if (holder && holder.id !== to && holder.id !== from)
        throw invalid(
          `The staging label ${stage} is attached to version ${holder.id}: name it in RemoveFromVersionId.`,
        );
      store.moveStage(secret, stage, to);
      return identity(secret);
    },

    DeleteSecret(call) {
      const days = wholeNumber(call.input, "RecoveryWindowInDays", { min: 7, max: 30, fallback: 30 });
      const force = call.input.ForceDeleteWithoutRecovery === true;
      const secret = reach(call, {
        "secretsmanager:RecoveryWindowInDays": String(days),
        "secretsmanager:ForceDeleteWithoutRecovery": String(force),
      });
      const now = cloud.clock.now();
      if (force) store.remove(secret);
      else {
        secret.deletedAt = now + days * DAY_MS;
        store.save(secret);
      }
      return { ...identity(secret), DeletionDate: seconds(force ? now : now + days * DAY_MS) };
    },

    RestoreSecret(call) {
      const secret = reach(call);
      delete secret.deletedAt;
      store.save(secret);
      return identity(secret);
    },

    ListSecrets(call) {
      call.authorise("secretsmanager:ListSecrets", "*");
      const found = store
        .inRegion(call.region)
        .filter((secret) => secret.deletedAt === undefined || call.input.IncludePlannedDeletion === true)
        .filter((secret) => meets(secret, call.input.Filters));
      const { items, next } = page(found, call.input, 100);
      return { SecretList: items.map(describe), ...next };
    },

    GetRandomPassword(call) {
      call.authorise("secretsmanager:GetRandomPassword", "*");
      return { RandomPassword: randomPassword(call.input) };
    },
  };
}

function identity(secret: Secret) {
  return { ARN: secret.arn, Name: secret.name };
}
function describe(secret: Secret) {
  const stages = labelled(secret).map(({ id, stages }): [string, string[]] => [id, stages]);
  return {
    ...identity(secret),
    ...(secret.description === undefined ? {} : { Description: secret.description }),
    RotationEnabled: false,
    CreatedDate: seconds(secret.createdAt),
    LastChangedDate: seconds(secret.changedAt),
    ...(secret.deletedAt === undefined ? {} : { DeletedDate: seconds(secret.deletedAt) }),
    Tags: secret.tags,
    VersionIdsToStages: Object.fromEntries(stages),
  };
}
function labelled(secret: Secret): SecretVersion[] {
  return secret.versions.filter(({ stages }) => stages.length > 0);
}
function describeWith(secret: Secret, input: Record<string, unknown>) {
  const description = stringOf(input, "Description");
  if (description !== undefined) secret.description = description;
}

function secretValueOf(input: Record<string, unknown>): SecretValue | undefined {
  const secretString = stringOf(input, "SecretString");
  const secretBinary = stringOf(input, "SecretBinary");
  if (secretString !== undefined && secretBinary !== undefined)
    throw invalid(
      "You can't specify both a binary secret value and a string secret value in the same secret.",
    );
  if (Buffer.byteLength(secretString ?? secretBinary ?? "") > MAX_VALUE_BYTES)
    throw invalid(`A secret's value has at most ${MAX_VALUE_BYTES} bytes.`);
  if (secretString !== undefined) return { secretString };
  return secretBinary === undefined ? undefined : { secretBinary };
}
function tagsOf(input: Record<string, unknown>): Secret["tags"] {
  const tags: unknown[] = Array.isArray(input.Tags) ? input.Tags : [];
  return tags.flatMap((tag) => {
    if (typeof tag !== "object" || tag === null) return [];
    const { Key, Value } = tag as { Key?: unknown; Value?: unknown };
    return typeof Key === "string" ? [{ Key, Value: String(Value ?? "") }] : [];
  });
}

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html */
function meets(secret: Secret, filters: unknown): boolean {
  const list: unknown[] = Array.isArray(filters) ? filters : [];
  return list.every((filter) => {
    const { Key, Values } = filter as { Key?: unknown; Values?: unknown };
    const values = Array.isArray(Values) ? Values.map(String) : [];
    const texts: Record<string, string[]> = {
      name: [secret.name],
      description: [secret.description ?? ""],
      "tag-key": secret.tags.map((tag) => tag.Key),
      "tag-value": secret.tags.map((tag) => tag.Value),
      all: [secret.name, secret.description ?? "", ...secret.tags.flatMap((tag) => [tag.Key, tag.Value])],
    };
    const found = texts[String(Key)];
    if (!found) throw invalid(`ListSecrets cannot filter by ${String(Key)} here.`);
    return values.some((value) =>
      value.startsWith("!")
        ? !found.some((text) => text.startsWith(value.slice(1)))
        : found.some((text) => text.startsWith(value)),
    );
  });
}

/** Dates of the JSON protocol. */
function seconds(milliseconds: number): number {
  return milliseconds / 1000;
}
function missing(message: string): AwsError {
  return new AwsError("ResourceNotFoundException", message);
}
function invalid(message: string): AwsError {
  return new AwsError("InvalidParameterException", message);
}
