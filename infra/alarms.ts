/** Alarms on everything that watched.ts saw, and on what there is one of. The last import: nothing may come after it. */
import { cacheNodes } from "./cache";
import { aurora, cluster, databaseMaximum } from "./cluster";
import { createAlarm, homeOperations } from "./operations";
import { proxied, proxyConnectionsPercent } from "./proxy";
import { ownsRuleSet, permanent, settings } from "./stage";
import { vpc } from "./vpc";
import { functions, httpApis, queues, websocketApis } from "./watched";

for (const { name, resource, provider, deadLetter } of queues) {
  const dimensions = { QueueName: resource.nodes.queue.name };
  if (deadLetter)
    createAlarm(`${name}Depth`, {
      description: "Messages failed for good. Their cause: docs/operating.md, Dead letters.",
      namespace: "AWS/SQS",
      metric: "ApproximateNumberOfMessagesVisible",
      dimensions,
      statistic: "Maximum",
      threshold: 0,
      provider,
    });
  else
    createAlarm(`${name}Age`, {
      description:
        "The oldest message waits for more than a quarter of an hour: its consumer fails, is throttled, or is too slow.",
      namespace: "AWS/SQS",
      metric: "ApproximateAgeOfOldestMessage",
      dimensions,
      statistic: "Maximum",
      threshold: 15 * 60,
      of: [2, 2],
      provider,
    });
}

for (const { name, resource } of functions) {
  const common = {
    namespace: "AWS/Lambda",
    dimensions: { FunctionName: resource.name },
    statistic: "Sum",
    threshold: 0,
    // One failure is tried again by whatever called; one that comes back is a fault.
    of: [2, 3],
  } as const;
  createAlarm(`${name}Errors`, {
    ...common,
    metric: "Errors",
    description: `${name} fails again and again. Its log: /aws/lambda/${$app.name}-${$app.stage}-${name}.`,
  });
  createAlarm(`${name}Throttles`, {
    ...common,
    metric: "Throttles",
    description: `${name} is called more often than the account's concurrency allows.`,
  });
}

for (const { name, resource } of httpApis)
  createAlarm(`${name}ServerErrors`, {
    description: "The HTTP API answers with 5xx.",
    namespace: "AWS/ApiGateway",
    metric: "5xx",
    dimensions: { ApiId: resource.nodes.api.id },
    statistic: "Sum",
    threshold: 5,
    of: [2, 3],
  });
for (const { name, resource } of websocketApis)
  for (const metric of ["IntegrationError", "ExecutionError"])
    createAlarm(`${name}${metric}`, {
      description: "Sockets are let down: their functions fail, or cannot be called.",
      namespace: "AWS/ApiGateway",
      metric,
      dimensions: { ApiId: resource.nodes.api.id },
      statistic: "Sum",
      threshold: 5,
      of: [2, 3],
    });

const database = { namespace: "AWS/RDS", dimensions: { DBClusterIdentifier: cluster.clusterIdentifier } };
createAlarm("DatabaseCapacity", {
  ...database,
  description: "The database is at the top of its capacity (databaseCapacity.max of the settings).",
  metric: "ACUUtilization",
  statistic: "Average",
  threshold: 90,
  of: [3, 3],
});
createAlarm("DatabaseCpu", {
  ...database,
  description: "The database's processors are busy.",
  metric: "CPUUtilization",
  statistic: "Average",
  threshold: 90,
  of: [3, 3],
});
createAlarm("DatabaseConnections", {
  ...database,
  description: "Connections to the database run out.",
  metric: "DatabaseConnections",
  statistic: "Maximum",
  threshold: Math.floor(0.8 * (proxyConnectionsPercent / 100) * connectionsOf(databaseMaximum)),
  of: [2, 3],
});
if (proxied) {
  const proxy = { namespace: "AWS/RDS", dimensions: { ProxyName: proxied.proxy.name } };
  createAlarm("DatabaseProxyBorrowLatency", {
    ...proxy,
    description: "Functions wait for a connection: the proxy has lent all that it may open.",
    metric: "DatabaseConnectionsBorrowLatency",
    statistic: "Average",
    // Microseconds.
    threshold: 500_000,
    of: [2, 3],
  });
  createAlarm("DatabaseProxyRefusals", {
    ...proxy,
    description: "The proxy turns clients away: a wrong token, grant or secret.",
    metric: "ClientConnectionsSetupFailedAuth",
    statistic: "Sum",
    threshold: 5,
    of: [2, 3],
  });
}

cacheNodes.forEach((node, index) => {
  const cache = { namespace: "AWS/ElastiCache", dimensions: { CacheClusterId: node }, of: [3, 3] } as const;
  createAlarm(`Cache${index + 1}Memory`, {
    ...cache,
    description: "The cache is nearly full.",
    metric: "DatabaseMemoryUsagePercentage",
    statistic: "Maximum",
    threshold: 80,
  });
  createAlarm(`Cache${index + 1}Evictions`, {
    ...cache,
    description: "The cache drops what it was to keep: rate limits and connections go with it.",
    metric: "Evictions",
    statistic: "Sum",
    threshold: 0,
  });
  createAlarm(`Cache${index + 1}Cpu`, {
    ...cache,
    description: "The cache's one thread is busy.",
    metric: "EngineCPUUtilization",
    statistic: "Average",
    threshold: 80,
  });
});

// One reputation an account and region. SES reviews the account from 5 % bounces and 0.1 % complaints.
if (ownsRuleSet) {
  const reputation = { namespace: "AWS/SES", statistic: "Maximum", seconds: 3600 } as const;
  createAlarm("SesBounceRate", {
    ...reputation,
    description: "Too much mail bounces: find the sender and stop it before SES pauses the account (at 5 %).",
    metric: "Reputation.BounceRate",
    threshold: 0.03,
  });
  createAlarm("SesComplaintRate", {
    ...reputation,
    description:
      "Too many recipients complain: find the sender and stop it before SES pauses the account (at 0.1 %).",
    metric: "Reputation.ComplaintRate",
    threshold: 0.0005,
  });
}

if (permanent)
  for (let zone = 0; zone < settings.zones; zone++)
    createAlarm(`Nat${zone + 1}Ports`, {
      description: "NAT runs out of ports towards one address: functions cannot reach it.",
      namespace: "AWS/NATGateway",
      metric: "ErrorPortAllocation",
      dimensions: {
        NatGatewayId: $output(vpc.nodes.natGateways).apply((gateways) => $output(gateways[zone]?.id ?? "")),
      },
      statistic: "Sum",
      threshold: 0,
      of: [2, 3],
    });

/** AWS's own events of the database: failover, failure, maintenance, a changed parameter. */
if (homeOperations) {
  const parameters = [cluster.dbClusterParameterGroupName];
  const sources = {
    Cluster: [
      "db-cluster",
      [cluster.clusterIdentifier],
      ["failover", "failure", "maintenance", "notification"],
    ],
    Instance: [
      "db-instance",
      aurora.nodes.instance ? [aurora.nodes.instance.id] : [],
      ["availability", "configuration change", "failure", "low storage", "maintenance"],
    ],
    Parameters: ["db-parameter-group", parameters, ["configuration change"]],
    // None of this kind can exist in a VPC; AWS's own list (RDS.22) asks for it all the same, and it costs nothing.
    Groups: ["db-security-group", [], ["configuration change", "failure"]],
  } as const;
  for (const [name, [sourceType, sourceIds, eventCategories]] of Object.entries(sources))
    new aws.rds.EventSubscription(
      `Database${name}Events`,
      {
        name: `${$app.name}-${$app.stage}-database-${name}`.toLowerCase(),
        snsTopic: homeOperations.topic.arn,
        sourceType,
        ...(sourceIds.length > 0 && { sourceIds: [...sourceIds] }),
        eventCategories: [...eventCategories],
      },
      { dependsOn: [homeOperations.policy] },
    );
}

/** What Aurora PostgreSQL takes at most by its largest capacity, a little below AWS's table (4 ACU: 823; 5,000 at most). */
function connectionsOf(capacity: number): number {
  return Math.min(200 * capacity, 5000);
}
