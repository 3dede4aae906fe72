import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const curves: Record<string, string> = {
  P224: "secp224r1",
  P256: "prime256v1",
  P384: "secp384r1",
  P521: "secp521r1",
};

/**
 * A real key pair, made once and kept: Node cannot derive one from a seed, and a graph that changed with every
 * synthesis would be no graph.
 * @returns The private key, PKCS #8 PEM.
 */
export function keptKeyPair(
  folder: string,
  seed: string,
  kind: { algorithm: "RSA"; bits: number } | { algorithm: "ECDSA"; curve: string } | { algorithm: "ED25519" },
): string {
  const file = join(folder, `${createHash("sha256").update(seed).digest("hex").slice(0, 32)}.pem`);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const { privateKey } =
    kind.algorithm === "RSA"
      ? generateKeyPairSync("rsa", { modulusLength: kind.bits })
      : kind.algorithm === "ECDSA"
        ? generateKeyPairSync("ec", { namedCurve: curves[kind.curve] ?? "prime256v1" })
        : generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, pem, { mode: 0o600, flag: "wx" });
    return pem;
  } catch (error) {
    // Another synthesis was quicker: its key is the one that counts.
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return readFileSync(file, "utf8");
    throw error;
  }
}
