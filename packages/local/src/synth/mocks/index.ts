import { createHmac } from "node:crypto";
import { compute } from "./compute.ts";
import {
  alphabets,
  characters,
  type MockAnswer,
  type MockContext,
  type MockTable,
  seededBytes,
} from "./context.ts";
import { data } from "./data.ts";
import { edge } from "./edge.ts";
import { gateway } from "./gateway.ts";
import { identity } from "./identity.ts";
import { invoke } from "./invokes.ts";
import { keptKeyPair } from "./key-pairs.ts";
import { messaging } from "./messaging.ts";
import { network } from "./network.ts";
import { operations } from "./operations.ts";
import { others } from "./others.ts";

const table: MockTable = {
  ...compute,
  ...data,
  ...edge,
  ...gateway,
  ...identity,
  ...messaging,
  ...network,
  ...operations,
  ...others,
};

export interface MockerOptions {
  app: string;
  stage: string;
  accountId: string;
  homeRegion: string;
  secretSeed: string;
  keyDir: string;
}

export interface ResourceQuestion {
  urn: string;
  type: string;
  name: string;
  inputs: Record<string, unknown>;
  region: string;
  given: string | undefined;
}

/** Answers in AWS's place: plausible, of the right shape, and the same for the same program. */
export interface Mocker {
  /** `known` is false when the type's shape is not in the tables and the outputs are generic. */
  resource(question: ResourceQuestion): {
    known: boolean;
    id: string;
    inputs: Record<string, unknown>;
    outputs: Record<string, unknown>;
  };
  /** Data sources, such as `aws:iam/getPolicyDocument:getPolicyDocument`. */
  call(
    token: string,
    inputs: Record<string, unknown>,
    region: string,
  ): { known: boolean; result: Record<string, unknown> };
  bootstrap(region: string): Record<string, string>;
  appsync(): Record<string, string>;
}

export function createMocker(options: MockerOptions): Mocker {
  const { app, stage, accountId, secretSeed } = options;
  const secrets = new Map<string, string>();
  const shared = new Map<string, string>();
  return {
    resource(question) {
      const context = contextOf(question, options, shared);
      const mock = table[question.type];
      const answer = mock ? mock(context) : generic(context);
      const id = question.given || answer.id;
      const inputs = asText({ ...question.inputs, ...answer.inputs });
      if (question.type === "aws:secretsmanager/secretVersion:SecretVersion")
        secrets.set(String(inputs.secretId), String(inputs.secretString ?? ""));
      const outputs = question.given ? { ...answer.outputs, tags: foreignTags(context) } : answer.outputs;
      return { known: mock !== undefined, id, inputs, outputs };
    },
    call: (token, inputs, region) =>
      invoke(token, { inputs, region, accountId, secret: (id) => secrets.get(id) }),
    bootstrap: (region) => {
      const letters = characters(`${accountId}/${region}`, 12, alphabets.alphanumeric);
      return {
        asset: `sst-asset-${letters}`,
        state: `sst-state-${letters}`,
        assetEcrRegistryId: accountId,
        assetEcrUrl: `${accountId}.dkr.ecr.${region}.amazonaws.com/sst-asset`,
        appsyncHttp: `${letters}.appsync-api.${region}.amazonaws.com`,
        appsyncRealtime: `${letters}.appsync-realtime-api.${region}.amazonaws.com`,
      };
    },
    appsync: () => {
      const letters = characters(`${accountId}/${app}/${stage}/${secretSeed}`, 26, alphabets.alphanumeric);
      return {
        http: `${letters}.appsync-api.${options.homeRegion}.amazonaws.com`,
        realtime: `${letters}.appsync-realtime-api.${options.homeRegion}.amazonaws.com`,
      };
    },
  };
}

/** What another SST app would have written on a resource that this one looks up (`Vpc.get`, `Redis.get` …). */
function foreignTags(context: MockContext): Record<string, string> {
  const secret = context.arn("secretsmanager", `secret:${context.name}-${context.alphanumeric(6, "secret")}`);
  return {
    "sst:component-version": "2",
    "sst:ref-version": "2",
    "sst:ref:secret": secret,
    "sst:ref:password": secret,
    "sst:ref:proxy": "",
  };
}

/** Policies may be given as objects; the AWS provider keeps them as JSON text. */
function asText(inputs: Record<string, unknown>): Record<string, unknown> {
  const documents = Object.entries(inputs).filter(
    ([key, value]) =>
      /policy|policies$/i.test(key) && typeof value === "object" && value !== null && "Statement" in value,
  );
  return { ...inputs, ...Object.fromEntries(documents.map(([key, value]) => [key, JSON.stringify(value)])) };
}

/** Region that a provider resource was given. */
export function regionOf(inputs: Record<string, unknown>): string | undefined {
  return typeof inputs.region === "string" ? inputs.region : undefined;
}

function contextOf(
  question: ResourceQuestion,
  options: MockerOptions,
  shared: Map<string, string>,
): MockContext {
  const { urn, inputs, region, name } = question;
  const { accountId, secretSeed, keyDir } = options;
  const seed = (label: string) => `${accountId}/${urn}/${label}`;
  const secretOf = (label: string) => createHmac("sha256", secretSeed).update(seed(label)).digest("hex");
  const text = (key: string) => {
    const value = inputs[key];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  return {
    ...question,
    accountId,
    shared,
    text,
    named(key, { max = 255, lower = false, suffix = "" } = {}) {
      const given = text(key) ?? question.given;
      if (given) return given;
      const prefix = text(`${key}Prefix`) ?? `${name}-`;
      const made = `${prefix.slice(0, max - 7 - suffix.length)}${characters(seed("name"), 7, alphabets.hex)}${suffix}`;
      return lower ? made.toLowerCase() : made;
    },
    arn: (service, resource, { region: where = region, account = accountId } = {}) =>
      `arn:aws:${service}:${where}:${account}:${resource}`,
    hex: (length, label = "id") => characters(seed(label), length, alphabets.hex),
    alphanumeric: (length, label = "id") => characters(seed(label), length, alphabets.alphanumeric),
    upper: (length, label = "id") => characters(seed(label), length, alphabets.upper),
    digits: (length, label = "id") => characters(seed(label), length, alphabets.digits),
    regional: (length) => characters(`${accountId}/${region}`, length, alphabets.alphanumeric),
    bytes: (length, label = "bytes") => seededBytes(seed(label), length),
    secret: (length, alphabet, label = "secret") => characters(secretOf(label), length, alphabet),
    secretBytes: (length, label = "secret") => seededBytes(secretOf(label), length),
    keyPair: (kind) => keptKeyPair(keyDir, seed(JSON.stringify(kind)), kind),
  };
}

/** The best guess for a type that nobody described: an id, and for AWS a name and an ARN. */
function generic(context: MockContext): MockAnswer {
  const id = `${context.name}-${context.hex(7)}`;
  const [provider, module = "", type = ""] = context.type.split(":");
  if (provider !== "aws") return { id, outputs: {} };
  const service = module.split("/")[0] ?? module;
  const name = context.text("name") ?? id;
  return { id: name, outputs: { name, arn: context.arn(service, `${type.toLowerCase()}/${name}`) } };
}
