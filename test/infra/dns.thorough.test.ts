import type { Graph } from "@frontdesk/local";
import { describe, expect, test } from "vitest";
import { graphOf, guest, named, stages } from "./support/graphs.ts";
import { all, needs, one, text } from "./support/read.ts";

const recordType = "aws:route53/record:Record";
const zoneType = "aws:route53/zone:Zone";
const certificateType = "aws:acm/certificate:Certificate";
const apiDomain = "aws:apigatewayv2/domainName:DomainName";

/** `name type` -> values of a plain record, or `-> target` of an alias. */
function records(graph: Graph): Record<string, string> {
  return Object.fromEntries(
    all(graph, recordType).map(({ inputs }) => {
      const [alias] = (inputs.aliases ?? []) as { name: string }[];
      const value = alias ? `-> ${alias.name}` : (inputs.records as string[]).join(" | ");
      return [`${inputs.name} ${inputs.type}`, value];
    }),
  );
}

describe.each(stages)("stage %s without a domain", (stage) => {
  test("uses AWS's own names: no zone, no record, no certificate, no custom name", async () => {
    const graph = await graphOf(stage);
    for (const type of [zoneType, recordType, certificateType, apiDomain])
      expect(all(graph, type), type).toEqual([]);
    expect(graph.links.Auth?.hostedUrl).toBe(
      `https://frontdesk-${stage}.auth.ca-central-1.amazoncognito.com`,
    );
    expect(String(graph.outputs.api)).toMatch(/^https:\/\/\w+\.execute-api\.ca-central-1\.amazonaws\.com/);
    expect(String(graph.links.Cdn?.url)).toMatch(/^https:\/\/\w+\.cloudfront\.net$/);
  });
});

describe("production with a domain", () => {
  test("makes the zone and says which name servers it must be delegated to", async () => {
    const graph = await named();
    const zone = one(graph, zoneType);
    expect(zone.inputs.name).toBe("desk.acme.test");
    expect(zone.inputs.forceDestroy).not.toBe(true);
    expect(graph.outputs.nameServers).toEqual(zone.outputs.nameServers);
    for (const record of all(graph, recordType)) expect(record.inputs.zoneId).toBe(zone.outputs.zoneId);
  });

  test("serves API, sockets, CDN and sign-in under it, each with addresses of both kinds", async () => {
    const graph = await named();
    const found = records(graph);
    for (const label of ["api", "ws", "cdn", "auth"])
      for (const type of ["A", "AAAA"])
        expect(found[`${label}.desk.acme.test ${type}`], `${label} ${type}`).toMatch(/^-> [\w.-]+$/);
    expect(found["cdn.desk.acme.test A"]).toMatch(/^-> \w+\.cloudfront\.net$/);
    expect(graph.outputs.api).toBe("https://api.desk.acme.test");
    expect(graph.outputs.websocket).toBe("wss://ws.desk.acme.test");
    expect(graph.links.Cdn?.url).toBe("https://cdn.desk.acme.test");
    expect(graph.links.Auth?.hostedUrl).toBe("https://auth.desk.acme.test");
  });

  test("proves each name by its own certificate, in us-east-1 for what stands behind CloudFront", async () => {
    const graph = await named();
    const certificates = all(graph, certificateType).map(
      ({ inputs, region }) => `${inputs.domainName} ${inputs.validationMethod} ${region}`,
    );
    expect(certificates.toSorted()).toEqual([
      "api.desk.acme.test DNS ca-central-1",
      "auth.desk.acme.test DNS us-east-1",
      "cdn.desk.acme.test DNS us-east-1",
      "ws.desk.acme.test DNS ca-central-1",
    ]);
    const names = all(graph, recordType).map(({ inputs }) => String(inputs.name));
    for (const { outputs } of all(graph, certificateType))
      for (const { resourceRecordName } of outputs.domainValidationOptions as {
        resourceRecordName: string;
      }[])
        expect(names).toContain(resourceRecordName);
  });

  test("API Gateway takes TLS 1.2 at least, CloudFront its policy of 2021", async () => {
    const graph = await named();
    const domains = all(graph, apiDomain);
    expect(domains).toHaveLength(2);
    for (const { inputs } of domains)
      expect(inputs.domainNameConfiguration).toMatchObject({ securityPolicy: "TLS_1_2" });
    expect(one(graph, "aws:cloudfront/distribution:Distribution").inputs).toMatchObject({
      aliases: ["cdn.desk.acme.test"],
      viewerCertificate: { minimumProtocolVersion: "TLSv1.2_2021", sslSupportMethod: "sni-only" },
    });
  });

  test("the sign-in pages wait for their certificate and for the address that Cognito wants of their parent", async () => {
    const graph = await named();
    const pages = one(graph, "aws:cognito/userPoolDomain:UserPoolDomain");
    expect(pages.inputs.domain).toBe("auth.desk.acme.test");
    const needed = needs(graph, pages);
    const parent = all(graph, recordType).find(
      ({ inputs }) => inputs.name === "desk.acme.test" && inputs.type === "A",
    );
    expect(needed).toContain(parent?.urn);
    expect(needed).toContain(
      one(graph, "aws:acm/certificateValidation:CertificateValidation", "AuthValidated").urn,
    );
    expect(text(pages, "certificateArn")).toMatch(/^arn:aws:acm:us-east-1:/);
  });

  test("receives, signs and answers for its mail: MX, SPF, DMARC, DKIM of each region, MAIL FROM", async () => {
    const graph = await named();
    const found = records(graph);
    expect(found).toMatchObject({
      "in.desk.acme.test MX": "10 inbound-smtp.us-east-1.amazonaws.com",
      "in.desk.acme.test TXT": "v=spf1 include:amazonses.com ~all",
      "_dmarc.in.desk.acme.test TXT": "v=DMARC1; p=reject; rua=mailto:dmarc@acme.test",
      "bounce.in.desk.acme.test MX": "10 feedback-smtp.ca-central-1.amazonses.com",
      "bounce.in.desk.acme.test TXT": "v=spf1 include:amazonses.com ~all",
    });
    const tokens = all(graph, "aws:sesv2/emailIdentity:EmailIdentity")
      .filter(({ inputs }) => inputs.emailIdentity === "in.desk.acme.test")
      .flatMap(({ outputs }) => (outputs.dkimSigningAttributes as { tokens: string[] }).tokens);
    expect(new Set(tokens).size).toBe(6);
    for (const token of tokens)
      expect(found[`${token}._domainkey.in.desk.acme.test CNAME`]).toBe(`${token}.dkim.amazonses.com`);
  });

  test("lets Amazon alone issue certificates for its names, and says nothing of the company's other names", async () => {
    const found = records(await named());
    const caa = Object.keys(found).filter((key) => key.endsWith(" CAA"));
    expect(caa.toSorted()).toEqual(
      ["api", "auth", "cdn", "ws"].map((label) => `${label}.desk.acme.test CAA`),
    );
    for (const key of caa) expect(found[key]).toBe('0 issue "amazon.com" | 0 issuewild ";"');
  });

  test("tells the records of a domain that is in nobody's zone here, and declares none of them", async () => {
    const graph = await named();
    const told = graph.outputs.dnsRecordsToAdd as string[];
    expect(told).toContain("bounce.acme.test MX 10 feedback-smtp.ca-central-1.amazonses.com");
    expect(
      told.filter((line) => /^\w+\._domainkey\.acme\.test CNAME \w+\.dkim\.amazonses\.com$/.test(line)),
    ).toHaveLength(6);
    expect(told).toHaveLength(8);
    for (const key of Object.keys(records(graph))) expect(key).toMatch(/desk\.acme\.test\.? [A-Z]+$/);
  });
});

describe("production without a zone", () => {
  test("tells every record that its mail needs", async () => {
    const told = (await graphOf("production")).outputs.dnsRecordsToAdd as string[];
    expect(told).toContain("in.frontdesk.example MX 10 inbound-smtp.us-east-1.amazonaws.com");
    // Six DKIM names for each of two domains, MX and SPF of two MAIL FROMs, MX, SPF and DMARC of the mail domain.
    expect(told).toHaveLength(19);
    expect((await graphOf("staging")).outputs.dnsRecordsToAdd).toBeUndefined();
  });
});

describe("a stage that shares the account", () => {
  test("writes into the company's zone, which it neither makes nor removes", async () => {
    const graph = await guest();
    expect(all(graph, zoneType)).toEqual([]);
    expect(graph.outputs.nameServers).toBeUndefined();
    const found = all(graph, recordType);
    expect(found.length).toBeGreaterThan(10);
    for (const { inputs } of found) expect(inputs.zoneId).toBe("Z0123456789ABCDEFGHIJ");
  });

  test("under its own name only, so that no two stages write one record", async () => {
    const own = Object.keys(records(await guest()));
    for (const key of own) expect(key).toMatch(/(^|\.)anna\.(desk|in)\.acme\.test\.? [A-Z]+$/);
    const others = new Set(Object.keys(records(await named())));
    expect(own.filter((key) => others.has(key))).toEqual([]);
    expect(own).toContain("anna.in.acme.test MX");
    expect(own.filter((key) => key.includes("_domainkey"))).toEqual([]);
  });
});
