import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPostgres, writer } from "./support.ts";

let rds: Awaited<ReturnType<typeof startPostgres>>;
beforeAll(async () => {
  rds = await startPostgres();
});
afterAll(() => rds.stop());

const packet = (code: number, rest = Buffer.alloc(0), length = 8 + rest.length) => {
  const header = Buffer.alloc(8);
  header.writeInt32BE(length, 0);
  header.writeInt32BE(code, 4);
  return Buffer.concat([header, rest]);
};
const ssl = packet(80877103);
const startup = (text: string) => packet(3 << 16, Buffer.from(text));

/** What the front answers until it closes. */
async function talk(...chunks: Buffer[]): Promise<string> {
  const socket = connect(rds.postgres.port("shop"), "127.0.0.1");
  return collect(socket, chunks);
}
async function talkTls(...chunks: Buffer[]): Promise<string> {
  const raw = connect(rds.postgres.port("shop"), "127.0.0.1");
  raw.write(ssl);
  await once(raw, "readable");
  expect(raw.read(1)?.toString()).toBe("S");
  const socket = connectTls({ socket: raw, ca: rds.cloud.ca.pem, servername: writer });
  return collect(socket, chunks);
}
async function collect(socket: import("node:stream").Duplex, chunks: Buffer[]) {
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  for (const chunk of chunks) socket.write(chunk);
  await once(socket, "close");
  return answer;
}

describe("bytes that no client should send", () => {
  test.each([
    ["an empty length", Buffer.alloc(8)],
    ["a negative length", packet(3 << 16, Buffer.alloc(0), -1)],
    ["a length of a gigabyte", packet(3 << 16, Buffer.alloc(0), 2 ** 30)],
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["a TLS record that is none", Buffer.concat([Buffer.from([0x16, 3, 1, 2, 0]), Buffer.alloc(512, 7)])],
    ["a cancel request for nobody", packet(80877102, Buffer.alloc(8))],
  ])("%s ends the connection", async (_name, bytes) => {
    expect(await talk(bytes)).not.toContain("S");
  });

  test.each([
    ["without a user", startup("database\0shop\0\0"), "28000"],
    ["that does not end", startup("user\0app"), "08P01"],
    ["with bytes behind its end", startup("user\0app\0\0more"), "08P01"],
    ["of protocol 2", packet(2 << 16, Buffer.alloc(288)), "0A000"],
  ])("a startup packet %s is refused as Postgres does", async (_name, bytes, code) => {
    expect(await talkTls(bytes)).toContain(`C${code}\0`);
  });

  test("plaintext slipped in behind the TLS request is refused", async () => {
    expect(await talk(Buffer.concat([ssl, startup("user\0app\0\0")]))).toContain("C08P01\0");
  });

  test("GSS encryption is declined, TLS may follow, and only once", async () => {
    expect(await talk(packet(80877104), startup("user\0app\0\0"))).toMatch(/^NE/);
    expect(await talkTls(ssl)).toContain("C0A000\0");
  });

  test("a password message that is none, or huge, is refused", async () => {
    await rds.admin("create role token_user login in role rds_iam");
    const hello = startup("user\0token_user\0database\0shop\0\0");
    const query = Buffer.concat([Buffer.from("Q"), Buffer.from([0, 0, 0, 13]), Buffer.from("select 1\0")]);
    expect(await talkTls(hello, query)).toContain("C08P01\0");
    expect(await talkTls(hello, Buffer.from([0x70, 0x7f, 0xff, 0xff, 0xff]))).toContain("C08P01\0");
  });

  test("direct TLS, without the request before it, is understood", async () => {
    const socket = connectTls({
      host: "127.0.0.1",
      port: rds.postgres.port("shop"),
      ca: rds.cloud.ca.pem,
      servername: writer,
      ALPNProtocols: ["postgresql"],
    });
    expect(await collect(socket, [startup("user\0rdsadmin\0\0")])).toContain("pg_hba.conf rejects");
    expect(socket.alpnProtocol).toBe("postgresql");
  });

  test("connections cut at any byte of a login leave the server well", async () => {
    const whole = Buffer.concat([ssl, Buffer.from([0x16, 3, 1])]);
    for (let length = 0; length <= whole.length; length++) {
      const socket = connect(rds.postgres.port("shop"), "127.0.0.1");
      socket.on("error", () => {});
      await once(socket, "connect");
      socket.write(whole.subarray(0, length), () => socket.resetAndDestroy());
      await once(socket, "close");
    }
    const master = await rds.connect("master", "m4ster'\\pass");
    expect((await master.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });
});
