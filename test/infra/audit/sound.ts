/** A graph that every rule is content with, and in which every rule finds something to look at. */
import { account, allow, policy, region, Sample, tlsOnly, trust } from "./sample.ts";

export function soundGraph(): Sample {
  const sample = new Sample();
  addKeys(sample);
  addNetwork(sample);
  addIam(sample);
  addMachines(sample);
  addDatabase(sample);
  addMessaging(sample);
  addStorage(sample, "Pictures");
  addStorage(sample, "Logs");
  sample.add("bucketLogging", "PicturesLogging", {
    bucket: sample.id("Pictures"),
    targetBucket: sample.id("Logs"),
    targetPrefix: "pictures/",
  });
  sample.add("bucketNotification", "PicturesNotification", {
    bucket: sample.id("Pictures"),
    queues: [{ queueArn: sample.arn("Work"), events: ["s3:ObjectCreated:*"] }],
  });
  addFunctions(sample);
  addApis(sample);
  addEdge(sample);
  addPeople(sample);
  return sample;
}

function addKeys(sample: Sample) {
  sample.add("key", "Key", {
    description: "What is kept",
    enableKeyRotation: true,
    deletionWindowInDays: 30,
    policy: policy({
      Effect: "Allow",
      Principal: { AWS: `arn:aws:iam::${account}:root` },
      Action: "kms:*",
      Resource: "*",
    }),
  });
  sample.add("secret", "Secret", { name: "secret", kmsKeyId: sample.arn("Key") });
  sample.add("secretRotation", "SecretRotation", {
    secretId: sample.id("Secret"),
    rotationRules: { automaticallyAfterDays: 30 },
  });
  sample.add("logGroup", "Log", { name: "/log", retentionInDays: 365, kmsKeyId: sample.arn("Key") });
}

function addNetwork(sample: Sample) {
  sample.add("vpc", "Vpc", { cidrBlock: "10.0.0.0/16" });
  const vpcId = sample.id("Vpc");
  sample.add("flowLog", "FlowLog", { vpcId, trafficType: "ALL", logDestination: sample.arn("Log") });
  sample.add("defaultSecurityGroup", "DefaultGroup", { vpcId, ingress: [], egress: [] });
  sample.add("subnet", "SubnetA", { vpcId, cidrBlock: "10.0.0.0/24", availabilityZone: `${region}a` });
  sample.add("subnet", "SubnetB", { vpcId, cidrBlock: "10.0.1.0/24", availabilityZone: `${region}b` });
  sample.add("securityGroup", "Group", {
    vpcId,
    description: "functions",
    egress: [
      {
        protocol: "tcp",
        fromPort: 443,
        toPort: 443,
        cidrBlocks: ["0.0.0.0/0"],
        description: "AWS's services",
      },
    ],
  });
  sample.add("ingressRule", "GroupIngress", {
    securityGroupId: sample.id("Group"),
    ipProtocol: "tcp",
    fromPort: 6432,
    toPort: 6432,
    referencedSecurityGroupId: sample.id("Group"),
    description: "the database",
  });
  sample.add("eip", "Address", { domain: "vpc" });
  sample.add("natGateway", "Nat", { subnetId: sample.id("SubnetA"), allocationId: sample.id("Address") });
  sample.add("endpoint", "Ec2Endpoint", {
    vpcId,
    serviceName: `com.amazonaws.${region}.ec2`,
    vpcEndpointType: "Interface",
  });
  sample.add("transitGateway", "Transit", { autoAcceptSharedAttachments: "disable" });
  sample.add("clientVpn", "Vpn", {
    clientCidrBlock: "10.9.0.0/22",
    serverCertificateArn: `arn:aws:acm:${region}:${account}:certificate/vpn`,
    authenticationOptions: [{ type: "certificate-authentication" }],
    connectionLogOptions: { enabled: true, cloudwatchLogGroup: "/log" },
  });
}

function addIam(sample: Sample) {
  sample.add("role", "Worker", {
    assumeRolePolicy: trust("lambda.amazonaws.com"),
    inlinePolicies: [
      {
        name: "work",
        policy: policy(
          allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::pictures/media/*"),
          allow("ec2:DescribeSubnets", "*"),
          allow("iam:PassRole", `arn:aws:iam::${account}:role/scheduler`, {
            Condition: { StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } },
          }),
        ),
      },
    ],
  });
  sample.add("policy", "Boundary", {
    policy: policy(allow("sqs:SendMessage", `arn:aws:sqs:${region}:${account}:work`)),
  });
  sample.add("user", "Somebody", { name: "somebody" });
}

function addMachines(sample: Sample) {
  sample.add("role", "Machine", {
    assumeRolePolicy: trust("ec2.amazonaws.com"),
    inlinePolicies: [
      {
        name: "session",
        policy: policy(allow(["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel"], "*")),
      },
    ],
  });
  sample.add("instanceProfile", "Profile", { role: sample.id("Machine") });
  sample.add("instance", "Bastion", {
    ami: "ami-1",
    instanceType: "t4g.nano",
    subnetId: sample.id("SubnetA"),
    vpcSecurityGroupIds: [sample.id("Group")],
    iamInstanceProfile: "profile",
    metadataOptions: { httpTokens: "required" },
    rootBlockDevice: { encrypted: true },
    ebsBlockDevices: [{ deviceName: "/dev/sdf", encrypted: true }],
    monitoring: true,
    disableApiTermination: true,
    userData: "#!/bin/sh\nexec true\n",
  });
  sample.add("volume", "Volume", { availabilityZone: `${region}a`, size: 8, encrypted: true });
  sample.add("launchTemplate", "Template", {
    metadataOptions: { httpTokens: "required" },
    networkInterfaces: [{ associatePublicIpAddress: "false" }],
  });
  sample.add("document", "Document", { documentType: "Session", content: "{}" });
}

function addDatabase(sample: Sample) {
  sample.add("databaseParameters", "Parameters", {
    name: "parameters",
    family: "aurora-postgresql17",
    parameters: [
      { name: "rds.force_ssl", value: "1" },
      { name: "log_statement", value: "ddl" },
      { name: "log_min_duration_statement", value: "1000" },
    ],
  });
  sample.add("databaseCluster", "Cluster", {
    engine: "aurora-postgresql",
    engineVersion: "17.5",
    masterUsername: "frontdesk_master",
    port: 6432,
    dbSubnetGroupName: "private",
    dbClusterParameterGroupName: "parameters",
    storageEncrypted: true,
    kmsKeyId: sample.arn("Key"),
    iamDatabaseAuthenticationEnabled: true,
    deletionProtection: true,
    backupRetentionPeriod: 14,
    copyTagsToSnapshot: true,
    enabledCloudwatchLogsExports: ["postgresql"],
  });
  for (const name of ["Writer", "Reader"])
    sample.add("databaseClusterInstance", name, {
      clusterIdentifier: sample.id("Cluster"),
      engine: "aurora-postgresql",
      instanceClass: "db.serverless",
      publiclyAccessible: false,
      autoMinorVersionUpgrade: true,
      performanceInsightsEnabled: true,
      performanceInsightsKmsKeyId: sample.arn("Key"),
      monitoringInterval: 60,
      monitoringRoleArn: sample.arn("Machine"),
    });
  for (const [name, sourceType, eventCategories] of [
    ["ClusterEvents", "db-cluster", ["maintenance", "failure"]],
    ["InstanceEvents", "db-instance", ["maintenance", "configuration change", "failure"]],
    ["ParameterEvents", "db-parameter-group", ["configuration change"]],
    ["GroupEvents", "db-security-group", []],
  ] as const)
    sample.add("databaseEvents", name, {
      snsTopic: `arn:aws:sns:${region}:${account}:alarms`,
      sourceType,
      eventCategories,
    });
  sample.add("backupPlan", "Plan", {
    name: "daily",
    rules: [{ ruleName: "daily", targetVaultName: "vault", schedule: "cron(0 5 * * ? *)" }],
  });
  sample.add("backupSelection", "Selection", {
    planId: sample.id("Plan"),
    iamRoleArn: sample.arn("Machine"),
    resources: [sample.arn("Cluster"), `arn:aws:ec2:${region}:${account}:*`],
  });
  sample.add("cacheCluster", "Cache", {
    description: "cache",
    engine: "redis",
    port: 6380,
    subnetGroupName: "private",
    atRestEncryptionEnabled: true,
    transitEncryptionEnabled: true,
    kmsKeyId: sample.arn("Key"),
    authToken: "kept in Secrets Manager",
    automaticFailoverEnabled: true,
    multiAzEnabled: true,
    snapshotRetentionLimit: 1,
    autoMinorVersionUpgrade: "true",
  });
}

function addMessaging(sample: Sample) {
  sample.add("queue", "DeadLetters", { sqsManagedSseEnabled: true, kmsMasterKeyId: sample.arn("Key") });
  sample.add("queue", "Work", {
    kmsMasterKeyId: sample.arn("Key"),
    redrivePolicy: JSON.stringify({ deadLetterTargetArn: sample.arn("DeadLetters"), maxReceiveCount: 5 }),
  });
  sample.add("topic", "Topic", {
    kmsMasterKeyId: sample.arn("Key"),
    sqsFailureFeedbackRoleArn: sample.arn("Machine"),
  });
  sample.add("topicPolicy", "TopicPolicy", {
    arn: sample.arn("Topic"),
    policy: policy(
      tlsOnly(sample.arn("Topic"), "sns:Publish"),
      allow("sns:Publish", sample.arn("Topic"), {
        Principal: { Service: "s3.amazonaws.com" },
        Condition: { StringEquals: { "aws:SourceAccount": account } },
      }),
    ),
  });
  sample.add("subscription", "Subscription", {
    topic: sample.arn("Topic"),
    protocol: "sqs",
    endpoint: sample.arn("Work"),
  });
  for (const name of ["Work", "DeadLetters"])
    sample.add("queuePolicy", `${name}Policy`, {
      queueUrl: String(sample.get(name).outputs.url),
      policy: policy(
        tlsOnly(sample.arn(name), "sqs:*"),
        allow("sqs:SendMessage", sample.arn(name), {
          Principal: { Service: "sns.amazonaws.com" },
          Condition: { ArnEquals: { "aws:SourceArn": sample.arn("Topic") } },
        }),
      ),
    });
  sample.add("schedule", "Schedule", {
    scheduleExpression: "rate(1 hour)",
    flexibleTimeWindow: { mode: "OFF" },
    kmsKeyArn: sample.arn("Key"),
    target: { arn: sample.arn("Work"), roleArn: sample.arn("Worker") },
  });
  sample.add("configurationSet", "Mail", {
    configurationSetName: "mail",
    deliveryOptions: { tlsPolicy: "REQUIRE" },
  });
}

/** A bucket and all that belongs to it. */
export function addStorage(sample: Sample, name: string) {
  sample.add("bucket", name, { objectLockEnabled: true });
  const bucket = sample.id(name);
  sample.add("accessBlock", `${name}Block`, {
    bucket,
    blockPublicAcls: true,
    blockPublicPolicy: true,
    ignorePublicAcls: true,
    restrictPublicBuckets: true,
  });
  sample.add("bucketPolicy", `${name}Policy`, { bucket, policy: policy(tlsOnly(sample.arn(name), "s3:*")) });
  sample.add("bucketEncryption", `${name}Encryption`, {
    bucket,
    rules: [
      {
        applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: sample.arn("Key") },
      },
    ],
  });
  sample.add("bucketLifecycle", `${name}Lifecycle`, {
    bucket,
    rules: [{ id: "old", status: "Enabled", filter: { prefix: "" }, expiration: { days: 90 } }],
  });
  sample.add("bucketVersioning", `${name}Versioning`, {
    bucket,
    versioningConfiguration: { status: "Enabled" },
  });
  sample.add("bucketReplication", `${name}Replication`, {
    bucket,
    role: sample.arn("Worker"),
    rules: [{ status: "Enabled", destination: { bucket: "arn:aws:s3:::elsewhere" } }],
  });
}

function addFunctions(sample: Sample) {
  sample.add("function", "Function", {
    name: "function",
    role: sample.arn("Worker"),
    handler: "index.handler",
    runtime: "nodejs24.x",
    kmsKeyArn: sample.arn("Key"),
    environment: { variables: { SECRET_ARN: sample.arn("Secret") } },
    reservedConcurrentExecutions: 10,
    tracingConfig: { mode: "Active" },
    codeSigningConfigArn: `arn:aws:lambda:${region}:${account}:code-signing-config:csc-1`,
    deadLetterConfig: { targetArn: sample.arn("DeadLetters") },
    vpcConfig: {
      subnetIds: [sample.id("SubnetA"), sample.id("SubnetB")],
      securityGroupIds: [sample.id("Group")],
    },
  });
  sample.add("eventRule", "Told", { name: "told", eventPattern: JSON.stringify({ source: ["aws.health"] }) });
  sample.add("eventTarget", "Target", { rule: "told", arn: sample.arn("Function") });
  sample.add("permission", "Permission", {
    function: "function",
    action: "lambda:InvokeFunction",
    principal: "events.amazonaws.com",
    sourceArn: `arn:aws:events:${region}:${account}:rule/told`,
  });
}

function addApis(sample: Sample) {
  for (const [name, protocolType] of [
    ["Http", "HTTP"],
    ["Socket", "WEBSOCKET"],
  ] as const) {
    sample.add("gatewayApi", name, { protocolType });
    sample.add("gatewayStage", `${name}Stage`, {
      apiId: sample.id(name),
      name: "$default",
      accessLogSettings: { destinationArn: sample.arn("Log"), format: "{}" },
      ...(protocolType === "WEBSOCKET" && { defaultRouteSettings: { loggingLevel: "ERROR" } }),
    });
  }
  const route = (name: string, api: string, routeKey: string, authorizationType: string) =>
    sample.add("gatewayRoute", name, { apiId: sample.id(api), routeKey, authorizationType });
  route("HttpRoute", "Http", "GET /{proxy+}", "JWT");
  route("Connect", "Socket", "$connect", "CUSTOM");
  // API Gateway takes no authorizer here.
  route("Default", "Socket", "$default", "NONE");
}

function addEdge(sample: Sample) {
  sample.add("webAcl", "Acl", {
    scope: "CLOUDFRONT",
    defaultAction: { allow: {} },
    visibilityConfig: { cloudwatchMetricsEnabled: true, metricName: "acl", sampledRequestsEnabled: false },
    rules: [
      {
        name: "bad-inputs",
        priority: 0,
        overrideAction: { none: {} },
        statement: {
          managedRuleGroupStatement: { vendorName: "AWS", name: "AWSManagedRulesKnownBadInputsRuleSet" },
        },
        visibilityConfig: {
          cloudwatchMetricsEnabled: true,
          metricName: "bad",
          sampledRequestsEnabled: false,
        },
      },
    ],
  });
  sample.add("webAclLogging", "AclLogging", {
    resourceArn: sample.arn("Acl"),
    logDestinationConfigs: [sample.arn("Log")],
  });
  sample.add("originAccessControl", "OriginAccess", {
    originAccessControlOriginType: "s3",
    signingBehavior: "always",
    signingProtocol: "sigv4",
  });
  sample.add("responseHeaders", "Headers", {
    securityHeadersConfig: {
      strictTransportSecurity: {
        accessControlMaxAgeSec: 63_072_000,
        override: true,
        includeSubdomains: true,
      },
    },
  });
  sample.add("distribution", "Cdn", {
    enabled: true,
    defaultRootObject: "index.html",
    webAclId: sample.arn("Acl"),
    aliases: ["media.example.com"],
    viewerCertificate: {
      acmCertificateArn: `arn:aws:acm:us-east-1:${account}:certificate/media`,
      minimumProtocolVersion: "TLSv1.2_2021",
      sslSupportMethod: "sni-only",
    },
    restrictions: { geoRestriction: { restrictionType: "whitelist", locations: ["CA", "US"] } },
    loggingConfig: { bucket: `logs.s3.${region}.amazonaws.com` },
    origins: [
      {
        originId: "pictures",
        domainName: `pictures.s3.${region}.amazonaws.com`,
        originAccessControlId: sample.id("OriginAccess"),
      },
      {
        originId: "api",
        domainName: "api.example.com",
        customOriginConfig: {
          httpPort: 80,
          httpsPort: 443,
          originProtocolPolicy: "https-only",
          originSslProtocols: ["TLSv1.2"],
        },
      },
    ],
    originGroups: [
      {
        originId: "either",
        failoverCriteria: { statusCodes: [503] },
        members: [{ originId: "pictures" }, { originId: "api" }],
      },
    ],
    defaultCacheBehavior: behaviour(sample),
    orderedCacheBehaviors: [{ ...behaviour(sample), pathPattern: "/media/*" }],
  });
}

const behaviour = (sample: Sample) => ({
  targetOriginId: "either",
  viewerProtocolPolicy: "redirect-to-https",
  allowedMethods: ["GET", "HEAD"],
  cachedMethods: ["GET", "HEAD"],
  responseHeadersPolicyId: sample.id("Headers"),
});

function addPeople(sample: Sample) {
  sample.add("userPool", "Pool", {
    mfaConfiguration: "ON",
    softwareTokenMfaConfiguration: { enabled: true },
    userPoolAddOns: { advancedSecurityMode: "ENFORCED" },
    passwordPolicy: {
      minimumLength: 14,
      requireUppercase: true,
      requireLowercase: true,
      requireNumbers: true,
      requireSymbols: true,
    },
  });
  sample.add("identityPool", "Identities", {
    identityPoolName: "people",
    allowUnauthenticatedIdentities: false,
  });
}
