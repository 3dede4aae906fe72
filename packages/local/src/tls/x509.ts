/** Makes the certificates; loaded only when one has to be made (the library takes 0.15 s to load). */
import "reflect-metadata"; // tsyringe, below @peculiar/x509, refuses to load without it
import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";

/** PEM key (PKCS #8) and certificate of a CA. */
export interface Issuer {
  key: string;
  cert: string;
}

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" } as const;
const day = 24 * 3600 * 1000;
/** A machine's clock may step back a little after the certificate was made. */
const notBefore = () => new Date(Date.now() - day);

/** @param domains Permitted DNS subtrees; addresses are constrained to loopback. */
export async function createIssuer(domains: string[]): Promise<Issuer> {
  const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // Distinct per CA: OpenSSL finds issuers by name, and two equal names with different keys confuse it.
    name: `CN=sst-local CA ${randomBytes(4).toString("hex")}`,
    notBefore: notBefore(),
    notAfter: new Date(Date.now() + 3650 * day),
    signingAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      nameConstraints(domains),
    ],
  });
  return { key: await toPem(keys.privateKey), cert: cert.toString("pem") };
}

/** An RSA key (2048 bits, for SHA-1 signatures as SNS makes them) and its self-signed certificate, both PEM. */
export async function createSigningCertificate(commonName: string): Promise<Issuer> {
  const algorithm = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${commonName}`,
    notBefore: notBefore(),
    notAfter: new Date(Date.now() + 3650 * day),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)],
  });
  return { key: await toPem(keys.privateKey), cert: cert.toString("pem") };
}

/** @param hosts Host names (may begin with `*.`) and loopback addresses: the subject alternative names. */
export async function issueLeaf(issuer: Issuer, hosts: string[]): Promise<{ key: string; cert: string }> {
  const authority = new x509.X509Certificate(issuer.cert);
  const signingKey = await crypto.subtle.importKey(
    "pkcs8",
    x509.PemConverter.decodeFirst(issuer.key),
    keyAlgorithm,
    false,
    ["sign"],
  );
  const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: "CN=sst-local",
    issuer: authority.subject,
    notBefore: notBefore(),
    notAfter: new Date(Date.now() + 397 * day),
    signingAlgorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((host) => ({ type: isIP(host) ? ("ip" as const) : ("dns" as const), value: host })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: await toPem(keys.privateKey), cert: cert.toString("pem") };
}

/** 127 random bits: positive, as RFC 5280 section 4.1.2.2 asks. */
function serialNumber() {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString("hex");
}

async function toPem(key: CryptoKey) {
  return x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

/**
 * NameConstraints (RFC 5280 section 4.2.1.10), which @peculiar/x509 has no class for:
 * `SEQUENCE { permittedSubtrees [0] SEQUENCE OF SEQUENCE { base GeneralName } }`.
 */
function nameConstraints(domains: string[]) {
  const permitted = [
    ...domains.map((domain) => der(0x82, Buffer.from(domain, "ascii"))),
    der(0x87, Buffer.from([127, 0, 0, 0, 255, 0, 0, 0])),
    der(0x87, Buffer.concat([Buffer.alloc(15), Buffer.from([1]), Buffer.alloc(16, 0xff)])),
  ];
  const subtrees = Buffer.concat(permitted.map((base) => der(0x30, base)));
  const value = new Uint8Array(der(0x30, der(0xa0, subtrees)));
  return new x509.Extension("2.5.29.30", true, value.buffer);
}

function der(tag: number, content: Buffer) {
  const { length } = content;
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}
