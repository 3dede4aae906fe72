/** The host that database tunnels go through: `npm run tunnel`, docs/decisions/0031-bastion.md. */
import { aurora } from "./cluster";
import { database, databaseHost, databaseMaster } from "./database";
import { bastionGroup } from "./network";
import { accountId, settings } from "./stage";
import { vpc } from "./vpc";

/** Where `npm run tunnel` looks. */
export const tunnelParameterName = `/${$app.name}/${$app.stage}/tunnel`;

function createBastion(group: aws.ec2.SecurityGroup) {
  const role = new aws.iam.Role("BastionRole", {
    description: "Lets the bastion take Session Manager's sessions, and nothing else",
    assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
      statements: [
        {
          actions: ["sts:AssumeRole"],
          principals: [{ type: "Service", identifiers: ["ec2.amazonaws.com"] }],
        },
      ],
    }).json,
    inlinePolicies: [
      {
        name: "sessions",
        // AmazonSSMManagedInstanceCore reads every parameter of the account as well, among them the passphrase that
        // opens SST's secrets (/sst/passphrase/…).
        policy: aws.iam.getPolicyDocumentOutput({
          statements: [
            {
              actions: ["ssm:UpdateInstanceInformation"],
              resources: [$interpolate`arn:aws:ec2:${settings.homeRegion}:${accountId}:instance/*`],
            },
            {
              // These know no narrower resource; each instance speaks for itself alone.
              actions: [
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
              ],
              resources: ["*"],
            },
          ],
        }).json,
      },
    ],
  });
  const profile = new aws.iam.InstanceProfile("BastionProfile", { role: role.name });
  const image = aws.ec2.getAmiOutput({
    owners: ["amazon"],
    mostRecent: true,
    // Not the "minimal" ones, which lack the SSM agent.
    filters: [
      { name: "name", values: ["al2023-ami-2023.*-kernel-6.1-arm64"] },
      { name: "architecture", values: ["arm64"] },
    ],
  });
  return new aws.ec2.Instance("Bastion", {
    // Amazon Linux 2023 stays at its release: a deployment that finds a newer image replaces the host, which keeps nothing.
    ami: image.id,
    instanceType: "t4g.nano",
    subnetId: vpc.privateSubnets.apply((subnets) => $output(subnets[0] ?? "")),
    vpcSecurityGroupIds: [group.id],
    iamInstanceProfile: profile.name,
    associatePublicIpAddress: false,
    ebsOptimized: true,
    metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
    rootBlockDevice: { encrypted: true, volumeType: "gp3", deleteOnTermination: true },
    userDataReplaceOnChange: true,
    tags: { Name: `${$app.name}-${$app.stage}-bastion` },
  });
}

export const bastion = bastionGroup ? createBastion(bastionGroup) : undefined;
if (bastion)
  new aws.ssm.Parameter("TunnelParameter", {
    name: tunnelParameterName,
    description: "Where npm run tunnel finds the database: names and addresses only",
    type: "String",
    value: $jsonStringify({
      instanceId: bastion.id,
      region: settings.homeRegion,
      port: aurora.port,
      database: aurora.database,
      /** Functions' way in, by IAM token. */
      host: databaseHost,
      users: [database.properties.appUser, database.properties.migratorUser],
      /** The cluster itself, which the master alone may enter on a stage with a proxy. */
      clusterHost: databaseMaster.properties.host,
      masterUser: aurora.username,
      masterSecretArn: databaseMaster.properties.secretArn,
    }),
  });
