/** Data sources: questions that a program asks AWS while it runs. */
import { alphabets, characters } from "./context.ts";
import { policyDocument } from "./policy-document.ts";

interface Question {
  inputs: Record<string, unknown>;
  region: string;
  accountId: string;
  /** Value of a secret of this program, by ARN or id. */
  secret(id: string): string | undefined;
}
type Answer = (question: Question) => Record<string, unknown>;

const letters = (question: Question, label: string, length: number) =>
  characters(
    `${question.accountId}/${question.region}/${label}/${JSON.stringify(question.inputs)}`,
    length,
    alphabets.hex,
  );

const zones = ["a", "b", "c"];

const answers: Record<string, Answer> = {
  "aws:iam/getPolicyDocument:getPolicyDocument": ({ inputs }) => policyDocument(inputs),
  "aws:index/getCallerIdentity:getCallerIdentity": ({ accountId }) => ({
    accountId,
    id: accountId,
    arn: `arn:aws:iam::${accountId}:user/local`,
    userId: "AIDALOCALLOCALLOCAL00",
  }),
  "aws:index/getRegion:getRegion": ({ inputs, region }) => {
    const name = typeof inputs.name === "string" ? inputs.name : region;
    return { id: name, name, description: name, endpoint: `ec2.${name}.amazonaws.com` };
  },
  "aws:index/getPartition:getPartition": () => ({
    id: "aws",
    partition: "aws",
    dnsSuffix: "amazonaws.com",
    reverseDnsPrefix: "com.amazonaws",
  }),
  "aws:index/getAvailabilityZones:getAvailabilityZones": ({ region }) => ({
    id: region,
    state: "available",
    names: zones.map((zone) => `${region}${zone}`),
    zoneIds: zones.map((_, index) => `${region.replaceAll("-", "")}-az${index + 1}`),
    groupNames: [region],
  }),
  "aws:index/getArn:getArn": ({ inputs }) => {
    const [, partition, service, region, account, ...resource] = String(inputs.arn).split(":");
    return {
      id: inputs.arn,
      arn: inputs.arn,
      partition,
      service,
      region,
      account,
      resource: resource.join(":"),
    };
  },
  "aws:index/getDefaultTags:getDefaultTags": () => ({ id: "tags", tags: {} }),
  "aws:index/getService:getService": ({ inputs, region }) => ({
    ...inputs,
    region,
    partition: "aws",
    supported: true,
  }),
  "aws:index/getServicePrincipal:getServicePrincipal": ({ inputs, region }) => ({
    id: `${inputs.serviceName}.${region}.amazonaws.com`,
    name: `${inputs.serviceName}.amazonaws.com`,
    suffix: "amazonaws.com",
    region,
    ...inputs,
  }),

  "aws:ec2/getAmi:getAmi": (question) => {
    const id = `ami-${letters(question, "ami", 17)}`;
    return {
      id,
      imageId: id,
      architecture: "arm64",
      name: "ami",
      rootDeviceName: "/dev/xvda",
      arn: `arn:aws:ec2:${question.region}::image/${id}`,
    };
  },
  "aws:ec2/getVpc:getVpc": (question) => {
    const id = String(question.inputs.id ?? `vpc-${letters(question, "vpc", 17)}`);
    return {
      id,
      cidrBlock: "10.0.0.0/16",
      arn: `arn:aws:ec2:${question.region}:${question.accountId}:vpc/${id}`,
    };
  },
  "aws:ec2/getSubnets:getSubnets": (question) => ({
    id: question.region,
    ids: ["a", "b"].map((label) => `subnet-${letters(question, label, 17)}`),
  }),
  "aws:ec2/getSecurityGroups:getSecurityGroups": (question) => ({
    id: question.region,
    ids: [`sg-${letters(question, "group", 17)}`],
  }),
  "aws:ec2/getSecurityGroup:getSecurityGroup": (question) => ({ id: `sg-${letters(question, "group", 17)}` }),
  "aws:ec2/getInternetGateway:getInternetGateway": (question) => {
    const id = `igw-${letters(question, "gateway", 17)}`;
    return { id, internetGatewayId: id };
  },
  "aws:ec2/getNatGateways:getNatGateways": (question) => ({ id: question.region, ids: [] }),
  "aws:ec2/getNatGateway:getNatGateway": (question) => ({ id: `nat-${letters(question, "nat", 17)}` }),
  "aws:ec2/getRouteTable:getRouteTable": (question) => {
    const id = `rtb-${letters(question, "routes", 17)}`;
    return { id, routeTableId: id };
  },
  "aws:ec2/getInstances:getInstances": (question) => ({
    id: question.region,
    ids: [],
    privateIps: [],
    publicIps: [],
  }),
  "aws:ec2/getEips:getEips": (question) => ({ id: question.region, allocationIds: [], publicIps: [] }),
  "aws:ec2/getPrefixList:getPrefixList": (question) => ({
    id: `pl-${letters(question, "list", 8)}`,
    cidrBlocks: [],
  }),
  "aws:ec2/getManagedPrefixList:getManagedPrefixList": (question) => ({
    ...question.inputs,
    id: `pl-${letters(question, "list", 8)}`,
    entries: [],
  }),
  "aws:route53/getZone:getZone": (question) => {
    const zoneId = String(question.inputs.zoneId ?? `Z${letters(question, "zone", 20).toUpperCase()}`);
    return {
      // Of a zone that is looked up by its id nobody here knows the name; every domain ends with this one.
      name: "",
      ...question.inputs,
      id: zoneId,
      zoneId,
      arn: `arn:aws:route53:::hostedzone/${zoneId}`,
      nameServers: [],
      linkedServiceDescription: `arn:aws:servicediscovery:${question.region}:${question.accountId}:namespace/ns-${letters(question, "namespace", 16).replaceAll("0", "1")}`,
    };
  },
  "aws:servicediscovery/getDnsNamespace:getDnsNamespace": (question) => ({
    ...question.inputs,
    id: `ns-${letters(question, "namespace", 16)}`,
  }),
  "aws:secretsmanager/getSecretVersion:getSecretVersion": ({ inputs, secret }) => {
    const id = String(inputs.secretId);
    return {
      id,
      arn: id,
      secretId: id,
      secretString: secret(id) ?? "{}",
      versionId: "00000000-0000-4000-a000-000000000000",
    };
  },
  "aws:secretsmanager/getSecret:getSecret": ({ inputs, region, accountId }) => {
    const arn = String(
      inputs.arn ?? `arn:aws:secretsmanager:${region}:${accountId}:secret:${inputs.name}-000000`,
    );
    return { ...inputs, id: arn, arn };
  },
  "aws:ssm/getParameter:getParameter": ({ inputs, region, accountId }) => ({
    ...inputs,
    id: inputs.name,
    arn: `arn:aws:ssm:${region}:${accountId}:parameter${String(inputs.name).startsWith("/") ? "" : "/"}${inputs.name}`,
    type: "String",
    value: "",
    version: 1,
  }),
  "aws:ecr/getAuthorizationToken:getAuthorizationToken": ({ region, accountId }) => ({
    id: region,
    authorizationToken: "",
    password: "",
    userName: "AWS",
    proxyEndpoint: `https://${accountId}.dkr.ecr.${region}.amazonaws.com`,
  }),
  "aws:iot/getEndpoint:getEndpoint": (question) => {
    const host = `${letters(question, "iot", 14)}-ats.iot.${question.region}.amazonaws.com`;
    return { id: host, endpointAddress: host };
  },
  "aws:rds/getInstances:getInstances": (question) => ({
    id: question.region,
    instanceIdentifiers: [`instance-${letters(question, "instance", 8)}`],
    instanceArns: [],
  }),
  "aws:rds/getProxy:getProxy": (question) => ({
    ...question.inputs,
    id: question.inputs.name,
    arn: `arn:aws:rds:${question.region}:${question.accountId}:db-proxy:prx-${letters(question, "proxy", 17)}`,
  }),
  "aws:iam/getRole:getRole": ({ inputs, accountId }) => ({
    ...inputs,
    id: inputs.name,
    arn: `arn:aws:iam::${accountId}:role/${inputs.name}`,
  }),
  "aws:iam/getPolicy:getPolicy": ({ inputs, accountId }) => {
    const arn = inputs.arn ?? `arn:aws:iam::${accountId}:policy/${inputs.name}`;
    return { ...inputs, id: arn, arn };
  },
  "aws:kms/getAlias:getAlias": (question) => {
    const key = letters(question, "key", 32);
    return {
      ...question.inputs,
      id: question.inputs.name,
      arn: `arn:aws:kms:${question.region}:${question.accountId}:${question.inputs.name}`,
      targetKeyId: key,
      targetKeyArn: `arn:aws:kms:${question.region}:${question.accountId}:key/${key}`,
    };
  },
  "aws:s3/getBucket:getBucket": ({ inputs, region }) => ({
    ...inputs,
    id: inputs.bucket,
    arn: `arn:aws:s3:::${inputs.bucket}`,
    region,
    bucketDomainName: `${inputs.bucket}.s3.amazonaws.com`,
    bucketRegionalDomainName: `${inputs.bucket}.s3.${region}.amazonaws.com`,
  }),
  "aws:s3/getCanonicalUserId:getCanonicalUserId": (question) => ({
    id: letters(question, "canonical", 64),
    displayName: "local",
  }),
  "aws:cloudfront/getCachePolicy:getCachePolicy": (question) => ({
    ...question.inputs,
    id: letters(question, "policy", 36),
  }),
  "aws:cloudfront/getOriginRequestPolicy:getOriginRequestPolicy": (question) => ({
    ...question.inputs,
    id: letters(question, "policy", 36),
  }),
};

/** @returns For a data source that nobody described: its own inputs and an id, marked as unknown. */
export function invoke(
  token: string,
  question: Question,
): { known: boolean; result: Record<string, unknown> } {
  const answer = answers[token];
  return answer
    ? { known: true, result: answer(question) }
    : { known: false, result: { ...question.inputs, id: `local-${letters(question, token, 8)}` } };
}
