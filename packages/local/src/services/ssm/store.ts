import type { Cloud } from "../../cloud/types.ts";
import type { ParameterSpec } from "../../plan/types.ts";
import { openVault, type Vault } from "../secrets/vault.ts";

export interface ParameterVersion {
  version: number;
  value: string;
  /** Milliseconds. */
  modifiedAt: number;
}
export interface Parameter {
  arn: string;
  name: string;
  region: string;
  type: ParameterSpec["type"];
  /** Oldest first. */
  versions: ParameterVersion[];
  /** The value that the graph gave last: a change there is a new version, as on a deployment. */
  planned?: string;
}
export interface ParameterStore {
  load(): void;
  find(name: string, region: string): Parameter | undefined;
  /** By name. */
  inRegion(region: string): Parameter[];
  /** @returns the new version's number. */
  put(parameter: Omit<Parameter, "versions">, value: string): number;
  remove(parameter: Parameter): void;
}

/** Parameter Store keeps a hundred versions. */
const VERSION_LIMIT = 100;

export function parameterArn(accountId: string, region: string, name: string): string {
  return `arn:aws:ssm:${region}:${accountId}:parameter${name.startsWith("/") ? "" : "/"}${name}`;
}

export function createParameterStore(cloud: Cloud): ParameterStore {
  const parameters = new Map<string, Parameter>();
  let opened: Vault<Parameter> | undefined;
  const vault = () => {
    opened ??= openVault<Parameter>(cloud.state, "parameters");
    return opened;
  };
  const key = (name: string, region: string) => `${region}:${name}`;
  let loaded = false;

  const store: ParameterStore = {
    load() {
      if (loaded) return;
      loaded = true;
      for (const parameter of vault().all()) parameters.set(key(parameter.name, parameter.region), parameter);
      for (const { arn, name, region, type, value } of cloud.plan.parameters)
        if (store.find(name, region)?.planned !== value)
          store.put({ arn, name, region, type, planned: value }, value);
    },
    find: (name, region) => parameters.get(key(name, region)),
    inRegion: (region) =>
      [...parameters.values()]
        .filter((parameter) => parameter.region === region)
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    put(given, value) {
      const known = store.find(given.name, given.region);
      const version = (known?.versions.at(-1)?.version ?? 0) + 1;
      const versions = [...(known?.versions ?? []), { version, value, modifiedAt: cloud.clock.now() }];
      const parameter: Parameter = { ...known, ...given, versions: versions.slice(-VERSION_LIMIT) };
      parameters.set(key(given.name, given.region), parameter);
      vault().write(key(given.name, given.region), parameter);
      return version;
    },
    remove({ name, region }) {
      parameters.delete(key(name, region));
      vault().remove(key(name, region));
    },
  };
  return store;
}
