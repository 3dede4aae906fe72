/**
 * The run's own certificate authority: functions reach the database, the cache and every AWS host name over
 * TLS that they verify, as on AWS, and nothing outside this machine's state folder ever trusts it.
 */
import { createHash, X509Certificate } from "node:crypto";
import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import type { CertificateAuthority, StateFolder } from "../cloud/types.ts";
import type { Issuer } from "./x509.ts";

/**
 * Domains that AWS gives names under. The CA carries them as an X.509 name constraint, so that a key that
 * leaks from a state folder cannot impersonate the rest of the web even to somebody who trusted the CA.
 */
const awsDomains = [
  "amazonaws.com",
  "amazoncognito.com",
  "api.aws",
  "cloudfront.net",
  "localhost",
  "on.aws",
] as const;

interface StoredAuthority extends Issuer {
  /** The permitted domains, sorted. */
  domains: string[];
}
interface Leaf {
  key: string;
  cert: string;
}

const renewBeforeMs = 30 * 24 * 3600 * 1000;

/**
 * Opens the state folder's CA, or makes it (EC P-256, ten years). Key and leaves are kept with mode 0600.
 *
 * @param options.domains Further domains that leaves may be issued for, e.g. an app's own. A stored CA that
 *   does not permit them is replaced.
 */
export async function openCertificateAuthority(
  state: StateFolder,
  options: { domains?: string[] } = {},
): Promise<CertificateAuthority> {
  const domains = [...new Set([...awsDomains, ...(options.domains ?? []).map(toDomain)])].sort();
  const folder = state.folder("tls");
  chmodSync(folder, 0o700);
  const authority = await openAuthority(folder, domains);
  const file = join(folder, "ca.pem");
  writeAtomically(file, authority.cert);

  const authorityId = createHash("sha256").update(authority.cert).digest("hex").slice(0, 16);
  const leaves = join(folder, authorityId);
  mkdirSync(leaves, { recursive: true, mode: 0o700 });
  const issued = new Map<string, Promise<Leaf>>();

  return {
    file,
    pem: authority.cert,
    async issue(hosts) {
      const names = [...new Set(hosts.map((host) => checkedHost(host, domains)))].sort();
      if (names.length === 0) throw new Error("a certificate needs at least one host name or address");
      const id = createHash("sha256").update(names.join("\n")).digest("hex").slice(0, 32);
      const known = issued.get(id);
      if (known) return known;
      const leaf = openLeaf(join(leaves, `${id}.json`), authority, names);
      issued.set(id, leaf);
      leaf.catch(() => issued.delete(id));
      return leaf;
    },
  };
}

async function openAuthority(folder: string, domains: string[]): Promise<StoredAuthority> {
  const path = join(folder, "ca.json");
  const stored = readJson<StoredAuthority>(path);
  if (stored && isCurrent(stored.cert) && domains.every((domain) => stored.domains.includes(domain)))
    return stored;
  const { createIssuer } = await import("./x509.ts");
  const made: StoredAuthority = { ...(await createIssuer(domains)), domains };
  if (stored) {
    writeAtomically(path, JSON.stringify(made));
    return made;
  }
  // Two runs that start on one new folder: the first to link wins and both use its CA.
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, JSON.stringify(made), { mode: 0o600 });
  try {
    linkSync(temporary, path);
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const winner = readJson<StoredAuthority>(path);
    if (winner && isCurrent(winner.cert)) return winner;
    renameSync(temporary, path);
    return made;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Leaves are kept on disk: making one loads the X.509 library, which a warm start need not wait for. */
async function openLeaf(path: string, authority: Issuer, names: string[]): Promise<Leaf> {
  const stored = readJson<Leaf>(path);
  if (stored && isCurrent(stored.cert)) return { key: stored.key, cert: stored.cert };
  const { issueLeaf } = await import("./x509.ts");
  const leaf = await issueLeaf(authority, names);
  writeAtomically(path, JSON.stringify(leaf));
  return leaf;
}

function isCurrent(cert: string) {
  try {
    return new X509Certificate(cert).validToDate.getTime() - Date.now() > renewBeforeMs;
  } catch {
    return false;
  }
}

/** @returns undefined when the file is missing or damaged: it is then made anew. */
function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}

function writeAtomically(path: string, content: string) {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content, { mode: 0o600 });
  renameSync(temporary, path);
}

const label = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const dnsName = new RegExp(`^(?:\\*\\.)?${label}(?:\\.${label})*$`);

function toDomain(value: string) {
  const domain = value.toLowerCase().replace(/\.$/, "").replace(/^\*\./, "");
  if (!dnsName.test(domain)) throw new Error(`"${value}" is not a domain name`);
  return domain;
}

function checkedHost(host: string, domains: string[]) {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (isIP(name)) {
    if (name !== "::1" && !name.startsWith("127."))
      throw new Error(`the local CA certifies loopback addresses only, not ${host}`);
    return name;
  }
  if (!dnsName.test(name) || name.length > 253)
    throw new Error(`"${host}" is not a host name that a certificate can carry`);
  if (!domains.some((domain) => name === domain || name.endsWith(`.${domain}`)))
    throw new Error(
      `the local CA may not certify ${host}: pass its domain to openCertificateAuthority({domains})`,
    );
  return name;
}
