import type { GraphResource } from "@frontdesk/local";
import { rule } from "../rule.ts";
import { blocks, isRecord, isTrue, recordsOf, texts, value, type World } from "../world.ts";

const distributions = {
  absent: "no distribution: this stage serves no pictures by CloudFront",
  over: (world: World) => world.all("distribution"),
};

const behaviours = (distribution: GraphResource) => [
  ...blocks(distribution, "defaultCacheBehavior"),
  ...blocks(distribution, "orderedCacheBehaviors"),
];
const origins = (distribution: GraphResource) => blocks(distribution, "origins");
const customOrigins = (distribution: GraphResource) =>
  origins(distribution).filter(({ customOriginConfig }) => isRecord(customOriginConfig));
const fromS3 = ({ domainName }: Record<string, unknown>) =>
  /\.s3[.-][\w.-]*amazonaws\.com$/.test(String(domainName));
const s3Origins = (distribution: GraphResource) => origins(distribution).filter(fromS3);

const certified = (distribution: GraphResource) =>
  Boolean(
    value(distribution, "viewerCertificate.acmCertificateArn") ??
      value(distribution, "viewerCertificate.iamCertificateId"),
  );

const year = 365 * 24 * 60 * 60;

export const cdnRules = [
  rule({
    name: "cdn.firewall",
    controls: ["AwsSolutions-CFR2", "CKV2_AWS_47", "CKV_AWS_68", "CloudFront.6"],
    statement: "Every distribution is behind a web ACL that knows bad requests (Log4j's among them)",
    mend: "set webAclId to an ACL with AWSManagedRulesKnownBadInputsRuleSet",
    ...distributions,
    wrong: (distribution, world) => {
      const reference = value(distribution, "webAclId");
      if (!reference) return "has no web ACL";
      const acl = world.find("webAcl", reference);
      return (
        acl &&
        !JSON.stringify(value(acl, "rules") ?? []).includes('"AWSManagedRulesKnownBadInputsRuleSet"') &&
        "has a web ACL that lets known bad requests through"
      );
    },
  }),
  rule({
    name: "cdn.geography",
    controls: ["AwsSolutions-CFR1", "CKV_AWS_374"],
    statement: "Every distribution serves chosen countries only",
    mend: "set restrictions.geoRestriction",
    ...distributions,
    wrong: (distribution) =>
      !["whitelist", "blacklist"].includes(
        String(value(distribution, "restrictions.geoRestriction.restrictionType")),
      ) && "serves every country",
  }),
  rule({
    name: "cdn.failover",
    controls: ["CKV_AWS_310", "CloudFront.4"],
    statement: "Every distribution has a second origin to fail over to",
    mend: "add an origin group of two origins",
    ...distributions,
    wrong: (distribution) =>
      !blocks(distribution, "originGroups").some(({ members }) => recordsOf(members).length >= 2) &&
      "fails with its origin",
  }),
  rule({
    name: "cdn.certificate",
    controls: ["AwsSolutions-CFR4", "CKV2_AWS_42", "CKV2_AWS_54", "CKV_AWS_174", "CloudFront.7"],
    statement:
      "Every distribution under a name of ours has a certificate of ours and takes TLS 1.2 or newer only",
    mend: 'set viewerCertificate.acmCertificateArn and minimumProtocolVersion "TLSv1.2_2021"',
    absent:
      "no distribution under a name of ours; under CloudFront's own neither certificate nor TLS version can be chosen: give the stage a domain",
    over: (world) =>
      distributions.over(world).filter((distribution) => texts(value(distribution, "aliases")).length > 0),
    wrong: (distribution) => {
      if (!certified(distribution)) return "has CloudFront's own certificate, which takes TLS 1.0";
      const minimum = String(value(distribution, "viewerCertificate.minimumProtocolVersion"));
      return !/^TLSv1\.[23]/.test(minimum) && `takes ${minimum}`;
    },
  }),
  rule({
    name: "cdn.sni",
    controls: ["CloudFront.8"],
    statement:
      "Every distribution with a certificate of ours serves it by name (SNI), not by addresses of its own",
    mend: 'set viewerCertificate.sslSupportMethod to "sni-only"',
    absent: "no distribution with a certificate of ours",
    over: (world) => distributions.over(world).filter(certified),
    wrong: (distribution) =>
      value(distribution, "viewerCertificate.sslSupportMethod") !== "sni-only" && "has addresses of its own",
  }),
  rule({
    name: "cdn.root-object",
    controls: ["CKV_AWS_305", "CloudFront.1"],
    statement: "Every distribution says what its root is",
    mend: "set defaultRootObject",
    ...distributions,
    wrong: (distribution) => !value(distribution, "defaultRootObject") && "has no default root object",
  }),
  rule({
    name: "cdn.logs",
    controls: ["AwsSolutions-CFR3", "CKV_AWS_86", "CloudFront.5"],
    statement: "Every distribution logs its requests",
    mend: "set loggingConfig",
    ...distributions,
    wrong: (distribution) => !value(distribution, "loggingConfig.bucket") && "does not log requests",
  }),
  rule({
    name: "cdn.origin-tls",
    controls: ["AwsSolutions-CFR5", "CKV2_AWS_72", "CloudFront.9", "CloudFront.10"],
    statement: "Every distribution reaches origins other than buckets over TLS 1.2 only",
    mend: 'set originProtocolPolicy "https-only" and originSslProtocols ["TLSv1.2"]',
    absent: "no origin but buckets, which CloudFront reaches over TLS by itself",
    over: (world) =>
      distributions.over(world).filter((distribution) => customOrigins(distribution).length > 0),
    wrong: (distribution) =>
      customOrigins(distribution).flatMap(({ domainName, customOriginConfig }) => {
        const { originProtocolPolicy, originSslProtocols } = customOriginConfig as Record<string, unknown>;
        return [
          originProtocolPolicy !== "https-only" && `reaches ${domainName} without TLS`,
          texts(originSslProtocols).some((version) => version !== "TLSv1.2") &&
            `reaches ${domainName} by old versions of TLS`,
        ];
      }),
  }),
  rule({
    name: "cdn.origin-access",
    controls: ["AwsSolutions-CFR7", "CKV2_AWS_46", "CloudFront.13"],
    statement: "Every distribution signs its requests to buckets (origin access control)",
    mend: "set originAccessControlId on the origin",
    absent: "no distribution with a bucket behind it",
    over: (world) => distributions.over(world).filter((distribution) => s3Origins(distribution).length > 0),
    wrong: (distribution, world) =>
      s3Origins(distribution).map(
        ({ domainName, originAccessControlId }) =>
          !world.find("originAccessControl", originAccessControlId) && `reads ${domainName} unsigned`,
      ),
  }),
  rule({
    name: "cdn.origin-exists",
    controls: ["CloudFront.12"],
    statement: "Every bucket behind a distribution is there",
    mend: "name a bucket of this program",
    absent: "no distribution with a bucket behind it",
    over: (world) => distributions.over(world).filter((distribution) => s3Origins(distribution).length > 0),
    wrong: (distribution, world) => {
      const known = new Set(
        world
          .all("bucket")
          .flatMap((bucket) =>
            texts([value(bucket, "bucketRegionalDomainName"), value(bucket, "bucketDomainName")]),
          ),
      );
      return s3Origins(distribution).map(
        ({ domainName }) => !known.has(String(domainName)) && `reads ${domainName}, which nobody declares`,
      );
    },
  }),
  rule({
    name: "cdn.https",
    controls: ["CKV_AWS_34", "CloudFront.3"],
    statement: "No distribution serves anything without TLS",
    mend: 'set viewerProtocolPolicy to "redirect-to-https" or "https-only" in every behaviour',
    ...distributions,
    wrong: (distribution) =>
      behaviours(distribution).map(
        ({ viewerProtocolPolicy, pathPattern }) =>
          !["redirect-to-https", "https-only"].includes(String(viewerProtocolPolicy)) &&
          `serves ${pathPattern ?? "the default"} without TLS`,
      ),
  }),
  rule({
    name: "cdn.headers",
    controls: ["CKV2_AWS_32"],
    statement: "Every behaviour of a distribution sets security headers",
    mend: "set responseHeadersPolicyId",
    ...distributions,
    wrong: (distribution) =>
      behaviours(distribution).map(
        ({ responseHeadersPolicyId, pathPattern }) =>
          !responseHeadersPolicyId && `answers ${pathPattern ?? "the default"} without security headers`,
      ),
  }),
  rule({
    name: "cdn.strict-transport",
    controls: ["CKV_AWS_259"],
    statement: "Every policy of response headers of ours demands TLS for a year (HSTS)",
    mend: "set securityHeadersConfig.strictTransportSecurity with accessControlMaxAgeSec of 31536000 or more, and override",
    absent: "no response headers policy of ours",
    over: (world) => world.all("responseHeaders"),
    wrong: (policy) => {
      const strict = value(policy, "securityHeadersConfig.strictTransportSecurity");
      return (
        !(isRecord(strict) && Number(strict.accessControlMaxAgeSec) >= year && isTrue(strict.override)) &&
        "does not demand TLS for a year"
      );
    },
  }),
  rule({
    name: "cdn.enabled",
    controls: ["CKV_AWS_216"],
    statement: "Every distribution is switched on",
    mend: "set enabled",
    ...distributions,
    wrong: (distribution) => !isTrue(value(distribution, "enabled")) && "is switched off",
  }),
];
