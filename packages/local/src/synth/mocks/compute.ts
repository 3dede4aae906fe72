import type { MockTable } from "./context.ts";
import { uuid } from "./messaging.ts";
import { byEc2Id, byName, plain } from "./shapes.ts";

const functionName = (reference: string) =>
  reference.startsWith("arn:") ? (reference.split(":")[6] ?? reference) : reference;

/** Lambda, ECS, ECR, EC2 instances, load balancers, scaling. */
export const compute: MockTable = {
  "aws:lambda/function:Function": (c) => {
    const name = c.named("name", { max: 64 });
    const arn = c.arn("lambda", `function:${name}`);
    return {
      id: name,
      inputs: { name },
      outputs: {
        arn,
        invokeArn: `arn:aws:apigateway:${c.region}:lambda:path/2015-03-31/functions/${arn}/invocations`,
        qualifiedArn: `${arn}:$LATEST`,
        qualifiedInvokeArn: `arn:aws:apigateway:${c.region}:lambda:path/2015-03-31/functions/${arn}:$LATEST/invocations`,
        version: c.inputs.publish === true ? "1" : "$LATEST",
        lastModified: "2024-01-01T00:00:00.000+0000",
        codeSha256: c.hex(44, "code"),
      },
    };
  },
  "aws:lambda/functionUrl:FunctionUrl": (c) => {
    const urlId = c.alphanumeric(32);
    const name = functionName(c.text("functionName") ?? c.name);
    return {
      id: name,
      outputs: {
        urlId,
        functionArn: c.arn("lambda", `function:${name}`),
        functionUrl: `https://${urlId}.lambda-url.${c.region}.on.aws/`,
      },
    };
  },
  "aws:lambda/permission:Permission": (c) => {
    const statementId = c.named("statementId", { max: 100 });
    return { id: statementId, inputs: { statementId }, outputs: {} };
  },
  "aws:lambda/eventSourceMapping:EventSourceMapping": (c) => {
    const id = uuid(c.hex(32));
    return {
      id,
      outputs: {
        uuid: id,
        arn: c.arn("lambda", `event-source-mapping:${id}`),
        functionArn: c.arn("lambda", `function:${functionName(c.text("functionName") ?? c.name)}`),
        state: "Enabled",
      },
    };
  },
  "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": plain((c) => c.text("functionName")),
  "aws:lambda/invocation:Invocation": (c) => ({
    id: `${c.text("functionName")}_${c.text("qualifier") ?? "$LATEST"}_${c.hex(32)}`,
    // Nobody ran it: what it answers is known only where it runs.
    outputs: { result: "null" },
  }),
  "aws:lambda/layerVersion:LayerVersion": (c) => {
    const name = c.named("layerName", { max: 140 });
    const layerArn = c.arn("lambda", `layer:${name}`);
    return {
      id: `${layerArn}:1`,
      inputs: { layerName: name },
      outputs: { arn: `${layerArn}:1`, layerArn, version: "1", codeSha256: c.hex(44, "code") },
    };
  },
  "aws:lambda/layerVersionPermission:LayerVersionPermission": plain(),
  "aws:lambda/alias:Alias": byName("name", (c, name) => {
    const arn = c.arn("lambda", `function:${functionName(c.text("functionName") ?? "")}:${name}`);
    return {
      arn,
      invokeArn: `arn:aws:apigateway:${c.region}:lambda:path/2015-03-31/functions/${arn}/invocations`,
    };
  }),
  "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": plain(),
  "aws:lambda/codeSigningConfig:CodeSigningConfig": (c) => {
    const arn = c.arn("lambda", `code-signing-config:csc-${c.hex(17)}`);
    return { id: arn, outputs: { arn } };
  },
  "aws:lambda/runtimeManagementConfig:RuntimeManagementConfig": plain(),

  "aws:ecs/cluster:Cluster": (c) => {
    const name = c.named("name");
    const arn = c.arn("ecs", `cluster/${name}`);
    return { id: arn, inputs: { name }, outputs: { arn } };
  },
  "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": plain((c) => c.text("clusterName")),
  "aws:ecs/service:Service": (c) => {
    const name = c.named("name");
    const cluster = (c.text("cluster") ?? "default").split("/").at(-1);
    return { id: c.arn("ecs", `service/${cluster}/${name}`), inputs: { name }, outputs: {} };
  },
  "aws:ecs/taskDefinition:TaskDefinition": (c) => {
    const family = c.named("family");
    const arnWithoutRevision = c.arn("ecs", `task-definition/${family}`);
    return {
      id: family,
      inputs: { family },
      outputs: { arn: `${arnWithoutRevision}:1`, arnWithoutRevision, revision: 1 },
    };
  },
  "aws:ecr/repository:Repository": byName(
    "name",
    (c, name) => ({
      arn: c.arn("ecr", `repository/${name}`),
      registryId: c.accountId,
      repositoryUrl: `${c.accountId}.dkr.ecr.${c.region}.amazonaws.com/${name}`,
    }),
    { lower: true },
  ),
  "aws:ecr/lifecyclePolicy:LifecyclePolicy": plain((c) => c.text("repository")),
  "aws:ecr/repositoryPolicy:RepositoryPolicy": plain((c) => c.text("repository")),

  "aws:ec2/instance:Instance": byEc2Id("i", "instance", (c) => ({
    privateIp: "10.0.4.10",
    publicIp: "203.0.113.10",
    privateDns: `ip-10-0-4-10.${c.region}.compute.internal`,
    publicDns: `ec2-203-0-113-10.${c.region}.compute.amazonaws.com`,
    primaryNetworkInterfaceId: `eni-${c.hex(17, "interface")}`,
    instanceState: "running",
    availabilityZone: `${c.region}a`,
  })),
  "aws:ec2/launchTemplate:LaunchTemplate": byEc2Id("lt", "launch-template", () => ({
    latestVersion: 1,
    defaultVersion: 1,
  })),
  "aws:ec2/keyPair:KeyPair": (c) => {
    const keyName = c.named("keyName");
    return {
      id: keyName,
      inputs: { keyName },
      outputs: {
        keyPairId: `key-${c.hex(17)}`,
        arn: c.arn("ec2", `key-pair/${keyName}`),
        fingerprint: c.hex(32),
      },
    };
  },
  "aws:autoscaling/group:Group": byName("name", (c, name) => ({
    arn: c.arn("autoscaling", `autoScalingGroup:${uuid(c.hex(32))}:autoScalingGroupName/${name}`),
  })),
  "aws:appautoscaling/target:Target": (c) => ({
    id: c.text("resourceId") ?? c.name,
    outputs: { arn: c.arn("application-autoscaling", `scalable-target/${c.hex(34)}`) },
  }),
  "aws:appautoscaling/policy:Policy": byName("name", (c, name) => ({
    arn: c.arn(
      "autoscaling",
      `scalingPolicy:${uuid(c.hex(32))}:resource/${c.text("resourceId")}:policyName/${name}`,
    ),
  })),
  "aws:lb/loadBalancer:LoadBalancer": (c) => {
    const name = c.named("name", { max: 32 });
    const kind = c.inputs.loadBalancerType === "network" ? "net" : "app";
    const arn = c.arn("elasticloadbalancing", `loadbalancer/${kind}/${name}/${c.hex(16)}`);
    return {
      id: arn,
      inputs: { name },
      outputs: {
        arn,
        arnSuffix: `${kind}/${name}/${c.hex(16)}`,
        dnsName: `${name}-${c.digits(10)}.${c.region}.elb.amazonaws.com`,
        zoneId: "Z35SXDOTRQ7X7K",
      },
    };
  },
  "aws:lb/targetGroup:TargetGroup": (c) => {
    const name = c.named("name", { max: 32 });
    const arn = c.arn("elasticloadbalancing", `targetgroup/${name}/${c.hex(16)}`);
    return { id: arn, inputs: { name }, outputs: { arn, arnSuffix: `targetgroup/${name}/${c.hex(16)}` } };
  },
  "aws:lb/listener:Listener": (c) => {
    const arn = `${c.text("loadBalancerArn")?.replace(":loadbalancer/", ":listener/")}/${c.hex(16)}`;
    return { id: arn, outputs: { arn } };
  },
  "aws:lb/listenerRule:ListenerRule": (c) => {
    const arn = `${c.text("listenerArn")?.replace(":listener/", ":listener-rule/")}/${c.hex(16)}`;
    return { id: arn, outputs: { arn } };
  },
};
