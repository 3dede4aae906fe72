import { relative } from "node:path";
import type { GraphResource, LinkProperties } from "../graph/types.ts";
import { SynthesisError } from "./errors.ts";
import { type Mocker, regionOf } from "./mocks/index.ts";
import { type Mocks, type Monitor, plainRecord, type ResourceRequest, type Struct } from "./pulumi.ts";

/** What Pulumi's engine would know of a resource besides its properties. */
interface Registration {
  urn: string;
  parent: string;
  external: boolean;
  dependencies: string[];
  protect: boolean;
  retainOnDelete: boolean;
  ignoreChanges: string[];
}

export interface Recorder {
  mocks: Mocks;
  /** Gives Pulumi's mock monitor the URNs, outputs and checks of the real engine. */
  attach(monitor: Monitor): void;
  /** @param files Where the resources that the app declares itself are declared, by URN. */
  resources(files: ReadonlyMap<string, string>): GraphResource[];
  /** Commands that build sites, of what is recorded so far; folders relative to `appDir`. */
  siteBuilds(appDir: string): { command: string; folder: string }[];
  links: Record<string, LinkProperties>;
  unknownTypes: Set<string>;
}

const stackType = "pulumi:pulumi:Stack";
const linkType = "sst:sst:LinkRef";

/** Writes down every registration; the mocks answer it. */
export function createRecorder(options: {
  project: string;
  stage: string;
  region: string;
  mocker: Mocker;
  struct: (value: Record<string, unknown>) => Struct;
}): Recorder {
  const { project, stage, region, mocker, struct } = options;
  const byUrn = new Map<string, GraphResource>();
  /** Region by provider reference, `<urn>::<id>`. */
  const providers = new Map<string, string>();
  const links: Record<string, LinkProperties> = {};
  const unknownTypes = new Set<string>();
  // The mock monitor calls newResource before it first awaits, so this is the registration being answered.
  let current: Registration | undefined;
  const providerRegion = (reference: string | undefined) => (reference && providers.get(reference)) || region;

  const mocks: Mocks = {
    async newResource({ type, name, inputs, provider, custom, id }) {
      // Pulumi says "no id" with an empty one.
      const given = id || undefined;
      const registration = current;
      current = undefined;
      if (!registration) throw new Error(`${type} "${name}" was registered past the recorder`);
      const isComponent = custom === false;
      const where = providerRegion(provider);
      if (byUrn.has(registration.urn))
        throw new SynthesisError(`two resources of type ${type} are named "${name}": give one another name`);
      const { __provider, ...kept } = inputs;
      const resource: GraphResource = {
        urn: registration.urn,
        type,
        name,
        ...(registration.parent && { parent: registration.parent }),
        region: where,
        custom: !isComponent,
        inputs: kept,
        outputs: kept,
        dependsOn: registration.dependencies.filter((urn) => urn !== registration.urn),
        ...(registration.protect && { protect: true }),
        ...(registration.retainOnDelete && { retainOnDelete: true }),
        ...(registration.ignoreChanges.length > 0 && { ignoreChanges: registration.ignoreChanges }),
        ...(registration.external && { external: true }),
      };
      byUrn.set(registration.urn, resource);
      if (isComponent) return { id: "", state: {} };
      const answer = mocker.resource({
        urn: registration.urn,
        type,
        name,
        inputs: kept,
        region: where,
        given,
      });
      if (!answer.known) unknownTypes.add(type);
      resource.inputs = answer.inputs;
      resource.outputs = { ...answer.inputs, ...answer.outputs, id: answer.id };
      if (type.startsWith("pulumi:providers:"))
        providers.set(`${registration.urn}::${answer.id}`, regionOf(kept) ?? region);
      return { id: answer.id, state: { ...answer.inputs, ...answer.outputs } };
    },
    async call({ token, inputs, provider }) {
      const answer = mocker.call(token, plainRecord(inputs), providerRegion(provider));
      if (!answer.known) unknownTypes.add(token);
      return answer.result;
    },
  };

  function attach(monitor: Monitor) {
    // The mock's own URNs keep one ancestor and count the stack as one; links take their type from the URN.
    monitor.newUrn = (parent, type, name) => {
      const ancestors = parent.split("::")[2];
      const qualified = !ancestors || ancestors === stackType ? type : `${ancestors}$${type}`;
      return `urn:pulumi:${stage}::${project}::${qualified}::${name}`;
    };
    const registered = monitor.registerResource.bind(monitor);
    monitor.registerResource = (request, callback) => {
      request.setObject?.(struct(plainRecord(request.getObject?.()?.toJavaScript() ?? {})));
      current = registration(request, false);
      return registered(request, callback);
    };
    const read = monitor.readResource.bind(monitor);
    monitor.readResource = (request, callback) => {
      request.setProperties?.(struct(plainRecord(request.getProperties?.()?.toJavaScript() ?? {})));
      current = registration(request, true);
      return read(request, callback);
    };
    const outputs = monitor.registerResourceOutputs.bind(monitor);
    monitor.registerResourceOutputs = (request, callback) => {
      const resource = byUrn.get(request.getUrn());
      const values = plainRecord(request.getOutputs()?.toJavaScript() ?? {});
      if (resource?.type === linkType && typeof values.target === "string")
        links[values.target] = (values.properties ?? {}) as LinkProperties;
      else if (resource) resource.outputs = { ...resource.outputs, ...values };
      return outputs(request, callback);
    };

    function registration(request: ResourceRequest, external: boolean): Registration {
      const parent = request.getParent();
      return {
        urn: monitor.newUrn(parent, request.getType(), request.getName()),
        parent: parent.split("::")[2] === stackType ? "" : parent,
        external,
        dependencies: request.getDependenciesList(),
        protect: request.getProtect?.() === true,
        retainOnDelete: request.getRetainondelete?.() === true,
        ignoreChanges: request.getIgnorechangesList?.() ?? [],
      };
    }
  }

  return {
    mocks,
    attach,
    links,
    unknownTypes,
    siteBuilds: (appDir) =>
      [...byUrn.values()]
        .filter(({ type, name }) => type === "command:local:Command" && name.endsWith("Builder"))
        .map(({ inputs }) => ({
          command: String(inputs.create),
          folder: relative(appDir, String(inputs.dir)) || ".",
        })),
    resources(files) {
      for (const resource of byUrn.values()) {
        const file = declaredIn(resource, byUrn, files);
        if (file) resource.declaredIn = file;
      }
      return inOrder([...byUrn.values()].filter(({ type }) => type !== stackType && type !== linkType));
    },
  };
}

/** What a component makes is declared where the component is. */
function declaredIn(
  resource: GraphResource,
  byUrn: ReadonlyMap<string, GraphResource>,
  files: ReadonlyMap<string, string>,
): string | undefined {
  for (let at: GraphResource | undefined = resource; at; at = at.parent ? byUrn.get(at.parent) : undefined) {
    const file = files.get(at.urn);
    if (file) return file;
  }
  return undefined;
}

/** What a resource needs comes before it; what is free to go first goes by URN. The same program, the same order. */
function inOrder(resources: GraphResource[]): GraphResource[] {
  const sorted = resources.toSorted((a, b) => (a.urn < b.urn ? -1 : 1));
  const byUrn = new Map(sorted.map((resource) => [resource.urn, resource]));
  const done = new Set<string>();
  const ordered: GraphResource[] = [];
  const visit = (resource: GraphResource) => {
    if (done.has(resource.urn)) return;
    done.add(resource.urn);
    for (const urn of [
      ...(resource.parent ? [resource.parent] : []),
      ...(resource.dependsOn ?? []),
    ].toSorted()) {
      const needed = byUrn.get(urn);
      if (needed) visit(needed);
    }
    ordered.push(resource);
  };
  for (const resource of sorted) visit(resource);
  return ordered;
}
