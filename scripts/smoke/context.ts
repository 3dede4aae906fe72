/** What a check works with. */
import type { Answer, Question } from "./ask.ts";
import { ask } from "./ask.ts";
import type { Deployed, DeployedResource } from "./deployed.ts";

/** Where the running local cloud is, in AWS's place. */
export interface LocalAddresses {
  aws: string;
  api: string;
  websocket: string;
  smtp: string;
}

export interface SmokeOptions {
  deployed: Deployed;
  /** Absent: AWS itself. */
  local?: LocalAddresses;
  /** An id token of the user pool; without it, checks that need a person cannot be made on permanent stages. */
  token?: string | undefined;
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** Origin that a browser would send. */
  origin: string;
  /** How long mail may take, in milliseconds. */
  patienceMs?: number;
}

/** What a check found is not so. */
export class Broken extends Error {
  override readonly name = "Broken";
}
/** A check could not be made: something is missing that it needs. */
export class Unable extends Error {
  override readonly name = "Unable";
}

export interface Smoke extends SmokeOptions {
  /** Settings of an AWS client for a region. */
  aws(region: string): Record<string, unknown>;
  /** An unsigned request to AWS, or to the local cloud in its place. */
  stranger(address: string, question?: Question): Promise<Answer>;
  api: string;
  websocket: string;
  /** Every resource of a type whose logical name fits. @throws Unable when there is none. */
  all(type: string, name?: RegExp): DeployedResource[];
  one(type: string, name?: RegExp): DeployedResource;
  /** A setting of the stage, as its functions see it. */
  setting(name: string): string;
  /** What the mail check sent, for the check that looks for it in the API. */
  mail: { subject?: string };
}

export function createSmoke(options: SmokeOptions): Smoke {
  const { deployed, local, credentials } = options;
  const output = (name: string) => {
    const value = deployed.outputs[name];
    if (typeof value !== "string") throw new Error(`sst.config.ts returned no "${name}"`);
    return value.replace(/\/$/, "");
  };
  const all = (type: string, name = /./) => {
    const found = deployed.resources.filter((resource) => resource.type === type && name.test(resource.name));
    if (found.length === 0) throw new Unable(`this stage has no ${type} ${name}`);
    return found;
  };
  return {
    ...options,
    api: local?.api ?? output("api"),
    websocket: local?.websocket ?? output("websocket"),
    aws: (region) => ({ region, ...(local && { endpoint: local.aws }), ...(credentials && { credentials }) }),
    stranger: (address, question) => ask(address, { ...question, ...(local && { via: local.aws }) }),
    all,
    one: (type, name) => all(type, name)[0] as DeployedResource,
    setting(name) {
      const value = deployed.links.Settings?.[name];
      if (typeof value !== "string") throw new Unable(`the stage's Settings link has no ${name}`);
      return value;
    },
    mail: {},
  };
}

/** An output as text. @throws Broken when it is not there. */
export function text(resource: DeployedResource, key: string): string {
  const value = resource.outputs[key];
  if (typeof value !== "string" || value === "") throw new Broken(`${resource.name} has no ${key}`);
  return value;
}
