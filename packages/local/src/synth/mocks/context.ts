/** What a mock is told about a resource, and the means to invent what AWS would answer: the same every time. */
import { createHash } from "node:crypto";

export interface MockContext {
  urn: string;
  type: string;
  name: string;
  inputs: Record<string, unknown>;
  region: string;
  accountId: string;
  /** Id given by `X.get(name, id)` or `import`. */
  given: string | undefined;
  /** An input as text, or undefined. */
  text(key: string): string | undefined;
  /** The physical name: the input if there is one, else Pulumi's auto-name (logical name, dash, seven hex digits). */
  named(key: string, options?: { max?: number; lower?: boolean; suffix?: string }): string;
  /** `arn:aws:<service>:<region>:<account>:<resource>`; `region: ""` and `account: ""` for global services. */
  arn(service: string, resource: string, options?: { region?: string; account?: string }): string;
  /** Deterministic characters; `label` tells several of one resource apart. */
  hex(length: number, label?: string): string;
  alphanumeric(length: number, label?: string): string;
  upper(length: number, label?: string): string;
  digits(length: number, label?: string): string;
  /** The same for every resource of an account and region. */
  regional(length: number): string;
  /** Deterministic bytes that anybody can know. */
  bytes(length: number, label?: string): Buffer;
  /** What resources registered earlier left for later ones, e.g. an API's protocol for its stage. */
  shared: Map<string, string>;
  /** Deterministic characters that nobody knows who lacks this installation's seed. */
  secret(length: number, alphabet: string, label?: string): string;
  secretBytes(length: number, label?: string): Buffer;
  /** PEM (PKCS #8) of a key pair that is kept for the next synthesis. */
  keyPair(
    kind:
      | { algorithm: "RSA"; bits: number }
      | { algorithm: "ECDSA"; curve: string }
      | { algorithm: "ED25519" },
  ): string;
}

export interface MockAnswer {
  id: string;
  /** What AWS computes, besides the inputs. */
  outputs: Record<string, unknown>;
  /** Inputs that Pulumi would have filled in: physical names. */
  inputs?: Record<string, unknown>;
}
export type Mock = (context: MockContext) => MockAnswer;
export type MockTable = Record<string, Mock>;

const lower = "abcdefghijklmnopqrstuvwxyz";
export const alphabets = {
  hex: "0123456789abcdef",
  digits: "0123456789",
  alphanumeric: `${lower}0123456789`,
  upper: `${lower.toUpperCase()}0123456789`,
  mixed: `${lower}${lower.toUpperCase()}0123456789`,
};

/** Endless pseudo-random bytes of a seed. */
function* bytes(seed: string): Generator<number> {
  for (let block = 0; ; block++) yield* createHash("sha256").update(`${seed}\0${block}`).digest();
}

/** Characters that follow from a seed, each of the alphabet equally likely. */
export function characters(seed: string, length: number, alphabet: string): string {
  const limit = 256 - (256 % alphabet.length);
  let text = "";
  for (const byte of bytes(seed)) {
    if (text.length >= length) break;
    if (byte < limit) text += alphabet[byte % alphabet.length];
  }
  return text;
}
export function seededBytes(seed: string, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  let index = 0;
  for (const byte of bytes(seed)) {
    if (index >= length) break;
    buffer[index++] = byte;
  }
  return buffer;
}
