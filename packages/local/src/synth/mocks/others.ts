/** Providers besides AWS that SST's components use, and SST's own dynamic resources. */
import { createPrivateKey, createPublicKey } from "node:crypto";
import { alphabets, type MockContext, type MockTable } from "./context.ts";
import { uuid } from "./messaging.ts";
import { plain } from "./shapes.ts";
import { openSshPrivateKey, openSshPublicKey } from "./ssh-keys.ts";

const number = (value: unknown, fallback: number) => (typeof value === "number" ? value : fallback);

export const others: MockTable = {
  "pulumi:providers:aws": plain((c) => uuid(c.hex(32))),
  "pulumi:providers:pulumi-nodejs": plain((c) => uuid(c.hex(32))),
  "pulumi:providers:random": plain((c) => uuid(c.hex(32))),
  "pulumi:providers:tls": plain((c) => uuid(c.hex(32))),
  "pulumi:providers:cloudflare": plain((c) => uuid(c.hex(32))),

  "random:index/randomPassword:RandomPassword": randomText,
  "random:index/randomString:RandomString": randomText,
  "random:index/randomBytes:RandomBytes": (c) => {
    const bytes = c.secretBytes(number(c.inputs.length, 32));
    return { id: "none", outputs: { base64: bytes.toString("base64"), hex: bytes.toString("hex") } };
  },
  "random:index/randomId:RandomId": (c) => {
    const bytes = c.bytes(number(c.inputs.byteLength, 8));
    const prefix = c.text("prefix") ?? "";
    return {
      id: bytes.toString("base64url"),
      outputs: {
        hex: `${prefix}${bytes.toString("hex")}`,
        b64Std: `${prefix}${bytes.toString("base64")}`,
        b64Url: `${prefix}${bytes.toString("base64url")}`,
        dec: `${prefix}${BigInt(`0x${bytes.toString("hex")}`)}`,
      },
    };
  },
  "random:index/randomInteger:RandomInteger": (c) => {
    const [min, max] = [number(c.inputs.min, 0), number(c.inputs.max, 100)];
    const result = min + (c.bytes(4).readUInt32BE() % (max - min + 1));
    return { id: String(result), outputs: { result } };
  },
  "random:index/randomUuid:RandomUuid": (c) => {
    const result = uuid(c.bytes(16).toString("hex"));
    return { id: result, outputs: { result } };
  },
  "random:index/randomPet:RandomPet": (c) => {
    const id = `${c.text("prefix") ? `${c.text("prefix")}-` : ""}pet-${c.alphanumeric(6)}`;
    return { id, outputs: {} };
  },

  "tls:index/privateKey:PrivateKey": (c) => {
    const algorithm = c.text("algorithm") ?? "RSA";
    const pem = c.keyPair(
      algorithm === "ECDSA"
        ? { algorithm, curve: c.text("ecdsaCurve") ?? "P224" }
        : algorithm === "ED25519"
          ? { algorithm }
          : { algorithm: "RSA", bits: number(c.inputs.rsaBits, 2048) },
    );
    const privateKey = createPrivateKey(pem);
    const publicKey = createPublicKey(pem);
    const traditional =
      algorithm === "RSA"
        ? privateKey.export({ type: "pkcs1", format: "pem" })
        : algorithm === "ECDSA"
          ? privateKey.export({ type: "sec1", format: "pem" })
          : pem;
    return {
      id: c.hex(40),
      outputs: {
        privateKeyPem: traditional.toString(),
        privateKeyPemPkcs8: pem,
        publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
        publicKeyOpenssh: openSshPublicKey(publicKey),
        privateKeyOpenssh: openSshPrivateKey(privateKey),
      },
    };
  },

  "gcp:organizations/project:Project": (c) => {
    const id = c.text("projectId") ?? c.name;
    return { id: `projects/${id}`, outputs: { number: c.digits(12) } };
  },
  "gcp:projects/service:Service": plain((c) => `${c.text("project")}/${c.text("service")}`),

  // Commands and images are not run: what they would print is unknown here.
  "command:local:Command": (c) => ({ id: `${c.name}${c.hex(8)}`, outputs: { stdout: "", stderr: "" } }),
  "docker-build:index:Image": (c) => {
    const [tag] = (c.inputs.tags ?? []) as string[];
    const digest = `sha256:${c.hex(64)}`;
    return {
      id: digest,
      outputs: { digest, ref: `${tag ?? c.name}@${digest}`, contextHash: c.hex(64, "context") },
    };
  },

  "pulumi-nodejs:dynamic:Resource": (c) => {
    const kind = c.name.split(".").at(-1) ?? "";
    const answer: Record<string, (c: MockContext) => { id: string; outputs: Record<string, unknown> }> = {
      HostedZoneLookup: () => {
        const zoneId = `Z${c.upper(20, String(c.inputs.domain))}`;
        return { id: zoneId, outputs: { zoneId } };
      },
      DistributionDeploymentWaiter: () => ({ id: c.hex(8), outputs: { isDone: true } }),
      OriginAccessControl: () => ({ id: `E${c.upper(13)}`, outputs: {} }),
    };
    return answer[kind]?.(c) ?? { id: c.hex(8), outputs: {} };
  },
};

function randomText(c: MockContext) {
  const flag = (key: string) => c.inputs[key] !== false;
  const alphabet = [
    flag("lower") ? "abcdefghijklmnopqrstuvwxyz" : "",
    flag("upper") ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ" : "",
    flag("numeric") && flag("number") ? "0123456789" : "",
    flag("special") ? (c.text("overrideSpecial") ?? "!@#$%&*()-_=+[]{}<>:?") : "",
  ].join("");
  const result = c.secret(number(c.inputs.length, 16), alphabet || alphabets.mixed);
  return { id: c.type.includes("Password") ? "none" : result, outputs: { result } };
}
