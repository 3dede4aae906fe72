/** Whom to trust: clusters have certificates of RDS' own authorities, proxies those of Amazon's public ones. */
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";

const truststore = "https://truststore.pki.rds.amazonaws.com";

/** Amazon's public authorities, as Node brings them. */
export function amazonRoots(): string[] {
  return rootCertificates.filter((pem) => /\bO=Amazon\b/.test(new X509Certificate(pem).subject));
}

/**
 * @returns A file with the authorities for a host, made where it is missing; RDS' own are fetched once a region.
 * @throws Error that says how to do without when they cannot be fetched.
 */
export async function authoritiesFor(
  host: string,
  region: string,
  folder: string,
  source = truststore,
): Promise<string> {
  const proxy = host.includes(".proxy-");
  const file = join(folder, proxy ? "amazon.pem" : `rds-${region}.pem`);
  if (existsSync(file)) return file;
  const text = proxy
    ? amazonRoots().join("\n")
    : await fetchBundle(`${source}/${region}/${region}-bundle.pem`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${file}.${process.pid}`, `${text}\n`);
  renameSync(`${file}.${process.pid}`, file);
  return file;
}

async function fetchBundle(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(20_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`answered ${response.status}`);
    if (!text.includes("-----BEGIN CERTIFICATE-----")) throw new Error("sent no certificates");
    return text;
  } catch (error) {
    throw new Error(
      `the authorities of RDS (${url}) could not be fetched: ${(error as Error).message}; give a file with --ca`,
    );
  }
}
