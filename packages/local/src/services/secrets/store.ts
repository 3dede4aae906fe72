/** Secrets with their versions and staging labels, as Secrets Manager keeps them. */
import { createHash, randomUUID } from "node:crypto";
import { AwsError } from "../../cloud/errors.ts";
import type { Cloud } from "../../cloud/types.ts";
import type { SecretSpec } from "../../plan/types.ts";
import { openVault } from "./vault.ts";

export interface SecretVersion {
  id: string;
  stages: string[];
  secretString?: string;
  /** Base64. */
  secretBinary?: string;
  /** Milliseconds. */
  createdAt: number;
}
export interface Secret {
  arn: string;
  name: string;
  region: string;
  description?: string;
  /** Oldest first. */
  versions: SecretVersion[];
  createdAt: number;
  changedAt: number;
  deletedAt?: number;
  tags: { Key: string; Value: string }[];
  /** SHA-256 of the value that the graph gave last: a change there is a new version, as on a deployment. */
  planned?: string;
}
export interface SecretValue {
  secretString?: string;
  secretBinary?: string;
}

export interface SecretStore {
  load(): void;
  /** By ARN, ARN without its random suffix, or name. */
  find(id: string, region: string): Secret | undefined;
  inRegion(region: string): Secret[];
  add(secret: Secret): void;
  save(secret: Secret): void;
  remove(secret: Secret): void;
  /** @throws AwsError ResourceExistsException: the version is there with another value. */
  put(secret: Secret, value: SecretValue, versionId?: string, stages?: string[]): SecretVersion;
  /** Moves a label to a version, or takes it off when `to` is undefined. */
  moveStage(secret: Secret, stage: string, to: string | undefined): void;
}

export const CURRENT = "AWSCURRENT";
export const PREVIOUS = "AWSPREVIOUS";
/** AWS keeps about a hundred versions without labels. */
const UNLABELLED_LIMIT = 100;

export function createSecretStore(cloud: Cloud): SecretStore {
  const secrets = new Map<string, Secret>();
  let vault: ReturnType<typeof openVault<Secret>> | undefined;
  const opened = () => {
    vault ??= openVault<Secret>(cloud.state, "secrets");
    return vault;
  };

  const store: SecretStore = {
    load() {
      for (const secret of opened().all()) secrets.set(secret.arn, secret);
      for (const spec of cloud.plan.secrets) adopt(spec);
    },
    find(id, region) {
      const exact = secrets.get(id);
      if (exact) return exact.region === region ? exact : undefined;
      return store
        .inRegion(region)
        .find(({ arn, name }) => name === id || (id.startsWith("arn:") && arn.slice(0, -7) === id));
    },
    inRegion: (region) => [...secrets.values()].filter((secret) => secret.region === region),
    add(secret) {
      secrets.set(secret.arn, secret);
      store.save(secret);
    },
    save: (secret) => opened().write(secret.arn, secret),
    remove(secret) {
      secrets.delete(secret.arn);
      opened().remove(secret.arn);
    },
    put(secret, value, versionId = randomUUID(), stages = [CURRENT]) {
      const existing = secret.versions.find(({ id }) => id === versionId);
      if (existing && !sameValue(existing, value))
        throw new AwsError(
          "ResourceExistsException",
          "A resource with the ID you requested already exists: the version has another value.",
        );
      const version = existing ?? { id: versionId, stages: [], ...value, createdAt: cloud.clock.now() };
      if (!existing) secret.versions.push(version);
      const first = !secret.versions.some((one) => one.stages.includes(CURRENT));
      for (const stage of first ? new Set([CURRENT, ...stages]) : stages) move(secret, stage, versionId);
      touch(secret);
      return version;
    },
    moveStage(secret, stage, to) {
      move(secret, stage, to);
      touch(secret);
    },
  };
  return store;

  function touch(secret: Secret) {
    const unlabelled = secret.versions.filter(({ stages }) => stages.length === 0);
    const dropped = new Set(unlabelled.slice(0, Math.max(0, unlabelled.length - UNLABELLED_LIMIT)));
    secret.versions = secret.versions.filter((version) => !dropped.has(version));
    secret.changedAt = cloud.clock.now();
    store.save(secret);
  }

  /** The version that loses AWSCURRENT becomes AWSPREVIOUS. */
  function move(secret: Secret, stage: string, to: string | undefined) {
    const from = secret.versions.find(({ stages }) => stages.includes(stage));
    if (from?.id === to) return;
    if (from) from.stages = from.stages.filter((one) => one !== stage);
    secret.versions.find(({ id }) => id === to)?.stages.push(stage);
    if (stage === CURRENT && from) move(secret, PREVIOUS, from.id);
  }

  function adopt(spec: SecretSpec) {
    const known = secrets.get(spec.arn);
    const now = cloud.clock.now();
    const secret: Secret = known ?? {
      arn: spec.arn,
      name: spec.name,
      region: spec.region,
      versions: [],
      createdAt: now,
      changedAt: now,
      tags: [],
    };
    secrets.set(secret.arn, secret);
    if (spec.value === undefined) return;
    const planned = createHash("sha256").update(spec.value).digest("hex");
    if (secret.planned === planned) return;
    secret.planned = planned;
    store.put(secret, { secretString: spec.value });
  }
}

function sameValue(version: SecretVersion, value: SecretValue): boolean {
  return version.secretString === value.secretString && version.secretBinary === value.secretBinary;
}
