/**
 * The CDN in front of the home bucket: `media/` for everybody, the rest by signed address. Each path is the object's key.
 * The bucket's policy lets CloudFront read `media/`, `private/` and `attachments/`, nothing else.
 */
import { createOwnedBucket } from "./bucket";
import { ownDomain } from "./dns";
import { perStage, settings } from "./stage";
import { attachmentPrefix, homeBucket, publicMediaPrefix } from "./storage";

/** AWS's "CachingOptimized": by path alone, compressed (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html). */
const cachingOptimized = "658327ea-f89d-4fab-a63d-7e88639e58f6";
/** AWS's "CachingDisabled". */
const cachingDisabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";

/** A key by its number. The private half goes into the secret below and nowhere else (docs/decisions/0036-cdn-keys.md). */
function createKey(number: number) {
  const pair = new tls.PrivateKey(`CdnKey${number}`, { algorithm: "RSA", rsaBits: 2048 });
  const publicKey = new aws.cloudfront.PublicKey(`CdnPublicKey${number}`, {
    name: perStage(`frontdesk-cdn-${number}`),
    comment: "Checks signed addresses",
    encodedKey: pair.publicKeyPem,
  });
  return { keyPairId: publicKey.id, privateKey: pair.privateKeyPemPkcs8 };
}
const current = createKey(settings.cdnKey);
/** Addresses that were signed before a rotation stay valid until they expire. */
const previous = createKey(settings.cdnKey - 1);

const keyGroup = new aws.cloudfront.KeyGroup("CdnKeyGroup", {
  name: perStage("frontdesk-cdn"),
  items: [current.keyPairId, previous.keyPairId],
});

const signingKeys = new aws.secretsmanager.Secret("CdnSigningKeys", {
  name: perStage("frontdesk/cdn/signing-keys"),
  description: "Private keys that sign the CDN's addresses: the current one and the one before",
});
new aws.secretsmanager.SecretVersion(
  "CdnSigningKeysVersion",
  { secretId: signingKeys.id, secretString: $jsonStringify({ current, previous }) },
  // Whoever reads a new key signs with it at once: the CDN must know it by then.
  { dependsOn: [keyGroup] },
);

const access = new aws.cloudfront.OriginAccessControl("CdnAccess", {
  name: perStage("frontdesk-home-bucket"),
  description: "Reads the home bucket",
  originAccessControlOriginType: "s3",
  signingBehavior: "always",
  signingProtocol: "sigv4",
});

type Headers = aws.types.input.cloudfront.ResponseHeadersPolicyCustomHeadersConfigItem[];

const createHeaders = (name: string, policyName: string, items: Headers) =>
  new aws.cloudfront.ResponseHeadersPolicy(name, {
    name: perStage(policyName),
    securityHeadersConfig: {
      strictTransportSecurity: {
        accessControlMaxAgeSec: 365 * 24 * 60 * 60,
        includeSubdomains: true,
        override: true,
      },
      contentTypeOptions: { override: true },
      frameOptions: { frameOption: "DENY", override: true },
      referrerPolicy: { referrerPolicy: "no-referrer", override: true },
      // What somebody uploaded is shown, never run.
      contentSecurityPolicy: { contentSecurityPolicy: "default-src 'none'; sandbox", override: true },
    },
    ...(items.length > 0 && { customHeadersConfig: { items } }),
  });
const headers = createHeaders("CdnHeaders", "frontdesk-cdn", []);
/**
 * The objects say `immutable` for CloudFront, which keeps them; whoever is between it and a person keeps nothing that is
 * private, and the browser for as long as the address stays the same.
 */
const privateHeaders = createHeaders("CdnPrivateHeaders", "frontdesk-cdn-private", [
  { header: "Cache-Control", value: "private, max-age=900, immutable", override: true },
  { header: "X-Robots-Tag", value: "noindex", override: true },
]);
/** Attachments of mail: a stranger's bytes, saved and never kept by anybody on the way. */
const downloadHeaders = createHeaders("CdnDownloadHeaders", "frontdesk-cdn-downloads", [
  // S3 says it with a name; should it ever not, it is a download all the same.
  { header: "Content-Disposition", value: "attachment", override: false },
  { header: "Cache-Control", value: "private, no-store", override: true },
  { header: "X-Robots-Tag", value: "noindex", override: true },
]);
/** The name to save under is in the address that was signed; S3 answers with it. */
const downloadName = new aws.cloudfront.OriginRequestPolicy("CdnDownloadName", {
  name: perStage("frontdesk-cdn-download-name"),
  cookiesConfig: { cookieBehavior: "none" },
  headersConfig: { headerBehavior: "none" },
  queryStringsConfig: {
    queryStringBehavior: "whitelist",
    queryStrings: { items: ["response-content-disposition"] },
  },
});

/**
 * Who fetched what, with addresses of people. By ACL: CloudFront's newer logging without one needs resources that the AWS
 * provider 6.66.2 has not.
 */
const { bucket: logs, ownership } = createOwnedBucket("CdnLogs", {
  acls: true,
  rules: [{ id: "logs", status: "Enabled", filter: { prefix: "" }, expiration: { days: settings.logDays } }],
});

const behaviour = {
  targetOriginId: "home",
  viewerProtocolPolicy: "redirect-to-https",
  allowedMethods: ["GET", "HEAD"],
  cachedMethods: ["GET", "HEAD"],
  compress: true,
  cachePolicyId: cachingOptimized,
  responseHeadersPolicyId: headers.id,
};

const distribution = new sst.aws.Cdn("Distribution", {
  comment: `${$app.name} ${$app.stage}: media`,
  ...ownDomain("cdn"),
  origins: [
    {
      originId: "home",
      domainName: homeBucket.nodes.bucket.bucketRegionalDomainName,
      originAccessControlId: access.id,
    },
  ],
  defaultCacheBehavior: {
    ...behaviour,
    trustedKeyGroups: [keyGroup.id],
    responseHeadersPolicyId: privateHeaders.id,
  },
  orderedCacheBehaviors: [
    { ...behaviour, pathPattern: `/${publicMediaPrefix}*` },
    {
      ...behaviour,
      pathPattern: `/${attachmentPrefix}*`,
      trustedKeyGroups: [keyGroup.id],
      cachePolicyId: cachingDisabled,
      originRequestPolicyId: downloadName.id,
      responseHeadersPolicyId: downloadHeaders.id,
    },
  ],
  // S3 answers 403 for what is not there (yet): a picture that is being made must not be missing for long.
  customErrorResponses: [403, 404].map((errorCode) => ({ errorCode, errorCachingMinTtl: 1 })),
  // Minutes that nothing here has to wait for.
  wait: false,
  transform: {
    distribution: (args, options) => {
      args.priceClass = settings.priceClass;
      // There is none: the root answers as any picture does that is not there, whatever the bucket's policy says later.
      args.defaultRootObject = "index.html";
      args.httpVersion = "http2and3";
      args.isIpv6Enabled = true;
      args.loggingConfig = {
        bucket: logs.nodes.bucket.bucketDomainName,
        includeCookies: false,
        prefix: "cdn/",
      };
      options.dependsOn = [ownership];
    },
  },
});

/** For who tells it that a picture is gone. */
export const distributionArn = distribution.nodes.distribution.arn;

/** Where pictures are fetched, and where the keys are that sign. The key itself is read at run time. */
export const cdn = new sst.Linkable("Cdn", {
  properties: {
    url: distribution.domainUrl.apply((url) => url ?? distribution.url),
    keyGroupId: keyGroup.id,
    secretArn: signingKeys.arn,
    distributionId: distribution.nodes.distribution.id,
  },
});
