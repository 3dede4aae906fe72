import { optional } from "./messaging.ts";
import { arnName, flag, list, number, optionalText, property, type Reader, text, toText } from "./read.ts";
import type { CacheSpec, DatabaseProxySpec, DatabaseSpec, Plan } from "./types.ts";

export function readDatabases(reader: Reader, notRun: Plan["notRun"]): DatabaseSpec[] {
  return reader.all("aws:rds/cluster:Cluster").flatMap((resource) => {
    const engine = optionalText(resource, "engine");
    if (engine !== "aurora-postgresql") {
      notRun.push({
        type: resource.type,
        name: resource.name,
        reason: `engine ${engine ?? "unknown"}: only Aurora PostgreSQL runs here`,
      });
      return [];
    }
    return [
      {
        id: text(resource, "clusterIdentifier"),
        arn: text(resource, "arn"),
        resourceId: text(resource, "clusterResourceId"),
        region: resource.region,
        engineVersion: optionalText(resource, "engineVersion") ?? "",
        hosts: [text(resource, "endpoint"), optionalText(resource, "readerEndpoint")].filter(
          (host) => host !== undefined,
        ),
        port: number(resource, "port", 5432),
        databaseName: optionalText(resource, "databaseName") ?? "postgres",
        masterUsername: optionalText(resource, "masterUsername") ?? "postgres",
        ...optional("masterPassword", optionalText(resource, "masterPassword")),
        iamAuthentication: flag(resource, "iamDatabaseAuthenticationEnabled"),
      },
    ];
  });
}

export function readDatabaseProxies(reader: Reader): DatabaseProxySpec[] {
  const targets = reader.all("aws:rds/proxyTarget:ProxyTarget");
  return reader.all("aws:rds/proxy:Proxy").flatMap((resource) => {
    const name = text(resource, "name");
    const target = targets.find((candidate) => candidate.inputs.dbProxyName === name);
    const clusterId = target && optionalText(target, "dbClusterIdentifier");
    if (!clusterId) return [];
    const arn = text(resource, "arn");
    return [
      {
        name,
        arn,
        resourceId: arnName(arn),
        region: resource.region,
        host: text(resource, "endpoint"),
        port: 5432,
        clusterId,
        requireTls: flag(resource, "requireTls"),
        roleArn: text(resource, "roleArn"),
        auth: list(property(resource, "auths")).map((auth) => ({
          secretArn: toText(auth.secretArn) ?? "",
          iamAuth: auth.iamAuth === "REQUIRED" ? ("REQUIRED" as const) : ("DISABLED" as const),
          scheme: toText(auth.authScheme) ?? "SECRETS",
        })),
      },
    ];
  });
}

export function readCaches(reader: Reader): CacheSpec[] {
  return reader.all("aws:elasticache/replicationGroup:ReplicationGroup").map((resource) => {
    const hosts = ["primaryEndpointAddress", "readerEndpointAddress", "configurationEndpointAddress"]
      .map((key) => optionalText(resource, key))
      .filter((host) => host !== undefined);
    return {
      id: text(resource, "id"),
      arn: text(resource, "arn"),
      region: resource.region,
      hosts,
      port: number(resource, "port", 6379),
      ...optional("authToken", optionalText(resource, "authToken")),
      transitEncryption: flag(resource, "transitEncryptionEnabled"),
      clusterMode: property(resource, "clusterMode") === "enabled",
    };
  });
}
