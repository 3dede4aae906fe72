import { permanent, settings } from "./stage";

const prefix = `10.${settings.vpcSecondOctet}.`;
/** SST lays its subnets out in 10.0.0.0/16; the setting moves all of them together. */
const move = (cidr: string) => cidr.replace(/^10\.0\./, prefix);

export const vpc = new sst.aws.Vpc("Vpc", {
  az: 2,
  // Functions reach SQS, SES and `@connections` through NAT. A NAT instance costs a tenth of a gateway and is
  // enough for one developer.
  nat: permanent ? "managed" : "ec2",
  transform: {
    vpc: { cidrBlock: move("10.0.0.0/16") },
    publicSubnet: (args) => {
      // NAT has elastic addresses; nothing else is to have a public one by accident.
      args.mapPublicIpOnLaunch = false;
      args.cidrBlock = $output(args.cidrBlock).apply((cidr) => move(cidr ?? ""));
    },
    privateSubnet: (args) => {
      args.cidrBlock = $output(args.cidrBlock).apply((cidr) => move(cidr ?? ""));
    },
    // Nothing of ours is in the VPC's default group; closed, it cannot be used by accident (CIS 5.4).
    securityGroup: { ingress: [], egress: [] },
    // SST's own admits every protocol from anywhere.
    natSecurityGroup: {
      ingress: [
        {
          protocol: "tcp",
          fromPort: 443,
          toPort: 443,
          cidrBlocks: [move("10.0.0.0/16")],
          description: "from the VPC, to be sent on",
        },
      ],
    },
  },
});

/** S3 without NAT: free, and object bytes stay inside AWS. */
new aws.ec2.VpcEndpoint("S3Endpoint", {
  vpcId: vpc.id,
  serviceName: $interpolate`com.amazonaws.${settings.homeRegion}.s3`,
  vpcEndpointType: "Gateway",
  routeTableIds: $output(vpc.nodes.privateRouteTables).apply((tables) => tables.map((table) => table.id)),
});

function group(name: string, description: string) {
  return new aws.ec2.SecurityGroup(name, {
    vpcId: vpc.id,
    description,
    tags: { Name: `${$app.name}-${$app.stage}-${name}` },
  });
}

/** One group a tier; each admits the tier before it and nothing else. */
export const functionGroup = group("FunctionGroup", "functions");
/** Makes the database's users as its master, whom the proxy does not know: it alone goes straight to the cluster. */
export const migratorGroup = group("MigratorGroup", "migrator");
export const proxyGroup = permanent ? group("ProxyGroup", "database proxy") : undefined;
export const databaseGroup = group("DatabaseGroup", "database");
export const cacheGroup = group("CacheGroup", "cache");

function admit(name: string, to: aws.ec2.SecurityGroup, from: aws.ec2.SecurityGroup, port: number) {
  new aws.vpc.SecurityGroupIngressRule(`${name}Ingress`, {
    securityGroupId: to.id,
    referencedSecurityGroupId: from.id,
    ipProtocol: "tcp",
    fromPort: port,
    toPort: port,
    description: name,
  });
  new aws.vpc.SecurityGroupEgressRule(`${name}Egress`, {
    securityGroupId: from.id,
    referencedSecurityGroupId: to.id,
    ipProtocol: "tcp",
    fromPort: port,
    toPort: port,
    description: name,
  });
}
if (proxyGroup) {
  admit("FunctionToProxy", proxyGroup, functionGroup, 5432);
  admit("MigratorToProxy", proxyGroup, migratorGroup, 5432);
  admit("ProxyToDatabase", databaseGroup, proxyGroup, 5432);
} else admit("FunctionToDatabase", databaseGroup, functionGroup, 5432);
admit("MigratorToDatabase", databaseGroup, migratorGroup, 5432);
admit("FunctionToCache", cacheGroup, functionGroup, 6379);
for (const [name, from] of Object.entries({ FunctionToAws: functionGroup, MigratorToAws: migratorGroup }))
  new aws.vpc.SecurityGroupEgressRule(name, {
    securityGroupId: from.id,
    cidrIpv4: "0.0.0.0/0",
    ipProtocol: "tcp",
    fromPort: 443,
    toPort: 443,
    description: "AWS's own services, through NAT",
  });

/** For functions that need Postgres or Redis; others stay outside. */
export const functionVpc = { privateSubnets: vpc.privateSubnets, securityGroups: [functionGroup.id] };
export const migratorVpc = { privateSubnets: vpc.privateSubnets, securityGroups: [migratorGroup.id] };
