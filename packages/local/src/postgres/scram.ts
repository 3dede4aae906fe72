/** SCRAM-SHA-256 (RFC 5802, RFC 7677) as a client, over Postgres' SASL messages: how a proxy logs in for its client. */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import type { Duplex } from "node:stream";
import { promisify } from "node:util";
import { message, Refusal, readMessage } from "./protocol.ts";

const MECHANISM = "SCRAM-SHA-256";
const hmac = (key: Buffer, text: string) => createHmac("sha256", key).update(text).digest();
const hash = (data: Buffer) => createHash("sha256").update(data).digest();
const derive = promisify(pbkdf2);

/**
 * Answers the server's AuthenticationSASL until AuthenticationOk has been read.
 * @throws Refusal with the server's own words when it refuses.
 */
export async function logIn(server: Duplex, password: string): Promise<void> {
  const offer = await authenticationMessage(server);
  if (offer.kind === 0) throw new Error("Postgres asked for no password where it should");
  if (offer.kind !== 10 || !offer.body.toString("latin1").split("\0").includes(MECHANISM))
    throw new Error(`Postgres asks for authentication ${offer.kind}, only ${MECHANISM} is understood`);

  const nonce = randomBytes(18).toString("base64");
  // No user name: Postgres takes the startup packet's.
  const clientFirst = `n=,r=${nonce}`;
  const initial = Buffer.from(`n,,${clientFirst}`);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(initial.length);
  server.write(message("p", `${MECHANISM}\0`, length, initial));

  const serverFirst = (await expectAuthentication(server, 11)).toString();
  const { r: combined, s: salt, i: iterations } = attributes(serverFirst);
  if (!combined?.startsWith(nonce) || !salt || !iterations) throw new Error("malformed SCRAM challenge");
  const salted = await derive(
    password.normalize("NFKC"),
    Buffer.from(salt, "base64"),
    Number(iterations),
    32,
    "sha256",
  );
  const clientKey = hmac(salted, "Client Key");
  const withoutProof = `c=biws,r=${combined}`;
  const exchange = `${clientFirst},${serverFirst},${withoutProof}`;
  const signature = hmac(hash(clientKey), exchange);
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
  server.write(message("p", `${withoutProof},p=${proof.toString("base64")}`));

  const verifier = attributes((await expectAuthentication(server, 12)).toString()).v ?? "";
  const expected = hmac(hmac(salted, "Server Key"), exchange);
  const given = Buffer.from(verifier, "base64");
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new Error("Postgres does not know the password it accepted");
  await expectAuthentication(server, 0);
}

/** Whether a stored verifier (`pg_authid.rolpassword`) is this password's. */
export async function matchesVerifier(verifier: string, password: string): Promise<boolean> {
  const [, iterations, salt, stored] = /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):/.exec(verifier) ?? [];
  if (!iterations || !salt || !stored) return false;
  const salted = await derive(
    password.normalize("NFKC"),
    Buffer.from(salt, "base64"),
    Number(iterations),
    32,
    "sha256",
  );
  return hash(hmac(salted, "Client Key")).toString("base64") === stored;
}

async function expectAuthentication(server: Duplex, kind: number) {
  const answer = await authenticationMessage(server);
  if (answer.kind !== kind) throw new Error(`Postgres sent authentication ${answer.kind} instead of ${kind}`);
  return answer.body;
}

async function authenticationMessage(server: Duplex) {
  for (;;) {
    const { type, body } = await readMessage(server, 64 * 1024);
    if (type === "R") return { kind: body.readUInt32BE(0), body: body.subarray(4) };
    if (type === "E") throw refusalOf(body);
    // NegotiateProtocolVersion may come before; nothing else does.
    if (type !== "v") throw new Error(`Postgres sent ${JSON.stringify(type)} while a login was under way`);
  }
}

/** ErrorResponse as it was said. */
export function refusalOf(body: Buffer): Refusal {
  const fields = new Map(
    body
      .toString("utf8")
      .split("\0")
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  );
  return new Refusal(fields.get("C") ?? "XX000", fields.get("M") ?? "unknown error");
}

function attributes(text: string): Record<string, string> {
  return Object.fromEntries(text.split(",").map((pair) => [pair.slice(0, 1), pair.slice(2)]));
}
