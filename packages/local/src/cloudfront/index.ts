/**
 * CloudFront: each distribution on a loopback port of its own, and under its names behind the front door.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Introduction.html
 *
 * Not here: Lambda@Edge, WAF, geographic restrictions, logs, WebSockets, origin shields, field-level encryption,
 * continuous deployment, trusted signers, origin access identities.
 */
import { rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AwsService, Cloud, CredentialStore, Part } from "../cloud/types.ts";
import type { HostHandler } from "../front-door/index.ts";
import { type Listener, listen } from "../gateway/listener.ts";
import type { DistributionSpec } from "../plan/cdn-types.ts";
import { createCache } from "./cache.ts";
import { createEdgeFunction, type EdgeFunction } from "./edge-function.ts";
import { createInvalidations } from "./invalidations.ts";
import { createOrigins } from "./origin.ts";
import { type Door, type Edge, serve } from "./serve.ts";

export interface CloudFront extends Part, AwsService {
  /** Where a distribution listens on this machine, by its id: `http://127.0.0.1:port`. Stands for HTTPS at its name. */
  url(id: string): string;
  /** An address of a distribution by its name as one of its port, with the same path and query; others as they are. */
  onLoopback(address: string): string;
  /** For the front door: the distributions under their names. */
  readonly hosts: HostHandler[];
}
export interface CloudFrontOptions {
  credentials: CredentialStore;
  /** Ports by the distribution's logical name; whatever is not named is chosen by the system. */
  listen?: Record<string, number>;
}

export function createCloudFront(cloud: Cloud, options: CloudFrontOptions): CloudFront {
  const origins = createOrigins(cloud, options.credentials);
  const functions = readFunctions(cloud);
  const listeners = new Map<string, Listener>();
  const served = cloud.plan.distributions.filter(({ enabled }) => enabled);
  const edges = new Map<string, Edge>(
    served.map((distribution) => {
      const folder = cloud.state.folder("cloudfront", distribution.id);
      // What a run before left behind is nobody's.
      rmSync(folder, { recursive: true, force: true });
      const cache = createCache(cloud.state.folder("cloudfront", distribution.id));
      return [
        distribution.id,
        { cloud, distribution, cache, origins, functions, clock: cloud.clock, log: cloud.log },
      ];
    }),
  );
  const invalidations = createInvalidations(cloud, new Map([...edges].map(([id, { cache }]) => [id, cache])));

  function run(edge: Edge, door: Door, incoming: IncomingMessage, response: ServerResponse) {
    serve(edge, door, incoming, response).catch((error: unknown) => {
      cloud.log(`CloudFront: ${edge.distribution.name}: ${(error as Error).stack}`);
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
  }

  function url(id: string) {
    const listener = listeners.get(id);
    if (!listener) throw new Error(`no distribution ${id} is listening`);
    return `http://127.0.0.1:${listener.port}`;
  }

  return {
    ...invalidations,
    url,
    onLoopback(address) {
      const [, host = "", rest = ""] = /^https:\/\/([^/?#]+)(.*)$/is.exec(address) ?? [];
      const named = served.find((distribution) => patternOf(distribution).test(host));
      return named ? url(named.id) + rest : address;
    },
    hosts: served.map((distribution) => ({
      pattern: patternOf(distribution),
      names: [distribution.domainName, ...distribution.aliases],
      request(incoming, response) {
        const edge = edges.get(distribution.id);
        if (edge) run(edge, "name", incoming, response);
      },
    })),
    async start() {
      await Promise.all(
        [...edges.values()].map(async (edge) => {
          const { id, name } = edge.distribution;
          const listener = await listen(`distribution ${name}`, options.listen?.[name] ?? 0, {
            request: (incoming, response) => run(edge, "loopback", incoming, response),
          });
          listeners.set(id, listener);
        }),
      );
    },
    async stop() {
      await Promise.all([...listeners.values()].map((listener) => listener.stop()));
      listeners.clear();
      origins.stop();
      for (const { cache } of edges.values()) cache.clear();
    },
  };
}

/** Names of a distribution; `*.` of an alias stands for what is below. */
function patternOf({ domainName, aliases }: DistributionSpec): RegExp {
  const names = [domainName, ...aliases].map((name) =>
    name.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", "[^/]*"),
  );
  return new RegExp(`^(?:${names.join("|")})$`);
}

/** A function whose code cannot be read is named, and not run. */
function readFunctions(cloud: Cloud): Map<string, EdgeFunction> {
  const functions = new Map<string, EdgeFunction>();
  for (const { behaviours } of cloud.plan.distributions)
    for (const { functions: used } of behaviours)
      for (const spec of [used.viewerRequest, used.viewerResponse]) {
        if (!spec || functions.has(spec.arn)) continue;
        const log = (line: string) => cloud.log(`${spec.name}: ${line}`);
        try {
          functions.set(spec.arn, createEdgeFunction(spec, cloud.plan.keyValueStores, log));
        } catch (error) {
          cloud.log(`not run here: ${spec.name} (CloudFront Function): ${(error as Error).message}`);
        }
      }
  return functions;
}
