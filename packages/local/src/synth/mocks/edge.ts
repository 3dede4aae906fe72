import type { MockTable } from "./context.ts";
import { uuid } from "./messaging.ts";
import { byName, plain } from "./shapes.ts";

const cloudfront = { region: "" };

/** CloudFront, Route 53, certificates, WAF. */
export const edge: MockTable = {
  "aws:cloudfront/distribution:Distribution": (c) => {
    const id = `E${c.upper(13)}`;
    return {
      id,
      outputs: {
        arn: c.arn("cloudfront", `distribution/${id}`, cloudfront),
        domainName: `d${c.alphanumeric(13)}.cloudfront.net`,
        hostedZoneId: "Z2FDTNDATAQYW2",
        etag: `E${c.upper(13, "etag")}`,
        status: "Deployed",
        callerReference: c.hex(32),
      },
    };
  },
  "aws:cloudfront/originAccessControl:OriginAccessControl": (c) => ({
    id: `E${c.upper(13)}`,
    inputs: { name: c.named("name", { max: 64 }) },
    outputs: { etag: `E${c.upper(13, "etag")}` },
  }),
  "aws:cloudfront/originAccessIdentity:OriginAccessIdentity": (c) => {
    const id = `E${c.upper(13)}`;
    return {
      id,
      outputs: {
        iamArn: `arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity ${id}`,
        cloudfrontAccessIdentityPath: `origin-access-identity/cloudfront/${id}`,
        s3CanonicalUserId: c.hex(96),
      },
    };
  },
  "aws:cloudfront/cachePolicy:CachePolicy": (c) => ({
    id: uuid(c.hex(32)),
    inputs: { name: c.named("name", { max: 128 }) },
    outputs: { etag: `E${c.upper(13)}` },
  }),
  "aws:cloudfront/originRequestPolicy:OriginRequestPolicy": (c) => ({
    id: uuid(c.hex(32)),
    inputs: { name: c.named("name", { max: 128 }) },
    outputs: { etag: `E${c.upper(13)}` },
  }),
  "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": (c) => ({
    id: uuid(c.hex(32)),
    inputs: { name: c.named("name", { max: 128 }) },
    outputs: { etag: `E${c.upper(13)}` },
  }),
  "aws:cloudfront/function:Function": byName(
    "name",
    (c, name) => ({
      arn: c.arn("cloudfront", `function/${name}`, cloudfront),
      etag: `E${c.upper(13)}`,
      status: "UNASSOCIATED",
    }),
    { max: 64 },
  ),
  "aws:cloudfront/keyValueStore:KeyValueStore": (c) => {
    const id = uuid(c.hex(32));
    return {
      id,
      inputs: { name: c.named("name", { max: 64 }) },
      outputs: { arn: c.arn("cloudfront", `key-value-store/${id}`, cloudfront), etag: `E${c.upper(13)}` },
    };
  },
  "aws:cloudfront/publicKey:PublicKey": (c) => ({
    id: `K${c.upper(13)}`,
    inputs: { name: c.named("name", { max: 128 }) },
    outputs: { etag: `E${c.upper(13)}`, callerReference: c.hex(32) },
  }),
  "aws:cloudfront/keyGroup:KeyGroup": (c) => ({
    id: uuid(c.hex(32)),
    inputs: { name: c.named("name", { max: 128 }) },
    outputs: { etag: `E${c.upper(13)}` },
  }),

  "aws:route53/zone:Zone": (c) => {
    const id = `Z${c.upper(20)}`;
    const name = c.text("name") ?? c.name;
    return {
      id,
      outputs: {
        zoneId: id,
        arn: `arn:aws:route53:::hostedzone/${id}`,
        nameServers: ["com", "net", "org", "co.uk"].map(
          (end, index) => `ns-${100 + index * 512}.awsdns-${index}.${end}`,
        ),
        primaryNameServer: `ns-100.awsdns-0.com`,
        name,
      },
    };
  },
  "aws:route53/record:Record": (c) => ({
    id: `${c.text("zoneId")}_${c.text("name")}_${c.text("type")}`,
    outputs: { fqdn: c.text("name") },
  }),
  "aws:route53/healthCheck:HealthCheck": (c) => {
    const id = uuid(c.hex(32));
    return { id, outputs: { arn: `arn:aws:route53:::healthcheck/${id}` } };
  },
  "aws:acm/certificate:Certificate": (c) => {
    const arn = c.arn("acm", `certificate/${uuid(c.hex(32))}`);
    const names = [c.text("domainName") ?? c.name, ...((c.inputs.subjectAlternativeNames ?? []) as string[])];
    return {
      id: arn,
      outputs: {
        arn,
        status: "ISSUED",
        domainValidationOptions: [...new Set(names)].map((domainName) => ({
          domainName,
          resourceRecordName: `_${c.hex(32, domainName)}.${domainName.replace(/^\*\./, "")}.`,
          resourceRecordType: "CNAME",
          resourceRecordValue: `_${c.hex(32, `${domainName} value`)}.acm-validations.aws.`,
        })),
      },
    };
  },
  "aws:acm/certificateValidation:CertificateValidation": plain((c) => c.text("certificateArn")),
  "aws:wafv2/webAcl:WebAcl": (c) => {
    const id = uuid(c.hex(32));
    const name = c.named("name", { max: 128 });
    const scope = c.inputs.scope === "CLOUDFRONT" ? "global" : "regional";
    return {
      id,
      inputs: { name },
      outputs: {
        arn: c.arn("wafv2", `${scope}/webacl/${name}/${id}`),
        capacity: 100,
        lockToken: uuid(c.hex(32, "lock")),
      },
    };
  },
  "aws:wafv2/webAclAssociation:WebAclAssociation": plain(),
};
