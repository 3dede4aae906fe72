/** The front door's two listeners: plain HTTP, and TLS with a certificate for whatever AWS name is asked for. */

import type { IncomingMessage } from "node:http";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createSecureContext, type SecureContext } from "node:tls";
import type { CertificateAuthority } from "../cloud/types.ts";

export interface Listeners {
  httpPort: number;
  httpsPort: number;
  close(): Promise<void>;
}
export interface ListenerHandlers {
  request: RequestListener;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** A client began with HTTP/2's preface; it is sent away. */
  http2(): void;
}

/** Names of one run are few; a client that asks for ever new ones must not fill the memory. */
const CONTEXT_LIMIT = 1000;

/** @throws Error when a port is taken, naming it. */
export async function openListeners(
  ca: CertificateAuthority,
  handlers: ListenerHandlers,
  ports: { http?: number | undefined; https?: number | undefined },
): Promise<Listeners> {
  const contexts = new Map<string, Promise<SecureContext>>();
  function contextFor(host: string): Promise<SecureContext> {
    const known = contexts.get(host);
    if (known) return known;
    const made = ca.issue([host]).then(({ key, cert }) => createSecureContext({ key, cert }));
    made.catch(() => contexts.delete(host));
    if (contexts.size >= CONTEXT_LIMIT) contexts.clear();
    contexts.set(host, made);
    return made;
  }
  // Clients that ask for no name connect to the address.
  const loopback = await ca.issue(["localhost", "127.0.0.1"]);
  const plain = createServer(handlers.request);
  const tls = createTlsServer(
    {
      key: loopback.key,
      cert: loopback.cert,
      ALPNProtocols: ["http/1.1"],
      SNICallback: (name, done) => {
        contextFor(name.toLowerCase()).then(
          (context) => done(null, context),
          (error: Error) => done(error),
        );
      },
    },
    handlers.request,
  );

  const sockets = new Set<Socket>();
  for (const server of [plain, tls]) {
    server.on("upgrade", handlers.upgrade);
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      if (error.code === "HPE_PAUSED_H2_UPGRADE") handlers.http2();
      if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
      else socket.destroy();
    });
    // SDKs keep connections for reuse; one that closes under them costs a retry. Uploads may take their time.
    server.keepAliveTimeout = 120_000;
    server.requestTimeout = 0;
  }
  tls.on("tlsClientError", () => undefined);

  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all([plain, tls].map((server) => new Promise<void>((done) => server.close(() => done()))));
  };
  try {
    return {
      httpPort: await listen(plain, ports.http, "HTTP"),
      httpsPort: await listen(tls, ports.https, "TLS"),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function listen(server: Server, port: number | undefined, what: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "EADDRINUSE"
          ? new Error(
              `the ${what} port ${port} of the AWS front door is taken; stop what listens there or name another`,
            )
          : error,
      ),
    );
    server.listen(port ?? 0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
