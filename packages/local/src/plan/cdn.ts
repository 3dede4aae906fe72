import type { GraphResource } from "../graph/types.ts";
import { type CdnPolicies, nothing, readCdnPolicies, readForwardedValues } from "./cdn-policies.ts";
import type {
  BehaviourSpec,
  DistributionSpec,
  EdgeFunctionSpec,
  KeyValueStoreSpec,
  OriginAccess,
  OriginSpec,
} from "./cdn-types.ts";
import { optional } from "./messaging.ts";
import {
  flag,
  list,
  optionalText,
  property,
  type Reader,
  record,
  text,
  textRecord,
  texts,
  toNumber,
  toText,
} from "./read.ts";
import type { Plan } from "./types.ts";

/** What behaviours refer to by id or ARN. */
interface Context {
  policies: CdnPolicies;
  /** By id of the key group. */
  keyGroups: Map<string, { id: string; pem: string }[]>;
  /** By ARN. */
  functions: Map<string, EdgeFunctionSpec>;
  /** Of origins, by id. */
  access: Map<string, OriginAccess>;
  refuse(reason: string): void;
}

export function readDistributions(reader: Reader, notRun: Plan["notRun"]): DistributionSpec[] {
  const policies = readCdnPolicies(reader);
  const keyGroups = readKeyGroups(reader);
  const functions = readFunctions(reader);
  const access = readAccessControls(reader);
  return reader.all("aws:cloudfront/distribution:Distribution").flatMap((resource) => {
    const { type, name } = resource;
    const refuse = (reason: string) => void notRun.push({ type, name, reason });
    if (resource.external) {
      refuse("it is looked up, and belongs to another app");
      return [];
    }
    const context: Context = { policies, keyGroups, functions, access, refuse };
    return [readDistribution(reader, resource, context)];
  });
}

function readDistribution(reader: Reader, resource: GraphResource, context: Context): DistributionSpec {
  const geo = record(record(property(resource, "restrictions")).geoRestriction);
  if (toText(geo.restrictionType) && geo.restrictionType !== "none")
    context.refuse("nobody on this machine is in a country: its restriction to some takes no effect");
  if (optionalText(resource, "webAclId")) context.refuse("there is no WAF here: its rules take no effect");
  const ordered = list(property(resource, "orderedCacheBehaviors"));
  const byDefault = record(property(resource, "defaultCacheBehavior"));
  return {
    id: text(resource, "id"),
    arn: text(resource, "arn"),
    name: componentName(reader, resource),
    domainName: text(resource, "domainName"),
    aliases: texts(property(resource, "aliases")).map((alias) => alias.toLowerCase()),
    enabled: flag(resource, "enabled", true),
    ...optional("defaultRootObject", optionalText(resource, "defaultRootObject")?.replace(/^\//, "")),
    origins: list(property(resource, "origins")).map((origin) => readOrigin(origin, context)),
    originGroups: list(property(resource, "originGroups")).map((group) => ({
      id: toText(group.originId) ?? "",
      members: list(group.members).flatMap((member) => toText(member.originId) ?? []),
      statusCodes: numbers(record(group.failoverCriteria).statusCodes),
    })),
    behaviours: [
      ...ordered.map((behaviour) => readBehaviour(behaviour, toText(behaviour.pathPattern) ?? "*", context)),
      readBehaviour(byDefault, "*", context),
    ],
    errorResponses: list(property(resource, "customErrorResponses")).map((response) => ({
      code: toNumber(response.errorCode) ?? 0,
      ...optional("responseCode", toNumber(response.responseCode) || undefined),
      ...optional("pagePath", toText(response.responsePagePath)),
      ...optional("ttlSeconds", toNumber(response.errorCachingMinTtl)),
    })),
  };
}

/** SST's own components are made of others: the name is that which the app gave. */
function componentName(reader: Reader, resource: GraphResource): string {
  let named = reader.parent(resource) ?? resource;
  for (let above = reader.parent(named); above?.type.startsWith("sst:aws:"); above = reader.parent(named))
    named = above;
  return named.name;
}

const numbers = (value: unknown) =>
  (Array.isArray(value) ? value : []).flatMap((item) => toNumber(item) ?? []);

function readOrigin(origin: Record<string, unknown>, context: Context): OriginSpec {
  const custom = record(origin.customOriginConfig);
  const isCustom = Object.keys(custom).length > 0;
  const id = toText(origin.originId) ?? "";
  const domainName = toText(origin.domainName) ?? "";
  const controlId = toText(origin.originAccessControlId);
  const access = controlId === undefined ? undefined : context.access.get(controlId);
  if (controlId !== undefined && !access)
    context.refuse(`origin ${id}: of origin access controls only those for S3 and functions run here`);
  if (toText(record(origin.s3OriginConfig).originAccessIdentity))
    context.refuse(`origin ${id}: its origin access identity is not known here; use origin access control`);
  const policy = toText(custom.originProtocolPolicy);
  return {
    id,
    domainName: domainName.toLowerCase(),
    path: (toText(origin.originPath) ?? "").replace(/\/+$/, ""),
    headers: Object.fromEntries(
      list(origin.customHeaders).map((header) => [
        (toText(header.name) ?? "").toLowerCase(),
        toText(header.value) ?? "",
      ]),
    ),
    protocol: policy === "http-only" ? "http" : isCustom && policy === "match-viewer" ? policy : "https",
    httpPort: toNumber(custom.httpPort) ?? 80,
    httpsPort: toNumber(custom.httpsPort) ?? 443,
    readTimeoutSeconds: toNumber(custom.originReadTimeout) ?? 30,
    ...optional("access", access),
  };
}

function readBehaviour(behaviour: Record<string, unknown>, pattern: string, context: Context): BehaviourSpec {
  const named = <T>(key: string, find: (id: string) => T | undefined): T | undefined => {
    const id = toText(behaviour[key]);
    const found = id === undefined ? undefined : find(id);
    if (id !== undefined && found === undefined)
      context.refuse(`${pattern}: ${key} ${id} is neither in the graph nor known here`);
    return found;
  };
  if (list(behaviour.lambdaFunctionAssociations).length > 0)
    context.refuse(`${pattern}: Lambda@Edge does not run here`);
  if (texts(behaviour.trustedSigners).length > 0)
    context.refuse(`${pattern}: trusted signers are not known here; use trusted key groups`);
  const viewerProtocol = toText(behaviour.viewerProtocolPolicy);
  const groups = texts(behaviour.trustedKeyGroups);
  const associated = (event: string) => {
    const arn = list(behaviour.functionAssociations).find(
      ({ eventType }) => eventType === event,
    )?.functionArn;
    return toText(arn) === undefined ? undefined : context.functions.get(String(arn));
  };
  const responseHeaders = named("responseHeadersPolicyId", context.policies.responseHeaders);
  return {
    pattern,
    originId: toText(behaviour.targetOriginId) ?? "",
    allowedMethods: texts(behaviour.allowedMethods),
    cachedMethods: texts(behaviour.cachedMethods),
    viewerProtocol:
      viewerProtocol === "https-only" || viewerProtocol === "redirect-to-https"
        ? viewerProtocol
        : "allow-all",
    compress: behaviour.compress === true,
    ...(groups.length > 0 && {
      trustedKeys: groups.flatMap((id) => context.keyGroups.get(id) ?? []),
    }),
    cache: named("cachePolicyId", context.policies.cache) ?? readForwardedValues(behaviour),
    forward: named("originRequestPolicyId", context.policies.forward) ?? {
      queries: nothing,
      headers: nothing,
      cookies: nothing,
    },
    ...optional("responseHeaders", responseHeaders),
    functions: {
      ...optional("viewerRequest", associated("viewer-request")),
      ...optional("viewerResponse", associated("viewer-response")),
    },
  };
}

function readKeyGroups(reader: Reader): Context["keyGroups"] {
  const keys = new Map(
    reader.all("aws:cloudfront/publicKey:PublicKey").map((key) => [text(key, "id"), text(key, "encodedKey")]),
  );
  return new Map(
    reader.all("aws:cloudfront/keyGroup:KeyGroup").map((group) => [
      text(group, "id"),
      texts(property(group, "items")).flatMap((id) => {
        const pem = keys.get(id);
        return pem === undefined ? [] : [{ id, pem }];
      }),
    ]),
  );
}

function readFunctions(reader: Reader): Context["functions"] {
  return new Map(
    reader.all("aws:cloudfront/function:Function").map((resource) => {
      const arn = text(resource, "arn");
      const [store] = texts(property(resource, "keyValueStoreAssociations"));
      return [
        arn,
        {
          arn,
          name: text(resource, "name"),
          code: text(resource, "code"),
          ...optional("keyValueStoreArn", store),
        },
      ];
    }),
  );
}

function readAccessControls(reader: Reader): Context["access"] {
  const own = reader.all("aws:cloudfront/originAccessControl:OriginAccessControl").flatMap((resource) => {
    const service = optionalText(resource, "originAccessControlOriginType");
    const behaviour = optionalText(resource, "signingBehavior");
    if (service !== "s3" && service !== "lambda") return [];
    const signing = behaviour === "never" || behaviour === "no-override" ? behaviour : "always";
    return [[text(resource, "id"), { service, signing } satisfies OriginAccess] as const];
  });
  // SST's, for buckets, which it makes by a provider of its own.
  const ofSst = dynamic(reader, "OriginAccessControl").map(
    (resource) =>
      [text(resource, "id"), { service: "s3", signing: "always" } satisfies OriginAccess] as const,
  );
  return new Map([...own, ...ofSst]);
}

/** Resources of SST's own providers, by kind: `<name>.sst.aws.<kind>`. */
function dynamic(reader: Reader, kind: string): GraphResource[] {
  return reader.all("pulumi-nodejs:dynamic:Resource").filter(({ name }) => name.endsWith(`.sst.aws.${kind}`));
}

/** Key value stores, with what the deployment puts into them. */
export function readKeyValueStores(reader: Reader): KeyValueStoreSpec[] {
  return reader.all("aws:cloudfront/keyValueStore:KeyValueStore").map((resource) => {
    const arn = text(resource, "arn");
    const entries: Record<string, string> = {};
    const put = (key: string, value: string) => Object.assign(entries, { [key]: value });
    const within = (one: GraphResource) => one.inputs.store === arn;
    for (const one of dynamic(reader, "KvKeys").filter(within))
      for (const [key, value] of Object.entries(textRecord(one.inputs.entries)))
        put(`${text(one, "namespace")}:${key}`, value);
    // Each route adds itself to one list.
    for (const one of dynamic(reader, "KvRoutesUpdate").filter(within)) {
      const key = `${text(one, "namespace")}:${text(one, "key")}`;
      const before = JSON.parse(entries[key] ?? "[]") as string[];
      put(key, JSON.stringify([...new Set([...before, text(one, "entry")])]));
    }
    for (const one of reader.all("aws:cloudfront/keyvaluestoreKey:KeyvaluestoreKey"))
      if (one.inputs.keyValueStoreArn === arn) put(text(one, "key"), text(one, "value"));
    for (const one of reader.all("aws:cloudfront/keyvaluestoreKeysExclusive:KeyvaluestoreKeysExclusive"))
      if (one.inputs.keyValueStoreArn === arn)
        for (const pair of list(one.inputs.resourceKeyValuePairs))
          put(toText(pair.key) ?? "", toText(pair.value) ?? "");
    return { arn, name: text(resource, "name"), entries };
  });
}
