/** Who may talk with whom: a security group a tier, each admitting the tier before it and nothing else. */
import { permanent, settings } from "./stage";
import { vpc } from "./vpc";

function group(name: string, description: string) {
  return new aws.ec2.SecurityGroup(name, {
    vpcId: vpc.id,
    description,
    tags: { Name: `${$app.name}-${$app.stage}-${name}` },
  });
}

export const functionGroup = group("FunctionGroup", "functions");
/** Makes the database's users as its master, whom the proxy does not know: besides the bastion it alone goes straight to the cluster. */
export const migratorGroup = group("MigratorGroup", "migrator");
export const proxyGroup = permanent ? group("ProxyGroup", "database proxy") : undefined;
export const databaseGroup = group("DatabaseGroup", "database");
export const cacheGroup = group("CacheGroup", "cache");
export const bastionGroup = settings.bastion ? group("BastionGroup", "host for database tunnels") : undefined;

function admit(
  name: string,
  to: aws.ec2.SecurityGroup,
  from: aws.ec2.SecurityGroup,
  port: number,
  description: string,
) {
  const rule = { ipProtocol: "tcp", fromPort: port, toPort: port, description };
  new aws.vpc.SecurityGroupIngressRule(`${name}Ingress`, {
    ...rule,
    securityGroupId: to.id,
    referencedSecurityGroupId: from.id,
  });
  new aws.vpc.SecurityGroupEgressRule(`${name}Egress`, {
    ...rule,
    securityGroupId: from.id,
    referencedSecurityGroupId: to.id,
  });
}
function admitToAws(name: string, from: aws.ec2.SecurityGroup, description: string) {
  new aws.vpc.SecurityGroupEgressRule(name, {
    securityGroupId: from.id,
    cidrIpv4: "0.0.0.0/0",
    ipProtocol: "tcp",
    fromPort: 443,
    toPort: 443,
    description,
  });
}

if (proxyGroup) {
  admit("FunctionToProxy", proxyGroup, functionGroup, 5432, "functions to the database proxy");
  admit("MigratorToProxy", proxyGroup, migratorGroup, 5432, "migrations through the proxy, as functions go");
  admit("ProxyToDatabase", databaseGroup, proxyGroup, 5432, "the proxy to the database");
} else admit("FunctionToDatabase", databaseGroup, functionGroup, 5432, "functions to the database");
admit("MigratorToDatabase", databaseGroup, migratorGroup, 5432, "the migrator, which makes the users");
admit("FunctionToCache", cacheGroup, functionGroup, 6379, "functions to the cache");
admitToAws("FunctionToAws", functionGroup, "AWS's own services and Google's, through NAT");
admitToAws("MigratorToAws", migratorGroup, "AWS's own services, through NAT");
if (bastionGroup) {
  if (proxyGroup) admit("BastionToProxy", proxyGroup, bastionGroup, 5432, "database tunnels");
  // A restored copy, and the master when the proxy is what is broken.
  admit("BastionToDatabase", databaseGroup, bastionGroup, 5432, "database tunnels past the proxy");
  admitToAws("BastionToAws", bastionGroup, "Session Manager, through NAT");
  for (const [index, cidr] of settings.bastionSshCidrs.entries())
    new aws.vpc.SecurityGroupIngressRule(`BastionSsh${index}`, {
      securityGroupId: bastionGroup.id,
      cidrIpv4: cidr,
      ipProtocol: "tcp",
      fromPort: 22,
      toPort: 22,
      description: "SSH, as the settings say",
    });
}

/** For functions that need Postgres or Redis; others stay outside. */
export const functionVpc = { privateSubnets: vpc.privateSubnets, securityGroups: [functionGroup.id] };
export const migratorVpc = { privateSubnets: vpc.privateSubnets, securityGroups: [migratorGroup.id] };
