/** Keys in OpenSSH's formats (RFC 4253 section 6.6; PROTOCOL.key of OpenSSH). */
import { createPublicKey, type KeyObject } from "node:crypto";

const text = (value: string) => field(Buffer.from(value));
function field(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
/** A positive integer: a leading zero keeps the sign off. */
function integer(base64url: string | undefined): Buffer {
  const bytes = Buffer.from(base64url ?? "", "base64url");
  return field((bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}
const sshCurves = ["prime256v1", "secp384r1", "secp521r1"];
const curveNames: Record<string, string> = { "P-256": "nistp256", "P-384": "nistp384", "P-521": "nistp521" };

/** The key's SSH name and its public fields; undefined for curves that SSH does not know. */
function parts(key: KeyObject): { name: string; fields: Buffer[] } | undefined {
  // JWK knows the curves of SSH and no others.
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  if (namedCurve && !sshCurves.includes(namedCurve)) return undefined;
  const jwk = key.export({ format: "jwk" });
  if (jwk.kty === "RSA") return { name: "ssh-rsa", fields: [integer(jwk.e), integer(jwk.n)] };
  if (jwk.kty === "OKP")
    return { name: "ssh-ed25519", fields: [field(Buffer.from(jwk.x ?? "", "base64url"))] };
  const curve = curveNames[jwk.crv ?? ""];
  if (!curve) return undefined;
  const point = Buffer.concat([
    Buffer.from([4]),
    Buffer.from(jwk.x ?? "", "base64url"),
    Buffer.from(jwk.y ?? "", "base64url"),
  ]);
  return { name: `ecdsa-sha2-${curve}`, fields: [text(curve), field(point)] };
}

/** One line of `authorized_keys`; empty for keys that SSH does not know. */
export function openSshPublicKey(key: KeyObject): string {
  const known = parts(key);
  if (!known) return "";
  return `${known.name} ${Buffer.concat([text(known.name), ...known.fields]).toString("base64")}\n`;
}

/** An unencrypted `OPENSSH PRIVATE KEY`; empty for keys that SSH does not know. */
export function openSshPrivateKey(key: KeyObject): string {
  const publicKey = createPublicKey(key);
  const known = parts(publicKey);
  if (!known) return "";
  const jwk = key.export({ format: "jwk" });
  const secret =
    jwk.kty === "RSA"
      ? [integer(jwk.n), integer(jwk.e), integer(jwk.d), integer(jwk.qi), integer(jwk.p), integer(jwk.q)]
      : jwk.kty === "OKP"
        ? [
            ...known.fields,
            field(
              Buffer.concat([Buffer.from(jwk.d ?? "", "base64url"), Buffer.from(jwk.x ?? "", "base64url")]),
            ),
          ]
        : [...known.fields, integer(jwk.d)];
  const publicBlob = Buffer.concat([text(known.name), ...known.fields]);
  // The two check words only have to agree.
  const check = publicBlob.subarray(-4);
  const body = Buffer.concat([check, check, text(known.name), ...secret, text("")]);
  const padding = Buffer.from(Array.from({ length: (8 - (body.length % 8)) % 8 }, (_, index) => index + 1));
  const count = Buffer.alloc(4);
  count.writeUInt32BE(1);
  const blob = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    text("none"),
    text("none"),
    text(""),
    count,
    field(publicBlob),
    field(Buffer.concat([body, padding])),
  ]);
  const lines = blob.toString("base64").match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`;
}
