/**
 * Cognito user pools: users, groups and tokens of the plan's pools, their API, hosted UI and keys
 * (https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools.html).
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { AwsService, Cloud, CognitoPort, Part, Ports } from "../cloud/types.ts";
import { type HostHandler, hostOf } from "../front-door/index.ts";
import { discovery, openApi, type PoolEndpoint } from "./endpoint.ts";
import { createHostedUi } from "./hosted/index.ts";
import { perform } from "./operations.ts";
import { openPool } from "./pool.ts";
import { signIn } from "./sign-in.ts";
import { newUser } from "./store.ts";

export interface CognitoOptions {
  /** Ports by the pool's name; whatever is not named is chosen by the system. */
  listen?: Record<string, number>;
}
export interface TokenOrder {
  /** Name or id of the pool. */
  pool: string;
  /** Name or id of one of its clients. */
  client: string;
  /** Made if it is missing; an email address becomes the user's verified address. */
  username: string;
  /** The user's groups from now on. Absent: left as they are. */
  groups?: string[];
}
export interface DeveloperTokens {
  idToken: string;
  accessToken: string;
  refreshToken: string;
  /** Seconds. */
  expiresIn: number;
}
export interface Cognito extends Part, AwsService, CognitoPort {
  /** Origin of the pool's own listener, `http://127.0.0.1:port`: hosted UI, discovery and open operations. */
  url(poolId: string): string;
  /**
   * Signs a user in without a password; triggers run as at any sign-in. For the developer at this machine: nothing on
   * the network leads here. Throws Error naming the pool, client or group that does not exist.
   */
  issueToken(order: TokenOrder): Promise<DeveloperTokens>;
  /** For the front door: discovery and keys under the issuer, and the hosted UI under its domain. */
  readonly hosts: HostHandler[];
}
export function createCognito(cloud: Cloud, ports: Ports, options: CognitoOptions = {}): Cognito {
  const endpoints: PoolEndpoint[] = [];
  const servers = new Map<string, Server>();
  const customDomains = cloud.plan.userPools.flatMap(({ domain }) => (domain?.includes(".") ? [domain] : []));
  const pools = () => endpoints.map(({ pool }) => pool);

  function answer(response: ServerResponse, work: () => Promise<void>) {
    work().catch((error: unknown) => {
      cloud.log(`Cognito: ${error instanceof Error ? error.message : String(error)}`);
      if (!response.headersSent) response.writeHead(400, { connection: "close" });
      response.end();
    });
  }
  const pathOf = (incoming: IncomingMessage) => (incoming.url ?? "/").split("?", 1)[0] ?? "/";
  const hostedHost = ({ pool }: PoolEndpoint) => {
    const { domain, region } = pool.spec;
    return domain?.includes(".") ? domain : `${domain}.auth.${region}.amazoncognito.com`;
  };

  /** A pool's own listener: everything of that pool on one origin. */
  async function local(endpoint: PoolEndpoint, incoming: IncomingMessage, response: ServerResponse) {
    const origin = `http://${incoming.headers.host ?? "127.0.0.1"}`;
    const path = pathOf(incoming);
    if (discovery(endpoint.pool, path, origin, response)) return;
    if (path === "/" && incoming.method !== "GET") return openApi([endpoint.pool], incoming, response);
    if (await endpoint.hosted.handle(incoming, response)) return;
    response.writeHead(404).end();
  }

  return {
    signingNames: ["cognito-idp"],
    async handle(call) {
      const authorise = (action: string, resource: string) => call.authorise(action, resource);
      return { body: await perform(pools(), call.operation, call.input, authorise) };
    },
    jwks: (issuer) => endpoints.find(({ pool }) => pool.spec.issuer === issuer)?.pool.tokens.jwks,
    url(poolId) {
      const address = servers.get(poolId)?.address() as AddressInfo | null | undefined;
      if (!address) throw new Error(`no user pool ${poolId} is running`);
      return `http://127.0.0.1:${address.port}`;
    },
    async issueToken(order) {
      const pool = pools().find(({ spec }) => spec.id === order.pool || spec.name === order.pool);
      if (!pool)
        throw unknown(
          "user pool",
          order.pool,
          pools().map(({ spec }) => spec.name),
        );
      const { spec, store } = pool;
      const client = spec.clients.find((one) => one.id === order.client || one.name === order.client);
      if (!client)
        throw unknown(
          "client",
          order.client,
          spec.clients.map(({ name }) => name),
        );
      const missing = order.groups?.find((group) => !store.group(group));
      if (missing !== undefined)
        throw unknown(
          "group",
          missing,
          store.groups().map(({ name }) => name),
        );
      let user = store.find(order.username);
      if (!user) {
        user = newUser(spec, order.username, "CONFIRMED", cloud.clock.now());
        if (order.username.includes("@"))
          Object.assign(user.attributes, { email: order.username, email_verified: "true" });
        store.add(user);
      }
      if (order.groups) {
        user.groups = [...order.groups];
        store.touch(user);
      }
      return signIn(pool, user, client, "TokenGeneration_Authentication");
    },
    hosts: [
      {
        pattern: /^cognito-idp\.[a-z0-9-]+\.amazonaws\.com$/i,
        // The API is under the same name: its calls are signed, or name their target.
        accepts: (incoming) => incoming.method === "GET" || incoming.method === "HEAD",
        request(incoming, response) {
          const path = pathOf(incoming);
          const found = endpoints.some((endpoint) =>
            discovery(endpoint.pool, path, `https://${hostedHost(endpoint)}`, response),
          );
          if (!found) response.writeHead(404).end();
        },
      },
      {
        pattern: hostedPattern(customDomains),
        names: customDomains,
        request(incoming, response) {
          const host = hostOf(incoming.headers.host);
          const endpoint = endpoints.find((one) => hostedHost(one).toLowerCase() === host);
          answer(response, async () => {
            if (!endpoint || !(await endpoint.hosted.handle(incoming, response)))
              response.writeHead(404).end();
          });
        },
      },
    ],
    async start() {
      endpoints.push(
        ...(await Promise.all(
          cloud.plan.userPools.map(async (spec) => {
            const pool = await openPool(cloud, ports, spec);
            return { pool, hosted: createHostedUi(pool) };
          }),
        )),
      );
      await Promise.all(
        endpoints.map(async (endpoint) => {
          const { spec } = endpoint.pool;
          const server = createServer((incoming, response) =>
            answer(response, () => local(endpoint, incoming, response)),
          );
          servers.set(spec.id, server);
          await new Promise<void>((resolve, reject) => {
            server.once("error", (error) => reject(new Error(`user pool ${spec.name}: ${error.message}`)));
            server.listen(options.listen?.[spec.name] ?? 0, "127.0.0.1", resolve);
          });
        }),
      );
    },
    async stop() {
      await Promise.all(
        [...servers.values()].map(
          (server) =>
            new Promise<void>((resolve) => {
              server.close(() => resolve());
              server.closeAllConnections();
            }),
        ),
      );
      servers.clear();
      endpoints.length = 0;
    },
  };
}

function unknown(what: string, name: string, known: string[]): Error {
  return new Error(`there is no ${what} "${name}"; there are: ${known.join(", ") || "none"}`);
}
function hostedPattern(customDomains: string[]): RegExp {
  const custom = customDomains.map((domain) => `|${domain.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`);
  return new RegExp(`^(?:[a-z0-9-]+\\.auth\\.[a-z0-9-]+\\.amazoncognito\\.com${custom.join("")})$`, "i");
}
