import type { GraphResource } from "../graph/types.ts";
import { optional } from "./messaging.ts";
import { arnName, flag, list, number, optionalText, property, type Reader, text, toText } from "./read.ts";
import type { CacheSpec, DatabaseProxySpec, DatabaseSpec, Plan } from "./types.ts";

export function readDatabases(reader: Reader, notRun: Plan["notRun"]): DatabaseSpec[] {
  return [...readClusters(reader, notRun), ...readInstances(reader, notRun)];
}

function readClusters(reader: Reader, notRun: Plan["notRun"]): DatabaseSpec[] {
  return reader.all("aws:rds/cluster:Cluster").flatMap((resource) => {
    const engine = optionalText(resource, "engine");
    if (engine !== "aurora-postgresql") {
      notRun.push({
        type: resource.type,
        name: resource.name,
        reason: `engine ${engine ?? "unknown"}: of databases only PostgreSQL runs here`,
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
        ...plainAllowed(reader, resource, 17),
      },
    ];
  });
}

/** RDS for PostgreSQL; read replicas are further names of their source. */
function readInstances(reader: Reader, notRun: Plan["notRun"]): DatabaseSpec[] {
  const instances = reader.all("aws:rds/instance:Instance");
  const source = (resource: GraphResource) => toText(resource.inputs.replicateSourceDb);
  return instances.flatMap((resource) => {
    if (source(resource) !== undefined) return [];
    const engine = optionalText(resource, "engine");
    if (engine !== "postgres") {
      notRun.push({
        type: resource.type,
        name: resource.name,
        reason: `engine ${engine ?? "unknown"}: of databases only PostgreSQL runs here`,
      });
      return [];
    }
    const id = text(resource, "identifier");
    const arn = text(resource, "arn");
    const replicas = instances.filter((other) => [id, arn].includes(source(other) ?? ""));
    return [
      {
        id,
        arn,
        resourceId: text(resource, "resourceId"),
        region: resource.region,
        engineVersion: optionalText(resource, "engineVersion") ?? "",
        hosts: [resource, ...replicas].map((one) => text(one, "address")),
        port: number(resource, "port", 5432),
        databaseName: optionalText(resource, "dbName") ?? "postgres",
        masterUsername: optionalText(resource, "username") ?? "postgres",
        ...optional("masterPassword", optionalText(resource, "password")),
        iamAuthentication: flag(resource, "iamDatabaseAuthenticationEnabled"),
        ...plainAllowed(reader, resource, 15),
      },
    ];
  });
}

/**
 * `rds.force_ssl` as the parameter group says; where it does not, RDS demands TLS since 15 and Aurora since 17
 * (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.SSL.html,
 * https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.Security.html).
 */
function plainAllowed(reader: Reader, database: GraphResource, forcedSince: number): { plainAllowed?: true } {
  const names = [property(database, "parameterGroupName"), property(database, "dbClusterParameterGroupName")];
  const said = reader
    .all("aws:rds/parameterGroup:ParameterGroup", "aws:rds/clusterParameterGroup:ClusterParameterGroup")
    .filter((group) => names.includes(property(group, "name")))
    .flatMap((group) => list(property(group, "parameters")))
    .find((parameter) => parameter.name === "rds.force_ssl");
  // No version is AWS's newest.
  const major =
    Number.parseInt(optionalText(database, "engineVersion") ?? "", 10) || Number.POSITIVE_INFINITY;
  const forced = said ? String(said.value) === "1" : major >= forcedSince;
  return forced ? {} : { plainAllowed: true };
}

export function readDatabaseProxies(reader: Reader): DatabaseProxySpec[] {
  const targets = reader.all("aws:rds/proxyTarget:ProxyTarget");
  return reader.all("aws:rds/proxy:Proxy").flatMap((resource) => {
    const name = text(resource, "name");
    const target = targets.find((candidate) => candidate.inputs.dbProxyName === name);
    const clusterId =
      target && (optionalText(target, "dbClusterIdentifier") ?? optionalText(target, "dbInstanceIdentifier"));
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
