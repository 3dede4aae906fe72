import { allow, policy, type Sample, trust } from "./sample.ts";
import type { Violations } from "./violations.ts";

const admit = (changes: Record<string, unknown>) => (sample: Sample) => {
  sample.add("ingressRule", "Open", {
    securityGroupId: sample.id("Group"),
    ipProtocol: "tcp",
    cidrIpv4: "0.0.0.0/0",
    description: "open",
    ...changes,
  });
};

export const networkViolations: Violations = {
  "network.flow-logs": {
    "a VPC has no flow log": (sample) => sample.remove("FlowLog"),
    "the flow log leaves out what was rejected": (sample) => sample.set("FlowLog", { trafficType: "ACCEPT" }),
  },
  "network.default-group": {
    "AWS's default group is left as it is": (sample) => sample.remove("DefaultGroup"),
    "the default group lets out": (sample) =>
      sample.set("DefaultGroup", {
        egress: [{ protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] }],
      }),
  },
  "network.described": {
    "a group has no description": (sample) => sample.set("Group", { description: undefined }),
    "a group has Pulumi's description": (sample) => sample.set("Group", { description: "Managed by Pulumi" }),
    "a rule of its own has no description": (sample) =>
      sample.set("GroupIngress", { description: undefined }),
    "a rule in the group has no description": (sample) =>
      sample.set("Group", {
        egress: [{ protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["0.0.0.0/0"] }],
      }),
  },
  "network.closed-to-internet": {
    "SSH is open": admit({ fromPort: 22, toPort: 22 }),
    "RDP is open to IPv6": admit({ fromPort: 3389, toPort: 3389, cidrIpv4: undefined, cidrIpv6: "::/0" }),
    "HTTP is open": admit({ fromPort: 80, toPort: 80 }),
    "a range with high risk is open": admit({ fromPort: 5000, toPort: 6000 }),
    "everything is open": admit({ ipProtocol: "-1" }),
    "a rule in the group opens it": (sample) =>
      sample.set("Group", {
        ingress: [
          { protocol: "tcp", fromPort: 5432, toPort: 5432, cidrBlocks: ["0.0.0.0/0"], description: "all" },
        ],
      }),
    "a rule of the older kind opens it": (sample) => {
      sample.add("securityGroupRule", "Older", {
        securityGroupId: sample.id("Group"),
        type: "ingress",
        protocol: "tcp",
        fromPort: 443,
        toPort: 443,
        cidrBlocks: ["10.0.0.0/8", "0.0.0.0/0"],
        description: "all",
      });
    },
  },
  "network.egress": {
    "every protocol goes out": (sample) => {
      sample.add("egressRule", "Out", {
        securityGroupId: sample.id("Group"),
        ipProtocol: "-1",
        cidrIpv4: "0.0.0.0/0",
        description: "out",
      });
    },
  },
  "network.groups-used": {
    "a group belongs to nothing but its rules": (sample) => {
      sample.add("securityGroup", "Lonely", { vpcId: sample.id("Vpc"), description: "lonely" });
      sample.add("ingressRule", "LonelyIngress", {
        securityGroupId: sample.id("Lonely"),
        ipProtocol: "tcp",
        fromPort: 1,
        toPort: 1,
        referencedSecurityGroupId: sample.id("Group"),
        description: "lonely",
      });
    },
  },
  "network.public-addresses": {
    "a subnet gives public addresses": (sample) => sample.set("SubnetA", { mapPublicIpOnLaunch: true }),
  },
  "network.acls": {
    "a network ACL opens SSH": (sample) => {
      sample.add("networkAcl", "VpcAcl", {
        vpcId: sample.id("Vpc"),
        ingress: [
          { protocol: "tcp", ruleNo: 1, action: "allow", cidrBlock: "0.0.0.0/0", fromPort: 22, toPort: 22 },
        ],
      });
    },
  },
  "network.ec2-endpoint": {
    "there is no endpoint": (sample) => sample.remove("Ec2Endpoint"),
    "the endpoint is for another service": (sample) =>
      sample.set("Ec2Endpoint", { serviceName: "com.amazonaws.ca-central-1.ssm" }),
  },
  "network.elastic-addresses": {
    "an address belongs to nothing": (sample) => {
      sample.add("eip", "Spare", { domain: "vpc" });
    },
  },
  "network.transit": {
    "a transit gateway takes VPCs in": (sample) =>
      sample.set("Transit", { autoAcceptSharedAttachments: "enable" }),
  },
  "network.client-vpn": {
    "the VPN does not log": (sample) => sample.set("Vpn", { connectionLogOptions: { enabled: false } }),
  },
  "instances.metadata": {
    "an instance answers without a token": (sample) =>
      sample.set("Bastion", { metadataOptions: { httpTokens: "optional" } }),
    "an instance says nothing of it": (sample) => sample.set("Bastion", { metadataOptions: undefined }),
    "a launch template answers without a token": (sample) =>
      sample.set("Template", { metadataOptions: { httpTokens: "optional" } }),
  },
  "instances.public-address": {
    "an instance is given a public address": (sample) =>
      sample.set("Bastion", { associatePublicIpAddress: true }),
    "an instance has an elastic address": (sample) => {
      sample.add("eip", "Own", { domain: "vpc", instance: sample.id("Bastion") });
    },
    "an elastic address is tied to an instance": (sample) => {
      sample.add("eip", "Own", { domain: "vpc" });
      sample.add("eipAssociation", "Tie", {
        allocationId: sample.id("Own"),
        instanceId: sample.id("Bastion"),
      });
    },
  },
  "instances.template-public-address": {
    "a launch template gives public addresses": (sample) =>
      sample.set("Template", { networkInterfaces: [{ associatePublicIpAddress: "true" }] }),
  },
  "instances.role": {
    "an instance has no role": (sample) => sample.set("Bastion", { iamInstanceProfile: undefined }),
  },
  "instances.managed": {
    "Session Manager cannot reach an instance": (sample) =>
      sample.set("Machine", {
        inlinePolicies: [{ name: "session", policy: policy(allow("ssmmessages:CreateDataChannel", "*")) }],
      }),
  },
  "instances.encrypted": {
    "the root volume is not encrypted": (sample) =>
      sample.set("Bastion", { rootBlockDevice: { encrypted: false } }),
    "another volume of an instance is not encrypted": (sample) =>
      sample.set("Bastion", { ebsBlockDevices: [{ deviceName: "/dev/sdf" }] }),
    "a volume is not encrypted": (sample) => sample.set("Volume", { encrypted: undefined }),
  },
  "instances.monitoring": {
    "an instance reports each five minutes": (sample) => sample.set("Bastion", { monitoring: undefined }),
  },
  "instances.termination": {
    "an instance can be terminated": (sample) => sample.set("Bastion", { disableApiTermination: false }),
  },
  "instances.ebs-optimised": {
    "a family has no bandwidth of its own": (sample) => sample.set("Bastion", { instanceType: "t2.micro" }),
  },
  "instances.virtualisation": {
    "a family runs paravirtually": (sample) =>
      sample.set("Bastion", { instanceType: "m1.small", ebsOptimized: true }),
  },
  "instances.interfaces": {
    "an instance has two interfaces": (sample) =>
      sample.set("Bastion", {
        networkInterfaces: [
          { deviceIndex: 0, networkInterfaceId: "eni-1" },
          { deviceIndex: 1, networkInterfaceId: "eni-2" },
        ],
      }),
  },
  "instances.secrets": {
    "user data exports a key": (sample) =>
      sample.set("Bastion", { userData: `export AWS_ACCESS_KEY_ID=${"AKIA"}IOSFODNN7EXAMPLE` }),
    "user data in base64 has a password": (sample) =>
      sample.set("Bastion", {
        userData: undefined,
        userDataBase64: Buffer.from("PGPASSWORD=correct-horse-battery").toString("base64"),
      }),
    "user data has a private key": (sample) =>
      sample.set("Bastion", { userData: `cat > k <<E\n-----BEGIN RSA ${"PRIVATE"} KEY-----\n` }),
  },
  "instances.documents": {
    "a document is shared with everybody": (sample) =>
      sample.set("Document", { permissions: { type: "Share", accountIds: "All" } }),
  },
  "functions.concurrency": {
    "a function shares the account's limit": (sample) =>
      sample.set("Function", { reservedConcurrentExecutions: undefined }),
    "a function's limit is switched off": (sample) =>
      sample.set("Function", { reservedConcurrentExecutions: -1 }),
  },
  "functions.dead-letters": {
    "a function that events tell loses what it fails at": (sample) => {
      sample.set("Function", { deadLetterConfig: undefined });
    },
    "a function that S3 tells loses what it fails at": (sample) => {
      addFunction(sample, "Notified", { deadLetterConfig: undefined });
      sample.add("bucketNotification", "LogsNotification", {
        bucket: sample.id("Logs"),
        lambdaFunctions: [{ lambdaFunctionArn: sample.arn("Notified"), events: ["s3:ObjectCreated:*"] }],
      });
    },
    "a failure destination is for another function": (sample) => {
      addFunction(sample, "Other", {});
      sample.set("Function", { deadLetterConfig: undefined });
      sample.add("eventInvokeConfig", "OtherFailures", {
        functionName: "other",
        destinationConfig: { onFailure: { destination: sample.arn("DeadLetters") } },
      });
    },
  },
  "functions.vpc": {
    "a function is in no VPC": (sample) => addFunction(sample, "Outside", { vpcConfig: undefined }),
  },
  "functions.zones": {
    "a function runs in one zone": (sample) =>
      sample.within("Function", "vpcConfig", { subnetIds: [sample.id("SubnetA")] }),
    "two subnets are in one zone": (sample) => sample.set("SubnetB", { availabilityZone: "ca-central-1a" }),
  },
  "functions.signed": {
    "a function runs unsigned code": (sample) => sample.set("Function", { codeSigningConfigArn: undefined }),
  },
  "functions.secrets": {
    "a variable is a password": (sample) =>
      sample.set("Function", { environment: { variables: { DB_PASSWORD: "correct-horse-battery" } } }),
    "a URL has a password in it": (sample) =>
      sample.set("Function", {
        environment: { variables: { DATABASE_URL: "postgres://app:correct-horse@host/frontdesk" } },
      }),
  },
  "functions.tracing": {
    "a function is not traced": (sample) =>
      sample.set("Function", { tracingConfig: { mode: "PassThrough" } }),
  },
  "functions.latest-runtime": {
    "a runtime is supported, but not the newest": (sample) =>
      sample.set("Function", { runtime: "nodejs22.x" }),
  },
  "functions.supported-runtime": {
    "a runtime gets no more patches": (sample) => sample.set("Function", { runtime: "nodejs18.x" }),
  },
  "functions.private": {
    "everybody may invoke a function": (sample) => {
      sample.add("permission", "Public", {
        function: "function",
        action: "lambda:InvokeFunction",
        principal: "*",
      });
    },
    "a function's URL asks nobody who calls": (sample) => {
      sample.add("functionUrl", "Url", { functionName: "function", authorizationType: "NONE" });
    },
  },
  "functions.sources": {
    "a service may invoke for anybody": (sample) => sample.set("Permission", { sourceArn: undefined }),
  },
};

/** A function like the sample's own, with other inputs. */
function addFunction(sample: Sample, name: string, changes: Record<string, unknown>) {
  sample.add("role", `${name}Role`, { assumeRolePolicy: trust("lambda.amazonaws.com") });
  sample.add("function", name, {
    ...sample.get("Function").inputs,
    name: name.toLowerCase(),
    role: sample.arn(`${name}Role`),
  });
  sample.set(name, changes);
}
