import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openState } from "../../src/cloud/state.ts";
import { openCertificateAuthority } from "../../src/tls/ca.ts";
import { createIssuer, issueLeaf } from "../../src/tls/x509.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ca-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** The error code of a verified handshake as `servername`, or undefined when it succeeds. */
async function handshake(material: { key: string; cert: string }, ca: string, servername: string) {
  const server = createServer(material);
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect({
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    ca,
    ...(/^[\d.]+$/.test(servername) ? {} : { servername }),
  });
  const code = await new Promise<string | undefined>((resolve) => {
    socket.once("secureConnect", () => resolve(undefined));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      // Node has no name for every verification result of OpenSSL's.
      resolve(error.code === "UNSPECIFIED" ? error.message : error.code),
    );
  });
  socket.destroy();
  server.close();
  return code;
}

describe("certificate authority", () => {
  test("a client that trusts the CA verifies AWS host names, wildcards and loopback", async () => {
    const ca = await openCertificateAuthority(openState(root));
    const leaf = await ca.issue([
      "db.cluster-abc.ca-central-1.rds.amazonaws.com",
      "*.s3.us-east-1.amazonaws.com",
      "127.0.0.1",
      "localhost",
    ]);
    for (const name of [
      "db.cluster-abc.ca-central-1.rds.amazonaws.com",
      "bucket.s3.us-east-1.amazonaws.com",
      "127.0.0.1",
      "localhost",
    ])
      expect(await handshake(leaf, ca.pem, name), name).toBeUndefined();
    expect(await handshake(leaf, ca.pem, "a.b.s3.us-east-1.amazonaws.com")).toBe(
      "ERR_TLS_CERT_ALTNAME_INVALID",
    );
  });

  test("a leaf for a name outside the constraint is refused when issued and when presented", async () => {
    const ca = await openCertificateAuthority(openState(root));
    await expect(ca.issue(["www.example.com"])).rejects.toThrow(/may not certify www\.example\.com/);
    await expect(ca.issue(["notamazonaws.com"])).rejects.toThrow(/may not certify/);
    await expect(ca.issue(["10.0.0.1"])).rejects.toThrow(/loopback addresses only/);
    await expect(ca.issue(["a..b.amazonaws.com"])).rejects.toThrow(/not a host name/);
    await expect(ca.issue([])).rejects.toThrow(/at least one/);

    const issuer = await createIssuer(["amazonaws.com"]);
    const forged = await issueLeaf(issuer, ["www.example.com"]);
    expect(await handshake(forged, issuer.cert, "www.example.com")).toBe("permitted subtree violation");
  });

  test("the app's own domains are permitted when named, and the stored CA is replaced for them", async () => {
    const first = await openCertificateAuthority(openState(root));
    const second = await openCertificateAuthority(openState(root), { domains: ["API.example.com"] });
    expect(second.pem).not.toBe(first.pem);
    const leaf = await second.issue(["api.example.com", "*.api.example.com"]);
    expect(await handshake(leaf, second.pem, "v1.api.example.com")).toBeUndefined();
    expect((await openCertificateAuthority(openState(root))).pem).toBe(second.pem);
  });

  test("the CA and its leaves outlive the process, and the same names in any order are one leaf", async () => {
    const first = await openCertificateAuthority(openState(root));
    const leaf = await first.issue(["sqs.ca-central-1.amazonaws.com", "localhost"]);
    const again = await openCertificateAuthority(openState(root));
    expect(again.pem).toBe(first.pem);
    expect(await again.issue(["localhost", "SQS.ca-central-1.amazonaws.com"])).toEqual(leaf);
    expect(readFileSync(again.file, "utf8")).toBe(again.pem);
  });

  test("two runs that open one new folder at once share one CA", async () => {
    const [one, two] = await Promise.all([
      openCertificateAuthority(openState(root)),
      openCertificateAuthority(openState(root)),
    ]);
    expect(one.pem).toBe(two.pem);
  });

  test("nobody else on the machine can read a key", async () => {
    const ca = await openCertificateAuthority(openState(root));
    await ca.issue(["localhost"]);
    const folder = join(root, "tls");
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((f) => f.isFile());
    expect(files.length).toBe(3);
    for (const file of files)
      expect(statSync(join(file.parentPath, file.name)).mode & 0o777, file.name).toBe(0o600);
    expect(ca.pem).not.toContain("PRIVATE KEY");
  });

  test("a damaged CA or leaf file is made anew", async () => {
    writeFileSync(join(openState(root).folder("tls"), "ca.json"), '{"key":"trunc');
    const ca = await openCertificateAuthority(openState(root));
    expect(await handshake(await ca.issue(["localhost"]), ca.pem, "localhost")).toBeUndefined();
  });
});
