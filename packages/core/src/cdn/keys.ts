/** Which key signs now, and how: Node's own RSA with SHA-1, which is what every edge checks. */
import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import * as z from "zod";
import { now } from "../clock/index.ts";
import { config } from "../config/index.ts";
import { secretVersion } from "../secrets/index.ts";

const Key = z.object({ keyPairId: z.string().min(1), privateKey: z.string().min(1) });
const Keys = z.object({ current: Key, previous: Key });

/**
 * How long a new key waits. CloudFront's edges learn of it minutes after the deployment that has put it here, and would
 * refuse what it signs until then; the one before they know, and keep.
 */
const SETTLING_MS = 15 * 60_000;

/** Read from their text once: that takes three times as long as to sign. */
const parsed = new Map<string, KeyObject>();

export interface Signer {
  keyPairId: string;
  sign(policy: string): Buffer;
}

/** @throws Error that names the secret and the property, never the key. */
export async function signer(): Promise<Signer> {
  const { secretArn } = config("Cdn");
  const { value, since } = await secretVersion(secretArn, config("Settings").homeRegion, Keys);
  const { keyPairId, privateKey } = now() - since < SETTLING_MS ? value.previous : value.current;
  let key = parsed.get(privateKey);
  if (!key) {
    key = createPrivateKey(privateKey);
    parsed.clear();
    parsed.set(privateKey, key);
  }
  const object = key;
  return { keyPairId, sign: (policy) => sign("sha1", Buffer.from(policy), object) };
}
