/** SES's SMTP endpoint of one region: what is said on the wire, before and after the message. */
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { SMTPServer, type SMTPServerSession } from "smtp-server";
import { Rejected } from "./actions.ts";

/** "40 MB, including headers": https://docs.aws.amazon.com/ses/latest/dg/quotas.html */
export const LARGEST_MESSAGE = 40 * 1024 * 1024;
const MOST_RECIPIENTS = 500;

export interface Transaction {
  source: string;
  recipients: string[];
  helo: string;
  remoteAddress: string;
}
export interface EndpointOptions {
  region: string;
  tls: { key: string; cert: string };
  port?: number | undefined;
  /** @throws Rejected when nobody takes mail for the address. */
  checkRecipient(address: string, secure: boolean): void;
  /** @returns the message's id. @throws Rejected, or anything else for "try again later". */
  receive(transaction: Transaction, data: Readable): Promise<string>;
  log(message: string): void;
}
export interface Endpoint {
  port: number;
  /** Refuses what is new, lets what is being stored finish, and closes. */
  close(): Promise<void>;
}

export async function openEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const busy = new Set<Promise<unknown>>();
  const server = new SMTPServer({
    name: `inbound-smtp.${options.region}.amazonaws.com`,
    ...options.tls,
    minVersion: "TLSv1.2",
    size: LARGEST_MESSAGE,
    rejectOversized: true,
    maxRecipients: MOST_RECIPIENTS,
    authOptional: true,
    // The last three are jokes of the library's; SES knows none of them.
    disabledCommands: ["AUTH", "XCLIENT", "XFORWARD", "WIZ", "SHELL", "KILL"],
    hideDSN: true,
    hideREQUIRETLS: true,
    hideENHANCEDSTATUSCODES: true,
    // Names are not looked up: nothing here may leave the machine.
    disableReverseLookup: true,
    onRcptTo({ address }, session, callback) {
      try {
        options.checkRecipient(address, session.secure);
        callback();
      } catch (error) {
        callback(error as Error);
      }
    },
    onData(stream, session, callback) {
      const done = options.receive(transactionOf(session), stream).then(
        (messageId) => callback(null, `OK ${messageId}`),
        (error: Error) => {
          if (error instanceof Rejected) return callback(error);
          options.log(`smtp: a message to ${options.region} was not taken: ${error.message}`);
          callback(new Rejected(451, "4.3.0 The message could not be stored, try again later"));
        },
      );
      busy.add(done);
      void done.finally(() => busy.delete(done));
    },
  });
  // Broken connections and failed handshakes: the client's affair, and none of them ends the server.
  server.on("error", () => {});
  // Ended by ourselves: the library waits a fixed time for clients, whether one is being served or not.
  const sockets = new Set<Socket>();
  server.server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", () => {
      const address = server.server.address();
      if (address && typeof address === "object") resolve(address.port);
    });
  });
  return {
    port,
    async close() {
      const closed = new Promise<void>((resolve) => server.server.close(() => resolve()));
      await Promise.allSettled(busy);
      for (const socket of sockets) socket.destroySoon();
      await closed;
    },
  };
}

function transactionOf(session: SMTPServerSession): Transaction {
  const { mailFrom, rcptTo } = session.envelope;
  return {
    source: mailFrom ? mailFrom.address : "",
    recipients: rcptTo.map(({ address }) => address),
    helo: session.hostNameAppearsAs || "unknown",
    remoteAddress: session.remoteAddress,
  };
}
