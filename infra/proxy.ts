import { cluster } from "./cluster";
import { proxyGroup } from "./network";
import { appSecret, migratorSecret } from "./secrets";
import { accountId, permanent, settings } from "./stage";
import { vpc } from "./vpc";

/** Of what the database takes; the rest is for the migrator, people, and RDS itself. */
export const proxyConnectionsPercent = 80;

/**
 * RDS Proxy, on permanent stages only: it keeps the cluster from pausing. SST's own has no IAM authentication, takes
 * plain connections, sits in the default security group and hides its id, which `rds-db:connect` needs.
 */
function createProxy() {
  if (!permanent || !proxyGroup || !appSecret || !migratorSecret) return undefined;
  const secrets = [appSecret, migratorSecret];
  const role = new aws.iam.Role("DatabaseProxyRole", {
    description: "Lets the database proxy read the passwords of the users behind it",
    assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
      statements: [
        {
          actions: ["sts:AssumeRole"],
          principals: [{ type: "Service", identifiers: ["rds.amazonaws.com"] }],
          conditions: [
            { test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] },
            {
              test: "ArnLike",
              variable: "aws:SourceArn",
              values: [$interpolate`arn:aws:rds:${settings.homeRegion}:${accountId}:db-proxy:*`],
            },
          ],
        },
      ],
    }).json,
    inlinePolicies: [
      {
        name: "read-user-secrets",
        policy: aws.iam.getPolicyDocumentOutput({
          statements: [
            { actions: ["secretsmanager:GetSecretValue"], resources: secrets.map(({ arn }) => arn) },
          ],
        }).json,
      },
    ],
  });
  const name = `frontdesk-${$app.stage}`;
  const logGroup = new aws.cloudwatch.LogGroup("DatabaseProxyLogGroup", {
    name: `/aws/rds/proxy/${name}`,
    retentionInDays: settings.logDays,
  });
  const proxy = new aws.rds.Proxy(
    "DatabaseProxy",
    {
      name,
      engineFamily: "POSTGRESQL",
      requireTls: true,
      debugLogging: false,
      idleClientTimeout: 600,
      roleArn: role.arn,
      vpcSubnetIds: vpc.privateSubnets,
      vpcSecurityGroupIds: [proxyGroup.id],
      auths: secrets.map(({ arn }) => ({
        authScheme: "SECRETS",
        iamAuth: "REQUIRED",
        clientPasswordAuthType: "POSTGRES_SCRAM_SHA_256",
        secretArn: arn,
      })),
    },
    // Else RDS makes it, and keeps everything for ever.
    { dependsOn: [logGroup] },
  );
  const group = new aws.rds.ProxyDefaultTargetGroup("DatabaseProxyTargetGroup", {
    dbProxyName: proxy.name,
    connectionPoolConfig: {
      maxConnectionsPercent: proxyConnectionsPercent,
      maxIdleConnectionsPercent: 20,
      connectionBorrowTimeout: 10,
    },
  });
  const target = new aws.rds.ProxyTarget("DatabaseProxyTarget", {
    dbProxyName: proxy.name,
    targetGroupName: group.name,
    dbClusterIdentifier: cluster.clusterIdentifier,
  });
  return { proxy, target };
}
export const proxied = createProxy();
