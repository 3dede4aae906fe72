/**
 * What clients of RDS meet: TLS negotiated in Postgres' own way, a certificate for the AWS host name, a decision who
 * may log in. Behind it bytes are piped both ways unread.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import {
  authentication,
  CANCEL_REQUEST,
  Closed,
  fatal,
  GSSENC_REQUEST,
  LONGEST_STARTUP,
  parseStartup,
  Refusal,
  readExactly,
  readMessage,
  SSL_REQUEST,
  type Startup,
} from "./protocol.ts";
import { logIn } from "./scram.ts";

/** How the login goes on after the front's own part. */
export type Admission =
  /** Postgres asks the client for its password itself. */
  | { by: "postgres" }
  /** The front has checked; Postgres trusts its socket. */
  | { by: "front" }
  /** The front logs in with a password that the client does not have. */
  | { by: "secret"; password: string };

export interface Attempt {
  user: string;
  database: string;
  parameters: Map<string, string>;
  /** Whether the client is on TLS. */
  secure: boolean;
  /** Asks for a password in clear text, as RDS does for IAM tokens. */
  askPassword(): Promise<string>;
}

export interface FrontOptions {
  /** Decides who may log in. @throws Refusal, told to the client. */
  admit(attempt: Attempt): Promise<Admission>;
  tls: { key: string; cert: string };
  /** Postgres' Unix socket. */
  socketPath: string;
  /** Port of 127.0.0.1; the system chooses one by default. */
  port?: number | undefined;
  /** Failures that are not the client's. */
  log(message: string): void;
}
export interface Front {
  port: number;
  close(): Promise<void>;
}

/** Postgres' authentication_timeout. */
const LOGIN_TIMEOUT_MS = 60_000;
/** RDS tokens have 1 to 3 kB, depending on the session token. */
const LONGEST_PASSWORD = 32 * 1024;

export async function openFront(options: FrontOptions): Promise<Front> {
  const open = new Set<Duplex>();
  const secure = createTlsServer({
    ...options.tls,
    minVersion: "TLSv1.2",
    ALPNProtocols: ["postgresql"],
    handshakeTimeout: LOGIN_TIMEOUT_MS,
  });
  secure.on("secureConnection", (socket) => void attend(socket, true));
  secure.on("tlsClientError", (_error, socket) => socket.destroy());
  const plain = createServer((socket) => void attend(socket, false));

  /** Everything until the pipe stands. Whatever goes wrong ends this connection and nothing else. */
  async function attend(socket: Socket, isSecure: boolean) {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => {}); // `close` follows
    const deadline = setTimeout(() => socket.destroy(), LOGIN_TIMEOUT_MS);
    socket.once("close", () => clearTimeout(deadline));
    socket.setNoDelay(true);
    try {
      const startup = await negotiate(socket, isSecure);
      if (startup) await serve(socket, startup, isSecure);
    } catch (error) {
      if (error instanceof Refusal) socket.end(fatal(error));
      else {
        if (!(error instanceof Closed)) options.log(`postgres: ${(error as Error).message}`);
        socket.destroy();
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  /** @returns the startup packet, or undefined when the connection has found another use. */
  async function negotiate(socket: Socket, isSecure: boolean): Promise<Startup | undefined> {
    for (;;) {
      const first = await readExactly(socket, 1);
      if (first[0] === 0x16 && !isSecure) {
        // A TLS record: direct negotiation (sslnegotiation=direct of libpq 17).
        socket.unshift(first);
        secure.emit("connection", socket);
        return undefined;
      }
      const header = Buffer.concat([first, await readExactly(socket, 7)]);
      const length = header.readUInt32BE(0);
      const code = header.readUInt32BE(4);
      if (length < 8 || length > LONGEST_STARTUP) throw new Closed();
      if (code === CANCEL_REQUEST) {
        forwardCancel(socket, Buffer.concat([header, await readExactly(socket, length - 8)]));
        return undefined;
      }
      if (code === SSL_REQUEST && length === 8 && !isSecure) {
        // Bytes sent along unencrypted could be an attacker's, put in front of the session (CVE-2021-23214).
        if (socket.readableLength > 0)
          throw new Refusal("08P01", "received unencrypted data after SSL request");
        socket.write("S");
        secure.emit("connection", socket);
        return undefined;
      }
      if (code === GSSENC_REQUEST && length === 8) {
        socket.write("N");
        continue;
      }
      return parseStartup(Buffer.concat([header, await readExactly(socket, length - 8)]));
    }
  }

  async function serve(client: Socket, startup: Startup, isSecure: boolean) {
    const admission = await options.admit({
      user: startup.user,
      database: startup.database,
      parameters: startup.parameters,
      secure: isSecure,
      async askPassword() {
        client.write(authentication(3));
        const { type, body } = await readMessage(client, LONGEST_PASSWORD);
        if (type !== "p" || body.at(-1) !== 0) throw new Refusal("08P01", "expected password response");
        return body.toString("utf8", 0, body.length - 1);
      },
    });
    const server = connect(options.socketPath);
    open.add(server);
    server.on("close", () => open.delete(server));
    server.on("error", () => client.destroy());
    client.once("close", () => server.destroy());
    server.write(startup.packet);
    if (admission.by === "secret") {
      await logIn(server, admission.password);
      client.write(authentication(0));
    } else if (admission.by === "postgres") {
      const header = await readExactly(server, 9);
      // Postgres' own rules would let this user in without a password: they and ours disagree.
      if (header.toString("latin1", 0, 1) === "R" && header.readUInt32BE(5) === 0)
        throw new Refusal("28000", `PAM authentication failed for user "${startup.user}"`);
      server.unshift(header);
    }
    client.pipe(server);
    server.pipe(client);
  }

  /** The key in the packet is Postgres' own, handed through at login: the server finds the session by it. */
  function forwardCancel(client: Socket, packet: Buffer) {
    const server = connect(options.socketPath, () => server.end(packet));
    server.on("error", () => {});
    // Postgres closes when it has signalled; clients wait for that.
    server.on("close", () => client.destroy());
    server.resume();
  }

  const port = await listen(plain, options.port ?? 0);
  return {
    port,
    async close() {
      const closed = new Promise<void>((resolve) => plain.close(() => resolve()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return reject(new Error("no port"));
      resolve(address.port);
    });
  });
}
