/**
 * The server's half of Cognito's Secure Remote Password exchange: SRP-6a (RFC 5054) over the 3072-bit group of RFC 3526
 * with SHA-256, as Cognito's clients do it.
 */
import {
  createHash,
  createHmac,
  getDiffieHellman,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";

const N = BigInt(`0x${getDiffieHellman("modp15").getPrime("hex")}`);
const g = 2n;

/** Hex with an even length whose first bit is clear: how Cognito's clients write numbers they hash. */
function pad(value: bigint): string {
  const hex = value.toString(16);
  const even = hex.length % 2 === 1 ? `0${hex}` : hex;
  return /^[89a-f]/i.test(even) ? `00${even}` : even;
}
const fromHex = (hex: string) => BigInt(`0x${hex}`);
const hash = (hex: string) => fromHex(createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex"));
const k = hash(`00${N.toString(16)}${pad(g)}`);

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = ((base % N) + N) % N;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % N;
    square = (square * square) % N;
  }
  return result;
}

/** @param poolName The part of the pool's id after `_`. */
export function makeVerifier(
  poolName: string,
  username: string,
  password: string,
): { salt: string; verifier: string } {
  const salt = pad(fromHex(randomBytes(16).toString("hex")));
  const identity = createHash("sha256").update(`${poolName}${username}:${password}`).digest("hex");
  return { salt, verifier: power(g, hash(`${salt}${identity}`)).toString(16) };
}

export interface SrpExchange {
  /** Public value of the server, hex: parameter `SRP_B`. */
  publicValue: string;
  /** Whether the client's signature proves that it knows the password. */
  proves(proof: {
    poolName: string;
    username: string;
    secretBlock: string;
    timestamp: string;
    signature: string;
  }): boolean;
}

/** Undefined when the client's public value (hex) is one that would let it in without the password. */
export function beginExchange(clientValue: string, verifierHex: string): SrpExchange | undefined {
  if (!/^[0-9a-f]{1,1024}$/i.test(clientValue)) return undefined;
  const A = fromHex(clientValue);
  if (A % N === 0n) return undefined;
  const v = fromHex(verifierHex);
  const b = fromHex(randomBytes(32).toString("hex"));
  const B = (k * v + power(g, b)) % N;
  const u = hash(`${pad(A)}${pad(B)}`);
  if (u === 0n) return undefined;
  const secret = power(A * power(v, u), b);
  const key = Buffer.from(
    hkdfSync(
      "sha256",
      Buffer.from(pad(secret), "hex"),
      Buffer.from(pad(u), "hex"),
      Buffer.from("Caldera Derived Key"),
      16,
    ),
  );
  return {
    publicValue: B.toString(16),
    proves({ poolName, username, secretBlock, timestamp, signature }) {
      const expected = createHmac("sha256", key)
        .update(poolName)
        .update(username)
        .update(Buffer.from(secretBlock, "base64"))
        .update(timestamp)
        .digest();
      const given = Buffer.from(signature, "base64");
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}
