/**
 * What a synthesis leaves behind: every resource that the app's own `sst.config.ts` declares, with the
 * inputs it was given and the outputs that AWS would have computed.
 */
export interface GraphResource {
  /** Pulumi URN, unique in the graph. */
  urn: string;
  /** Pulumi type token, e.g. `aws:sqs/queue:Queue` or `sst:aws:Queue`. */
  type: string;
  /** Logical name, the first argument of the constructor. */
  name: string;
  /** URN of the parent component. Absent on roots. */
  parent?: string;
  /** Region of the provider that the resource was given, or the home region. */
  region: string;
  /** False for SST and user components, true for real cloud resources. */
  custom: boolean;
  /** Inputs after resolution; secrets unwrapped. */
  inputs: Record<string, unknown>;
  /** Inputs merged with the computed outputs (arn, id, url, endpoint ...). */
  outputs: Record<string, unknown>;
  /** URNs of what it needs before it: by its inputs and by `dependsOn`. */
  dependsOn?: string[];
  /** `protect`: Pulumi refuses to delete it. */
  protect?: boolean;
  /** `retainOnDelete`: AWS keeps it when it leaves the program. */
  retainOnDelete?: boolean;
  ignoreChanges?: string[];
  /** File of the app whose code makes it, or makes the component that it is part of; relative to the app's folder. */
  declaredIn?: string;
  /** Looked up (`X.get`), not declared: it belongs to somebody else. */
  external?: boolean;
}

/** A resource linked to a function, as `Resource.<name>` sees it. */
export type LinkProperties = Record<string, unknown> & { type?: string };

/** What SST asked its runtime to build for one function (`Runtime.Build`). */
export interface FunctionBuild {
  /** The `functionID` of SST: logical name of the `sst:aws:Function` component. */
  id: string;
  /** `path/to/file.export`, relative to the app's root. */
  handler: string;
  runtime: string;
  /** Folder of code that is deployed as it is, relative to the app's root; the handler lies in it. */
  bundle?: string;
  /** `Resource.*` properties by link name. */
  links: Record<string, LinkProperties>;
  /** The `nodejs` options of the function: `esbuild`, `loader`, `install`, `format` ... */
  properties: Record<string, unknown>;
  /** `copyFiles` of the function, relative to the app's root. */
  copyFiles?: { from: string; to?: string }[];
}

export interface Graph {
  app: string;
  stage: string;
  /** Twelve digits; every ARN in the graph carries it. */
  accountId: string;
  homeRegion: string;
  resources: GraphResource[];
  /** By function id. */
  functions: Record<string, FunctionBuild>;
  /** Every linkable by name, for `sst-env.d.ts` and for scripts that need `Resource`. */
  links: Record<string, LinkProperties>;
  /** What `run()` of `sst.config.ts` returned. */
  outputs: Record<string, unknown>;
  /** Types that got generic outputs because nobody taught the mocks their shape. */
  unknownTypes: string[];
}
