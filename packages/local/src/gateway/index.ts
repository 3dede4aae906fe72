/**
 * The API Gateway of a run: every HTTP and WebSocket API of the plan, each on a loopback listener of its own and under
 * its AWS host name and custom domains behind the front door, and the `@connections` API.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { AwsService, Cloud, CredentialStore, Part, Ports } from "../cloud/types.ts";
import { createAuthenticator, type HostHandler, hostOf } from "../front-door/index.ts";
import type { GatewaySpec } from "../plan/types.ts";
import { createHttpApi, type HttpApi } from "./http-api.ts";
import { type Listener, listen } from "./listener.ts";
import type { Door } from "./request.ts";
import { createWebSocketApi, refuseUpgrade, type WebSocketApi } from "./websocket/api.ts";
import { createManagement } from "./websocket/management.ts";

export interface GatewayOptions {
  /** Ports by the API's logical name; whatever is not named is chosen by the system. */
  listen?: Record<string, number>;
  /** Whose signatures IAM authorizers know. Absent: routes that ask for one refuse everybody. */
  credentials?: CredentialStore;
  /** Where the address of a redirect is to be found by a browser on this machine, which resolves no name of the run. */
  onLoopback?: (address: string) => string;
}
export interface Gateways extends Part, AwsService {
  /** Where an API listens on this machine: `http://127.0.0.1:port` or `ws://127.0.0.1:port`, with a named stage. */
  url(gatewayId: string): string;
  /** For the front door: the APIs under their own host names and custom domains. */
  readonly hosts: HostHandler[];
}
type Api = { gateway: GatewaySpec; http: HttpApi } | { gateway: GatewaySpec; websocket: WebSocketApi };

export function createGateways(cloud: Cloud, ports: Ports, options: GatewayOptions = {}): Gateways {
  const authenticate = options.credentials
    ? createAuthenticator(options.credentials, "execute-api", cloud.clock)
    : () => undefined;
  const apis = cloud.plan.gateways.map(
    (gateway): Api =>
      gateway.protocol === "HTTP"
        ? {
            gateway,
            http: createHttpApi(cloud, ports, gateway, { authenticate, onLoopback: options.onLoopback }),
          }
        : { gateway, websocket: createWebSocketApi(cloud, ports, gateway, authenticate) },
  );
  const websockets = apis.flatMap((api) => ("websocket" in api ? [api.websocket] : []));
  const management = createManagement(cloud, websockets);
  const listeners = new Map<string, Listener>();
  const customDomains = cloud.plan.gateways.flatMap((gateway) => gateway.customDomains);

  function request(api: Api | undefined, door: Door, incoming: IncomingMessage, response: ServerResponse) {
    if (api && "http" in api) {
      api.http.request(incoming, response, door).catch((error: unknown) => {
        cloud.log(`${api.gateway.name}: ${String(error)}`);
        response.destroy();
      });
      return;
    }
    // A WebSocket API answers upgrades and signed @connections calls only.
    response
      .writeHead(403, { "content-type": "application/json" })
      .end(JSON.stringify({ message: "Forbidden" }));
    incoming.resume();
  }
  function upgrade(
    api: Api | undefined,
    door: Door,
    incoming: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ) {
    if (api && "websocket" in api) void api.websocket.upgrade(incoming, socket, head, door);
    else refuseUpgrade(socket, api ? 400 : 403, { message: api ? "Bad Request" : "Forbidden" });
  }
  function find(incoming: IncomingMessage): { api: Api | undefined; door: Door } {
    const host = hostOf(incoming.headers.host);
    const api = apis.find(({ gateway }) => gateway.host === host);
    if (api) return { api, door: "execute-api" };
    return { api: apis.find(({ gateway }) => gateway.customDomains.includes(host)), door: "custom-domain" };
  }

  return {
    signingNames: ["execute-api"],
    async handle(call) {
      const host = hostOf(call.http.headers.host);
      const api = websockets.find(
        ({ gateway }) => gateway.host === host || gateway.customDomains.includes(host),
      );
      return management.handle(api, {
        method: call.http.method,
        path: call.http.path,
        stageNeeded: api?.gateway.host === host,
        body: call.http.rawBody,
        trace: call.trace,
        authorise: (action, resource) => call.authorise(action, resource),
      });
    },
    url(gatewayId) {
      const listener = listeners.get(gatewayId);
      const gateway = cloud.plan.gateways.find((one) => one.id === gatewayId);
      if (!listener || !gateway) throw new Error(`no API ${gatewayId} is listening`);
      const origin = `${gateway.protocol === "HTTP" ? "http" : "ws"}://127.0.0.1:${listener.port}`;
      return gateway.stage === "$default" ? origin : `${origin}/${gateway.stage}`;
    },
    hosts: [
      {
        pattern: hostPattern(customDomains),
        names: customDomains,
        request(incoming, response) {
          const { api, door } = find(incoming);
          request(api, door, incoming, response);
        },
        upgrade(incoming, socket, head) {
          const { api, door } = find(incoming);
          upgrade(api, door, incoming, socket, head);
        },
      },
    ],
    async start() {
      const unknown = Object.keys(options.listen ?? {}).filter(
        (name) => !cloud.plan.gateways.some((gateway) => gateway.name === name),
      );
      if (unknown.length > 0)
        throw new Error(
          `a port is asked for ${unknown.join(", ")}, but the APIs are: ${cloud.plan.gateways.map(({ name }) => name).join(", ")}`,
        );
      await Promise.all(
        apis.map(async (api) => {
          const { gateway } = api;
          const listener = await listen(`API ${gateway.name}`, options.listen?.[gateway.name] ?? 0, {
            request: (incoming, response) => request(api, "loopback", incoming, response),
            ...("websocket" in api && {
              upgrade: (incoming: IncomingMessage, socket: Duplex, head: Buffer) =>
                upgrade(api, "loopback", incoming, socket, head),
            }),
          });
          listeners.set(gateway.id, listener);
        }),
      );
    },
    async stop() {
      for (const websocket of websockets) websocket.stop();
      await Promise.all([...listeners.values()].map((listener) => listener.stop()));
      listeners.clear();
    },
  };
}

function hostPattern(customDomains: string[]): RegExp {
  const names = customDomains.map((name) => name.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(
    `^(?:[a-z0-9]+\\.execute-api\\.[a-z0-9-]+\\.amazonaws\\.com${names.map((name) => `|${name}`).join("")})$`,
    "i",
  );
}
