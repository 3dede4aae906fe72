/**
 * Signs notifications as SNS does: RSA over SHA-1 ("SignatureVersion 1"), under a certificate that subscribers fetch
 * from SNS's own host.
 */
import { createHash, createPrivateKey, sign } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { StateFolder } from "../../cloud/types.ts";

export interface Signer {
  /** @returns base64. Takes about 0.7 ms of another thread. */
  sign(text: string): Promise<string>;
  /** File name of the certificate, as in SigningCertURL. */
  certificateName(): Promise<string>;
  /** PEM, or undefined when no certificate of this run has the name. */
  certificate(name: string): Promise<string | undefined>;
}
interface Material {
  /** PEM, PKCS #8. */
  key: string;
  cert: string;
}

const asyncSign = promisify(sign);

/** The key is made when the first notification needs it, and kept in the state folder, readable to its owner only. */
export function createSigner(state: StateFolder): Signer {
  let opened:
    | Promise<Material & { name: string; privateKey: ReturnType<typeof createPrivateKey> }>
    | undefined;
  const open = () => {
    opened ??= openMaterial(join(state.folder("sns"), "signing.json")).then((material) => ({
      ...material,
      name: `SimpleNotificationService-${createHash("md5").update(material.cert).digest("hex")}.pem`,
      privateKey: createPrivateKey(material.key),
    }));
    opened.catch(() => {
      opened = undefined;
    });
    return opened;
  };
  return {
    async sign(text) {
      const { privateKey } = await open();
      return (await asyncSign("RSA-SHA1", Buffer.from(text), privateKey)).toString("base64");
    },
    certificateName: async () => (await open()).name,
    async certificate(name) {
      const { name: known, cert } = await open();
      return name === known ? cert : undefined;
    },
  };
}

async function openMaterial(path: string): Promise<Material> {
  try {
    const { key, cert } = JSON.parse(readFileSync(path, "utf8")) as Partial<Material>;
    if (key && cert) return { key, cert };
  } catch {
    // Missing or damaged: made anew.
  }
  const { createSigningCertificate } = await import("../../tls/x509.ts");
  const material = await createSigningCertificate("sns.amazonaws.com");
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, JSON.stringify(material), { mode: 0o600 });
  renameSync(temporary, path);
  return material;
}
