/** The few members of Pulumi's Node SDK that are used here. It comes with the app's platform, not with this package. */
import { createRequire } from "node:module";
import { join } from "node:path";

/** `google.protobuf.Struct`. */
export interface Struct {
  toJavaScript(): Record<string, unknown>;
}
export interface ResourceRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getCustom?(): boolean;
  getObject?(): Struct | undefined;
  setObject?(value: Struct): void;
  getProperties?(): Struct | undefined;
  setProperties?(value: Struct): void;
  getProvider(): string;
  getDependenciesList(): string[];
  getProtect?(): boolean;
  getRetainondelete?(): boolean;
  getIgnorechangesList?(): string[];
}
export interface OutputsRequest {
  getUrn(): string;
  getOutputs(): Struct | undefined;
}
type Callback = (error: unknown, response: unknown) => void;
export interface Monitor {
  newUrn(parent: string, type: string, name: string): string;
  registerResource(request: ResourceRequest, callback: Callback): unknown;
  readResource(request: ResourceRequest, callback: Callback): unknown;
  registerResourceOutputs(request: OutputsRequest, callback: Callback): unknown;
}
export interface MockResource {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
  provider?: string;
  custom?: boolean;
  id?: string;
}
export interface MockCall {
  token: string;
  inputs: Record<string, unknown>;
  provider?: string;
}
export interface Mocks {
  newResource(resource: MockResource): Promise<{ id: string; state: Record<string, unknown> }>;
  call(call: MockCall): Promise<Record<string, unknown>>;
}
export interface Output {
  promise(): Promise<unknown>;
}
export interface Transformation {
  type: string;
  name: string;
  props: Record<string, unknown>;
  opts: { parent?: unknown };
  resource: { urn: Output };
}
export interface Pulumi {
  Output: {
    isInstance(value: unknown): value is Output;
    prototype: {
      apply(this: unknown, callback: (value: unknown) => unknown, ...rest: unknown[]): unknown;
    };
  };
  runtime: {
    setMocks(mocks: Mocks, project: string, stack: string, preview: boolean): Promise<void>;
    getMonitor(): Monitor;
    setAllConfig(config: Record<string, string>): void;
    runInPulumiStack(program: () => Promise<unknown>): Promise<unknown>;
    waitForRPCs(): Promise<void>;
    registerStackTransformation(transformation: (args: Transformation) => undefined): void;
  };
}

/** Loads the very copy that the program itself will import. */
export function loadPulumi(platform: string): {
  pulumi: Pulumi;
  struct: (value: Record<string, unknown>) => Struct;
} {
  const require = createRequire(join(platform, "package.json"));
  const proto = require("google-protobuf/google/protobuf/struct_pb.js") as {
    Struct: { fromJavaScript(value: Record<string, unknown>): Struct };
  };
  return {
    pulumi: require("@pulumi/pulumi") as Pulumi,
    struct: (value) => proto.Struct.fromJavaScript(value),
  };
}

/** Pulumi's mark on values that are more than JSON (sdk/nodejs/runtime/rpc.ts of pulumi/pulumi). */
const signature = "4dabf18193072939515e22adb298388d";
const signatures = {
  secret: "1b47061264138c4ac30d75fd1eb44270",
  asset: "c44067f5952c0a294b673a41bacd8c17",
  archive: "0def7320c3a5731c473e5ecbe6d01bc7",
  resource: "5cf8f73096256a8f31e491e813e4eb8e",
};

/** Secrets become their values, resources their ids, assets `{path}`, `{text}` or `{assets}`. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const { [signature]: kind, ...rest } = value as Record<string, unknown>;
  if (kind === signatures.secret) return plain(rest.value);
  if (kind === signatures.resource) return rest.id || rest.urn;
  if (kind === signatures.asset || kind === signatures.archive) delete rest.hash;
  return Object.fromEntries(Object.entries(rest).map(([key, item]) => [key, plain(item)]));
}
export function plainRecord(value: Record<string, unknown>): Record<string, unknown> {
  return plain(value) as Record<string, unknown>;
}
