/** Names and certificates, as anybody's resolver and browser see them. */
import { resolve } from "node:dns/promises";
import { isIP } from "node:net";
import { connect } from "node:tls";
import { Broken, type Smoke, text } from "../context.ts";

/** Types that can be compared with what the resolver answers; an alias is an A record to the outside. */
const comparable = new Set(["A", "AAAA", "CNAME", "MX", "TXT"]);

/** Its shape is that of `resolve` of node:dns/promises. */
type Resolver = (name: string, type: string) => Promise<unknown>;

export async function namesResolve(smoke: Smoke, resolver: Resolver = resolve): Promise<string> {
  const records = smoke
    .all("aws:route53/record:Record")
    .filter(({ outputs }) => comparable.has(String(outputs.type)));
  for (const record of records) {
    const name = text(record, "name").replace(/\.$/, "");
    const type = text(record, "type");
    const answers = await resolver(name, type).catch((error: NodeJS.ErrnoException) => {
      throw new Broken(`${type} ${name}: ${error.code ?? error.message}; is the zone delegated?`);
    });
    const found = (answers as unknown[]).map(flat);
    for (const value of (record.outputs.records ?? []) as string[])
      if (!found.includes(flat(value))) throw new Broken(`${type} ${name} is not ${value}`);
  }
  return `${records.length} records resolve as declared`;
}

/** MX as `priority exchange`, TXT joined and without quotes, names without the last dot, in lower case. */
function flat(value: unknown): string {
  if (Array.isArray(value)) return value.join("").toLowerCase();
  if (typeof value === "object" && value !== null && "exchange" in value) {
    const { priority, exchange } = value as { priority: number; exchange: string };
    return `${priority} ${exchange}`.replace(/\.$/, "").toLowerCase();
  }
  return String(value).replaceAll('"', "").replace(/\.$/, "").toLowerCase();
}

const SOON_MS = 14 * 24 * 60 * 60_000;

/** Every name of our own that answers over TLS, with a certificate that Node's roots trust. */
export async function certificatesAreValid(smoke: Smoke): Promise<string> {
  const domains = [
    ...smoke.all("aws:apigatewayv2/domainName:DomainName").map((domain) => text(domain, "domainName")),
    ...smoke.deployed.resources
      .filter(({ type }) => type === "aws:cloudfront/distribution:Distribution")
      .flatMap(({ outputs }) => (outputs.aliases ?? []) as string[]),
  ];
  for (const domain of domains) await validCertificate(domain);
  return `${domains.length} certificates valid`;
}

export function validCertificate(host: string, port = 443, ca?: string): Promise<void> {
  return new Promise((done, reject) => {
    const socket = connect(
      { host, port, ...(isIP(host) === 0 && { servername: host }), ...(ca && { ca }), timeout: 10_000 },
      () => {
        const { valid_to: end } = socket.getPeerCertificate();
        socket.destroy();
        if (Date.parse(end) - Date.now() < SOON_MS)
          reject(new Broken(`${host}: its certificate ends ${end}`));
        else done();
      },
    );
    socket.on("timeout", () => socket.destroy(new Error("no answer")));
    socket.on("error", (error) => reject(new Broken(`${host}: ${error.message}`)));
  });
}
