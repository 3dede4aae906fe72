/** Other ways to be right. */
import { account, allow, policy, type Sample } from "./sample.ts";
import { addStorage } from "./sound.ts";

const as = (statement: Record<string, unknown>) => (sample: Sample) =>
  sample.set("Boundary", { policy: policy(statement) });

export const variants: Record<string, (sample: Sample) => void> = {
  "a flow log records rejections alone": (sample) => sample.set("FlowLog", { trafficType: "REJECT" }),
  "a database is reached from one address range": (sample) => {
    sample.add("ingressRule", "Office", {
      securityGroupId: sample.id("Group"),
      ipProtocol: "tcp",
      fromPort: 22,
      toPort: 22,
      cidrIpv4: "192.0.2.0/24",
      description: "the office",
    });
  },
  "a cache knows its users by name": (sample) =>
    sample.set("Cache", { authToken: undefined, userGroupIds: ["people"] }),
  "a function's failures go to a destination": (sample) => {
    sample.set("Function", { deadLetterConfig: undefined });
    sample.add("eventInvokeConfig", "Failures", {
      functionName: "function",
      destinationConfig: { onFailure: { destination: sample.arn("DeadLetters") } },
    });
  },
  "a function that is only called and waited for has no dead letters": (sample) => {
    sample.set("Function", { deadLetterConfig: undefined });
    sample.set("Target", { arn: sample.arn("Work") });
    sample.add("eventTarget", "Other", { rule: "hourly", arn: sample.arn("DeadLetters") });
    sample.add("function", "Kept", {
      ...sample.get("Function").inputs,
      name: "kept",
      deadLetterConfig: { targetArn: sample.arn("DeadLetters") },
    });
    sample.add("eventTarget", "KeptTarget", { rule: "daily", arn: sample.arn("Kept") });
  },
  "a function of a clock has nothing to lose": (sample) => {
    sample.add("function", "Minutely", {
      ...sample.get("Function").inputs,
      name: "minutely",
      deadLetterConfig: undefined,
    });
    sample.add("eventRule", "EachMinute", {
      name: "each-minute-of-all",
      scheduleExpression: "rate(1 minute)",
    });
    sample.add("eventTarget", "MinutelyTarget", { rule: "each-minute-of-all", arn: sample.arn("Minutely") });
  },
  "a distribution has no name of ours": (sample) => {
    sample.set("Cdn", { aliases: undefined, viewerCertificate: { cloudfrontDefaultCertificate: true } });
  },
  "a function is a container": (sample) => {
    sample.add("function", "Container", {
      ...sample.get("Function").inputs,
      name: "container",
      packageType: "Image",
      runtime: undefined,
    });
  },
  "a bucket takes CloudFront's log alone": (sample) => {
    addStorage(sample, "CdnLogs");
    sample.set("Cdn", { loggingConfig: { bucket: `${sample.id("CdnLogs")}.s3.amazonaws.com` } });
    sample.get("CdnLogs").outputs.bucketDomainName = `${sample.id("CdnLogs")}.s3.amazonaws.com`;
  },
  "a backup is selected by tag": (sample) => {
    sample.set("Cluster", { tags: { backup: "daily" } });
    sample.set("Selection", {
      resources: [`arn:aws:ec2:ca-central-1:${account}:*`],
      selectionTags: [{ type: "STRINGEQUALS", key: "backup", value: "daily" }],
    });
  },
  "a secret is rotated each four hours": (sample) =>
    sample.set("SecretRotation", { rotationRules: { scheduleExpression: "rate(4 hours)" } }),
  "an asymmetric key cannot be rotated": (sample) => {
    sample.add("key", "Signing", {
      ...sample.get("Key").inputs,
      customerMasterKeySpec: "RSA_2048",
      enableKeyRotation: undefined,
    });
  },
  "a role is made within a boundary": as(
    allow("iam:PutRolePolicy", `arn:aws:iam::${account}:role/frontdesk-*`, {
      Condition: { StringEquals: { "iam:PermissionsBoundary": `arn:aws:iam::${account}:policy/boundary` } },
    }),
  ),
  "one bucket's objects are read": as(allow("s3:GetObject", "arn:aws:s3:::pictures/*")),
  "one socket API's connections are told": as(
    allow(
      "execute-api:ManageConnections",
      "arn:aws:execute-api:ca-central-1:123456789012:abc/$default/POST/@connections/*",
    ),
  ),
  "a metric is put into one namespace": as(
    allow("cloudwatch:PutMetricData", "*", {
      Condition: { StringEquals: { "cloudwatch:namespace": "Frontdesk" } },
    }),
  ),
  "a boundary is wider than what its role is given": (sample) => {
    sample.add("policy", "Ceiling", { policy: policy(allow("s3:*", "*")) });
    sample.set("Worker", { permissionsBoundary: sample.arn("Ceiling") });
  },
  "something is denied on everything": as({ Effect: "Deny", Action: "*", Resource: "*" }),
  "everybody of this account may subscribe": (sample) => {
    const own = sample.get("TopicPolicy").inputs;
    const { Statement } = JSON.parse(String(own.policy)) as { Statement: Record<string, unknown>[] };
    sample.set("TopicPolicy", {
      policy: policy(
        ...Statement,
        allow("sns:Subscribe", sample.arn("Topic"), {
          Principal: { AWS: "*" },
          Condition: { StringEquals: { "aws:SourceAccount": account } },
        }),
      ),
    });
  },
};
