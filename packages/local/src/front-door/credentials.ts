import { randomBytes, randomInt } from "node:crypto";
import type { CredentialStore, Credentials, Principal } from "../cloud/types.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Temporary access keys, as functions get them: random, in memory, void when the run ends. */
export function createCredentialStore(): CredentialStore {
  const known = new Map<string, { credentials: Credentials; principal: Principal }>();
  return {
    issue(principal) {
      const credentials: Credentials = {
        accessKeyId: `ASIA${Array.from({ length: 16 }, () => alphabet.charAt(randomInt(32))).join("")}`,
        secretAccessKey: randomBytes(30).toString("base64"),
        sessionToken: randomBytes(96).toString("base64"),
      };
      known.set(credentials.accessKeyId, { credentials, principal });
      return credentials;
    },
    find: (accessKeyId) => known.get(accessKeyId),
    revoke: (accessKeyId) => void known.delete(accessKeyId),
  };
}
