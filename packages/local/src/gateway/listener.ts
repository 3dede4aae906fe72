/** A loopback HTTP listener that can be stopped at once. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

export interface Listener {
  readonly port: number;
  stop(): Promise<void>;
}
export interface ListenerHandlers {
  request(incoming: IncomingMessage, response: ServerResponse): void;
  /** Absent: an Upgrade header is ignored, as RFC 9110 section 7.8 allows. */
  upgrade?: (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** @param name For the error when the port is taken. */
export async function listen(name: string, port: number, handlers: ListenerHandlers): Promise<Listener> {
  // Larger than API Gateway's limit, so that the gateway and not Node answers what breaks it.
  const server = createServer({ maxHeaderSize: 65_536, keepAliveTimeout: 65_000 }, handlers.request);
  if (handlers.upgrade) server.on("upgrade", handlers.upgrade);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "EADDRINUSE"
          ? new Error(`port ${port} for ${name} is taken: choose another one or stop what uses it`)
          : error,
      ),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
