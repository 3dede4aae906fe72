import type { Sample } from "./sample.ts";
import type { Violations } from "./violations.ts";

type Block = Record<string, unknown>;

const cdn = (changes: Block) => (sample: Sample) => sample.set("Cdn", changes);
const certificate = (changes: Block) => (sample: Sample) =>
  sample.within("Cdn", "viewerCertificate", changes);
const origin = (index: number, change: (origin: Block) => Block) => (sample: Sample) => {
  const origins = sample.get("Cdn").inputs.origins as Block[];
  sample.set("Cdn", { origins: origins.map((own, at) => (at === index ? change(own) : own)) });
};
const media = (changes: Block) => (sample: Sample) => {
  const [behaviour] = sample.get("Cdn").inputs.orderedCacheBehaviors as Block[];
  sample.set("Cdn", { orderedCacheBehaviors: [{ ...behaviour, ...changes }] });
};
const aclRule = (changes: Block) => (sample: Sample) => {
  const [rule] = sample.get("Acl").inputs.rules as Block[];
  sample.set("Acl", { rules: [{ ...rule, ...changes }] });
};

export const edgeViolations: Violations = {
  "cdn.firewall": {
    "a distribution has no web ACL": cdn({ webAclId: undefined }),
    "the web ACL lets bad requests through": aclRule({
      statement: { managedRuleGroupStatement: { vendorName: "AWS", name: "AWSManagedRulesCommonRuleSet" } },
    }),
  },
  "cdn.geography": {
    "every country is served": cdn({ restrictions: { geoRestriction: { restrictionType: "none" } } }),
  },
  "cdn.failover": {
    "there is no origin group": cdn({ originGroups: undefined }),
    "the origin group has one member": cdn({
      originGroups: [
        { originId: "either", failoverCriteria: { statusCodes: [503] }, members: [{ originId: "pictures" }] },
      ],
    }),
  },
  "cdn.certificate": {
    "the certificate is CloudFront's": cdn({ viewerCertificate: { cloudfrontDefaultCertificate: true } }),
    "TLS 1.1 is taken": certificate({ minimumProtocolVersion: "TLSv1.1_2016" }),
    "SSL 3 is taken": certificate({ minimumProtocolVersion: "SSLv3" }),
  },
  "cdn.sni": { "the distribution has addresses of its own": certificate({ sslSupportMethod: "vip" }) },
  "cdn.root-object": { "the root is nothing": cdn({ defaultRootObject: undefined }) },
  "cdn.logs": { "requests are not logged": cdn({ loggingConfig: undefined }) },
  "cdn.origin-tls": {
    "an origin is reached without TLS": origin(1, (own) => ({
      ...own,
      customOriginConfig: { ...(own.customOriginConfig as Block), originProtocolPolicy: "match-viewer" },
    })),
    "an origin is reached by TLS 1.0": origin(1, (own) => ({
      ...own,
      customOriginConfig: { ...(own.customOriginConfig as Block), originSslProtocols: ["TLSv1", "TLSv1.2"] },
    })),
  },
  "cdn.origin-access": {
    "a bucket is read unsigned": origin(0, ({ originAccessControlId: _, ...own }) => own),
    "a bucket is read by an origin access identity": origin(0, ({ originAccessControlId: _, ...own }) => ({
      ...own,
      s3OriginConfig: { originAccessIdentity: "origin-access-identity/cloudfront/E1" },
    })),
  },
  "cdn.origin-exists": {
    "a bucket is nobody's": origin(0, (own) => ({
      ...own,
      domainName: "elsewhere.s3.ca-central-1.amazonaws.com",
    })),
  },
  "cdn.https": { "a behaviour serves without TLS": media({ viewerProtocolPolicy: "allow-all" }) },
  "cdn.headers": { "a behaviour sets no headers": media({ responseHeadersPolicyId: undefined }) },
  "cdn.strict-transport": {
    "TLS is not demanded": (sample) => sample.set("Headers", { securityHeadersConfig: {} }),
    "TLS is demanded for a day": (sample) =>
      sample.set("Headers", {
        securityHeadersConfig: {
          strictTransportSecurity: { accessControlMaxAgeSec: 86_400, override: true },
        },
      }),
  },
  "cdn.enabled": { "a distribution is switched off": cdn({ enabled: false }) },
  "firewall.logs": { "a web ACL does not log": (sample) => sample.remove("AclLogging") },
  "firewall.rules": {
    "a web ACL has no rule": (sample) => {
      sample.add("webAcl", "Empty", { scope: "REGIONAL", defaultAction: { allow: {} } });
      sample.add("webAclLogging", "EmptyLogging", {
        resourceArn: sample.arn("Empty"),
        logDestinationConfigs: [sample.arn("Log")],
      });
    },
  },
  "firewall.metrics": {
    "a rule counts nothing": aclRule({
      visibilityConfig: { cloudwatchMetricsEnabled: false, metricName: "bad", sampledRequestsEnabled: false },
    }),
  },
  "api.access-logs": {
    "an API logs nothing": (sample) => sample.set("HttpStage", { accessLogSettings: undefined }),
  },
  "api.authorisation": {
    "an HTTP route asks nobody": (sample) => sample.set("HttpRoute", { authorizationType: "NONE" }),
    "an HTTP route says nothing": (sample) => sample.set("HttpRoute", { authorizationType: undefined }),
    "a socket is let in unasked": (sample) => sample.set("Connect", { authorizationType: "NONE" }),
  },
  "api.execution-logs": {
    "a socket's errors go nowhere": (sample) =>
      sample.set("SocketStage", { defaultRouteSettings: { loggingLevel: "OFF" } }),
    "a socket says nothing of errors": (sample) =>
      sample.set("SocketStage", { defaultRouteSettings: undefined }),
  },
  "cognito.passwords": {
    "passwords may be short": (sample) => sample.within("Pool", "passwordPolicy", { minimumLength: 6 }),
    "passwords need no symbols": (sample) =>
      sample.within("Pool", "passwordPolicy", { requireSymbols: false }),
    "nothing is said of passwords": (sample) => sample.set("Pool", { passwordPolicy: undefined }),
  },
  "cognito.mfa": {
    "a password is enough": (sample) => sample.set("Pool", { mfaConfiguration: "OPTIONAL" }),
    "nothing is said of a second factor": (sample) => sample.set("Pool", { mfaConfiguration: undefined }),
  },
  "cognito.threats": {
    "attacks are only counted": (sample) =>
      sample.set("Pool", { userPoolAddOns: { advancedSecurityMode: "AUDIT" } }),
  },
  "cognito.guests": {
    "guests are given credentials": (sample) =>
      sample.set("Identities", { allowUnauthenticatedIdentities: true }),
  },
};
