import { createPublicKey, createSign, createVerify } from "node:crypto";
import type { Graph } from "@frontdesk/local";
import { describe, expect, test } from "vitest";
import { graphOf, guest, permanentStages, stages } from "./support/graphs.ts";
import { all, needs, one, statements, text } from "./support/read.ts";

const distributionType = "aws:cloudfront/distribution:Distribution";
const publicKeyType = "aws:cloudfront/publicKey:PublicKey";
const keyGroupType = "aws:cloudfront/keyGroup:KeyGroup";

function headersOf(graph: Graph, behaviour: unknown) {
  const { responseHeadersPolicyId: id } = behaviour as { responseHeadersPolicyId: string };
  const found = all(graph, "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy").find(
    ({ outputs }) => outputs.id === id,
  );
  if (!found) throw new Error(`no response headers policy ${id}`);
  return found;
}

interface Key {
  keyPairId: string;
  privateKey: string;
}
function keysOf(graph: Graph): { current: Key; previous: Key } {
  const version = one(graph, "aws:secretsmanager/secretVersion:SecretVersion", "CdnSigningKeysVersion");
  return JSON.parse(String(version.inputs.secretString)) as { current: Key; previous: Key };
}

describe.each(stages)("stage %s", (stage) => {
  test("serves media/ to everybody, and everything else by signed address alone", async () => {
    const graph = await graphOf(stage);
    const { defaultCacheBehavior, orderedCacheBehaviors } = one(graph, distributionType).inputs;
    expect(defaultCacheBehavior).toMatchObject({ trustedKeyGroups: [text(one(graph, keyGroupType), "id")] });
    const ordered = orderedCacheBehaviors as Record<string, unknown>[];
    expect(ordered.map(({ pathPattern }) => pathPattern)).toEqual(["/media/*", "/attachments/*"]);
    expect(ordered[0]?.trustedKeyGroups).toBeUndefined();
    expect(ordered[1]).toMatchObject({ trustedKeyGroups: [text(one(graph, keyGroupType), "id")] });
  });

  test("reads by GET and HEAD over HTTPS, and tells browsers to stay there and to run nothing", async () => {
    const graph = await graphOf(stage);
    const { defaultCacheBehavior, orderedCacheBehaviors } = one(graph, distributionType).inputs;
    for (const behaviour of [defaultCacheBehavior, ...(orderedCacheBehaviors as unknown[])]) {
      expect(behaviour).toMatchObject({
        viewerProtocolPolicy: "redirect-to-https",
        allowedMethods: ["GET", "HEAD"],
        compress: true,
      });
      expect(headersOf(graph, behaviour).inputs.securityHeadersConfig).toMatchObject({
        strictTransportSecurity: { accessControlMaxAgeSec: 31_536_000, override: true },
        contentTypeOptions: { override: true },
        frameOptions: { frameOption: "DENY" },
        contentSecurityPolicy: { contentSecurityPolicy: "default-src 'none'; sandbox" },
      });
    }
  });

  test("keeps a picture by its path alone, whatever formats a browser takes and whoever signed for it", async () => {
    const { defaultCacheBehavior, orderedCacheBehaviors } = one(
      await graphOf(stage),
      distributionType,
    ).inputs;
    for (const behaviour of [defaultCacheBehavior, (orderedCacheBehaviors as unknown[])[0]]) {
      // AWS's CachingOptimized: no header, cookie or query is part of the key.
      expect(behaviour).toMatchObject({ cachePolicyId: "658327ea-f89d-4fab-a63d-7e88639e58f6" });
      expect(behaviour).not.toHaveProperty("originRequestPolicyId");
    }
  });

  test("lets nobody between keep what is private, and leaves to public objects what they say themselves", async () => {
    const graph = await graphOf(stage);
    const { defaultCacheBehavior, orderedCacheBehaviors } = one(graph, distributionType).inputs;
    expect(headersOf(graph, defaultCacheBehavior).inputs.customHeadersConfig).toEqual({
      items: [
        { header: "Cache-Control", value: "private, max-age=900, immutable", override: true },
        { header: "X-Robots-Tag", value: "noindex", override: true },
      ],
    });
    const [open] = orderedCacheBehaviors as unknown[];
    expect(headersOf(graph, open).inputs).not.toHaveProperty("customHeadersConfig");
  });

  test("keeps no attachment, hands on the name that was signed and nothing else, and has it saved", async () => {
    const graph = await graphOf(stage);
    const { orderedCacheBehaviors } = one(graph, distributionType).inputs;
    const [, downloads] = orderedCacheBehaviors as Record<string, unknown>[];
    const forwarded = one(graph, "aws:cloudfront/originRequestPolicy:OriginRequestPolicy");
    expect(downloads).toMatchObject({
      // AWS's CachingDisabled.
      cachePolicyId: "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
      originRequestPolicyId: text(forwarded, "id"),
    });
    expect(forwarded.inputs).toMatchObject({
      cookiesConfig: { cookieBehavior: "none" },
      headersConfig: { headerBehavior: "none" },
      queryStringsConfig: {
        queryStringBehavior: "whitelist",
        queryStrings: { items: ["response-content-disposition"] },
      },
    });
    expect(headersOf(graph, downloads).inputs.customHeadersConfig).toEqual({
      items: [
        { header: "Content-Disposition", value: "attachment", override: false },
        { header: "Cache-Control", value: "private, no-store", override: true },
        { header: "X-Robots-Tag", value: "noindex", override: true },
      ],
    });
  });

  test("fetches from the home bucket at home, signing each request by origin access control", async () => {
    const graph = await graphOf(stage);
    const control = one(graph, "aws:cloudfront/originAccessControl:OriginAccessControl");
    expect(control.inputs).toMatchObject({
      originAccessControlOriginType: "s3",
      signingBehavior: "always",
      signingProtocol: "sigv4",
    });
    const bucket = text(one(graph, "bucket", "HomeBucketBucket"), "bucket");
    const [origin, ...others] = one(graph, distributionType).inputs.origins as Record<string, unknown>[];
    expect(others).toEqual([]);
    // No path in front: what the address says is the object's key.
    expect(origin).toEqual({
      originId: "home",
      domainName: `${bucket}.s3.ca-central-1.amazonaws.com`,
      originAccessControlId: text(control, "id"),
    });
  });

  test("reaches nothing else: of the home bucket CloudFront may read pictures and attachments alone", async () => {
    const graph = await graphOf(stage);
    const bucket = text(one(graph, "bucket", "HomeBucketBucket"), "arn");
    const granted = statements(one(graph, "bucketPolicy", "HomeBucketPolicy").inputs.policy).filter(
      ({ Effect }) => Effect === "Allow",
    );
    expect(granted).toEqual([
      expect.objectContaining({
        Principal: { Service: "cloudfront.amazonaws.com" },
        Action: "s3:GetObject",
        Resource: [`${bucket}/media/*`, `${bucket}/private/*`, `${bucket}/attachments/*`],
      }),
    ]);
  });

  test("has two keys, so that they rotate: each public half belongs to the private one in the secret", async () => {
    const graph = await graphOf(stage);
    const keys = Object.values(keysOf(graph));
    expect(one(graph, keyGroupType).inputs.items).toEqual(keys.map(({ keyPairId }) => keyPairId));
    for (const { keyPairId, privateKey } of keys) {
      const publicKey = all(graph, publicKeyType).find(({ outputs }) => outputs.id === keyPairId);
      const encoded = String(publicKey?.inputs.encodedKey);
      expect(createPublicKey(encoded).asymmetricKeyDetails?.modulusLength).toBe(2048);
      // CloudFront takes RSA with SHA-1 (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html).
      const signature = createSign("RSA-SHA1").update("a policy").sign(privateKey);
      expect(createVerify("RSA-SHA1").update("a policy").verify(encoded, signature)).toBe(true);
    }
    expect(new Set(keys.map(({ privateKey }) => privateKey)).size).toBe(2);
  });

  test("private keys are in the one secret and in no link, environment, output or policy", async () => {
    const graph = await graphOf(stage);
    const holders = graph.resources.filter(({ inputs }) => JSON.stringify(inputs).includes("PRIVATE KEY"));
    expect(holders.map(({ name }) => name)).toEqual(["CdnSigningKeysVersion"]);
    expect(JSON.stringify([graph.links, graph.outputs, graph.functions])).not.toContain("PRIVATE KEY");
    const secret = one(graph, "secret", "CdnSigningKeys");
    expect(secret.inputs.recoveryWindowInDays).toBe(permanentStages.includes(stage) ? 30 : 0);
    expect(graph.links.Cdn).toEqual({
      type: "sst.sst.Linkable",
      url: `https://${text(one(graph, distributionType), "domainName")}`,
      distributionId: text(one(graph, distributionType), "id"),
      keyGroupId: text(one(graph, keyGroupType), "id"),
      secretArn: text(secret, "arn"),
    });
  });

  test("logs who fetched what, into a bucket of its own that forgets it after the settings' days", async () => {
    const graph = await graphOf(stage);
    const logs = one(graph, "bucket", "CdnLogsBucket");
    expect(one(graph, distributionType).inputs.loggingConfig).toEqual({
      bucket: text(logs, "bucketDomainName"),
      includeCookies: false,
      prefix: "cdn/",
    });
    // Standard logging writes by an ACL, which S3 has off by default.
    const ownership = one(
      graph,
      "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
      "CdnLogsOwnership",
    );
    expect(needs(graph, one(graph, distributionType))).toContain(ownership.urn);
    expect(ownership.inputs).toMatchObject({
      bucket: text(logs, "bucket"),
      rule: { objectOwnership: "BucketOwnerPreferred" },
    });
    const lifecycle = one(
      graph,
      "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
      "CdnLogsLifecycle",
    );
    expect(lifecycle.inputs.rules).toContainEqual(expect.objectContaining({ expiration: { days: 30 } }));
  });

  test("speaks HTTP/2 and HTTP/3 over IPv4 and IPv6, near the people it is for", async () => {
    expect(one(await graphOf(stage), distributionType).inputs).toMatchObject({
      httpVersion: "http2and3",
      isIpv6Enabled: true,
      priceClass: "PriceClass_100",
    });
  });
});

test("a rotation signs with a new key and still takes the one before", async () => {
  const before = keysOf(await graphOf("anna"));
  const graph = await guest();
  const after = keysOf(graph);
  expect(after.previous).toEqual(before.current);
  expect(after.current.privateKey).not.toBe(before.current.privateKey);
  expect(one(graph, keyGroupType).inputs.items).toContain(before.current.keyPairId);
  expect(one(graph, distributionType).inputs.priceClass).toBe("PriceClass_All");
});
