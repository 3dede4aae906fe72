import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { createAddresses } from "../../src/cloud/addresses.ts";
import { createClock } from "../../src/cloud/clock.ts";
import { createFaults } from "../../src/cloud/faults.ts";
import { createObserver } from "../../src/cloud/observer.ts";
import { openState } from "../../src/cloud/state.ts";
import type { Cloud, Ports } from "../../src/cloud/types.ts";
import type { CacheSpec, Plan } from "../../src/plan/types.ts";
import { createRedis } from "../../src/redis/index.ts";
import { findServer } from "../../src/redis/server.ts";
import { openCertificateAuthority } from "../../src/tls/ca.ts";

export type EngineName = "embedded" | "server";

/**
 * The engines that every test of the contract runs on. In CI the real one is demanded: without it the suite fails
 * rather than proving less than it says.
 */
export function engines(): EngineName[] {
  if (findServer()) return ["embedded", "server"];
  if (process.env.CI) return ["embedded", "server"]; // the server's tests fail, saying what to install
  process.stderr.write(
    "no redis-server or valkey-server on the PATH: the contract runs on the embedded one only\n",
  );
  return ["embedded"];
}

export const host = "master.shop.abc123.cac1.cache.amazonaws.com";
export const authToken = 'a-token-of-"32"-characters\\or-more';
export const cache: CacheSpec = {
  id: "shop",
  arn: "arn:aws:elasticache:ca-central-1:123456789012:replicationgroup:shop",
  region: "ca-central-1",
  hosts: [host],
  port: 6379,
  authToken,
  transitEncryption: true,
  clusterMode: false,
};

/** @param kept State folder that outlives this run; else one is made and removed. */
export async function startRedis(engine: EngineName, changes: Partial<CacheSpec> = {}, kept?: string) {
  const root = kept ?? mkdtempSync(join(tmpdir(), "redis-test-"));
  const remove = () => kept ?? rmSync(root, { recursive: true, force: true });
  const state = openState(root);
  const clock = createClock();
  const lines: string[] = [];
  const cloud = {
    plan: { caches: [{ ...cache, ...changes }] } as unknown as Plan,
    clock,
    faults: createFaults(),
    observer: createObserver(clock),
    authoriser: { authorise() {} },
    state,
    addresses: createAddresses(),
    ca: await openCertificateAuthority(state),
    log: (line: string) => lines.push(line),
  } satisfies Cloud;
  const redis = createRedis(cloud, {} as Ports, { engine });
  try {
    await redis.start();
  } catch (error) {
    clock.stop();
    remove();
    throw error;
  }
  const open: RawClient[] = [];
  return {
    root,
    cloud,
    redis,
    lines,
    /** Logged in. */
    async raw(token: string | undefined = authToken) {
      const client = await RawClient.connect(redis.port("shop"), cloud.ca.pem);
      open.push(client);
      if (token !== undefined) await client.send("AUTH", token);
      return client;
    },
    tls: { ca: cloud.ca.pem, servername: host },
    async stop() {
      for (const client of open) client.socket.destroy();
      await redis.stop();
      clock.stop();
      remove();
    },
  };
}

/** Says commands and shows the bytes of their answers, line ends as `|`. */
export class RawClient {
  readonly socket: TLSSocket;
  #received = "";
  #wake = () => {};

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received += chunk.toString("latin1");
      this.#wake();
    });
    socket.on("close", () => this.#wake());
    socket.on("error", () => {});
  }
  static async connect(port: number, ca: string): Promise<RawClient> {
    const socket = connect({ host: "127.0.0.1", port, ca, servername: host });
    await once(socket, "secureConnect");
    return new RawClient(socket);
  }
  write(...words: (string | Buffer)[]): void {
    const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`)];
    for (const word of words) {
      const bytes = Buffer.from(word);
      parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n"));
    }
    this.socket.write(Buffer.concat(parts));
  }
  /** The next whole answer. Rejects when the connection ends before. */
  async reply(): Promise<string> {
    for (;;) {
      const end = endOfReply(this.#received, 0);
      if (end >= 0) {
        const text = this.#received.slice(0, end);
        this.#received = this.#received.slice(end);
        return text.replace(/\r\n$/, "").replaceAll("\r\n", "|");
      }
      if (this.socket.closed) throw new Error(`closed after ${JSON.stringify(this.#received)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
  send(...words: (string | Buffer)[]): Promise<string> {
    this.write(...words);
    return this.reply();
  }
}

/** @returns -1 when it has not come whole. */
function endOfReply(text: string, from: number): number {
  const line = text.indexOf("\r\n", from);
  if (line < 0) return -1;
  const sign = text[from];
  const length = Number(text.slice(from + 1, line));
  if (sign === "$") return length < 0 ? line + 2 : text.length >= line + length + 4 ? line + length + 4 : -1;
  if (sign === undefined || !"*~>%".includes(sign)) return line + 2;
  let at = line + 2;
  for (let left = sign === "%" ? length * 2 : length; left > 0 && at >= 0; left--) at = endOfReply(text, at);
  return at;
}
