/**
 * The front door: what `AWS_ENDPOINT_URL` of every function, and every AWS host name in it, leads to. It speaks AWS's
 * protocols, checks signatures, and hands each call to the service it is for.
 *
 * Cost, measured with small signed SQS calls over 32 kept connections (Node 22): 200 µs of CPU a call, of which Node's
 * HTTP server takes 80: 5,000 calls a second on one core.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { AwsService, Cloud, CredentialStore, Part } from "../cloud/types.ts";
import { createAwsHandler } from "./aws.ts";
import { type Listeners, openListeners } from "./listener.ts";

export { createAuthenticator } from "./authenticate.ts";
export { createCredentialStore } from "./credentials.ts";

/** What answers under host names of its own, such as an API or a hosted sign-in page. */
export interface HostHandler {
  /** Matched against the host without port, in lower case. */
  pattern: RegExp;
  /** Names outside AWS's domains that lead here, such as an app's own. */
  names?: readonly string[];
  /** Whether it takes the request; absent: every one. What nobody takes is an AWS call. */
  accepts?(request: IncomingMessage): boolean;
  request(request: IncomingMessage, response: ServerResponse): void | Promise<void>;
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}
export interface FrontDoorOptions {
  credentials: CredentialStore;
  services: AwsService[];
  /** Ports to listen on; what is not named is chosen by the system. */
  ports?: { http?: number | undefined; https?: number | undefined };
}
export interface FrontDoor extends Part {
  /** Known once it has started. */
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Handlers for host names, asked in the order they were added, before AWS's protocols. */
  addHost(handlers: HostHandler | readonly HostHandler[]): void;
}

export function createFrontDoor(cloud: Cloud, options: FrontDoorOptions): FrontDoor {
  const hosts: HostHandler[] = [];
  const aws = createAwsHandler(cloud, options.credentials, options.services);
  let listeners: Listeners | undefined;
  const running = () => {
    if (!listeners) throw new Error("the front door has not started");
    return listeners;
  };

  async function request(incoming: IncomingMessage, response: ServerResponse) {
    // Node would write the machine's time. SDKs take theirs from here when it is another than their own.
    if (cloud.clock.offset !== 0) response.setHeader("date", new Date(cloud.clock.now()).toUTCString());
    try {
      const handler = isManagementCall(incoming) ? undefined : hostHandler(hosts, incoming);
      await (handler ? handler.request(incoming, response) : aws(incoming, response));
    } catch (error) {
      cloud.log(`front door: ${(error as Error).stack}`);
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    }
  }

  return {
    get httpPort() {
      return running().httpPort;
    },
    get httpsPort() {
      return running().httpsPort;
    },
    addHost(handlers) {
      hosts.push(...(Array.isArray(handlers) ? handlers : [handlers]));
    },
    async start() {
      listeners = await openListeners(
        cloud.ca,
        {
          request: (incoming, response) => void request(incoming, response),
          upgrade(incoming, socket, head) {
            socket.on("error", () => undefined);
            const handler = hostHandler(hosts, incoming);
            if (handler?.upgrade) handler.upgrade(incoming, socket, head);
            else socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
          },
          http2: () =>
            cloud.log(
              "a client speaks HTTP/2, as Kinesis' SDK does, and is refused: HTTP/1.1 only is spoken here",
            ),
        },
        options.ports ?? {},
      );
      const { httpPort, httpsPort } = listeners;
      const own = hosts.flatMap(({ names }) => names ?? []);
      for (const domain of ["*.amazonaws.com", "*.api.aws", "*.on.aws", "*.amazoncognito.com", ...own]) {
        cloud.addresses.add(domain, 443, { port: httpsPort });
        cloud.addresses.add(domain, 80, { port: httpPort });
      }
    },
    async stop() {
      await listeners?.close();
      listeners = undefined;
    },
  };
}

function hostHandler(hosts: readonly HostHandler[], request: IncomingMessage): HostHandler | undefined {
  const host = hostOf(request.headers.host);
  return hosts.find(({ pattern, accepts }) => pattern.test(host) && (accepts?.(request) ?? true));
}

/** `@connections` shares its host with the API, and is an AWS call all the same. */
function isManagementCall({ url, headers }: IncomingMessage): boolean {
  return (
    headers.authorization?.startsWith("AWS4-") === true &&
    /\/(@|%40)connections\//i.test(url?.split("?")[0] ?? "")
  );
}

export function hostOf(header: string | undefined): string {
  return (header ?? "").toLowerCase().replace(/:\d+$/, "");
}
