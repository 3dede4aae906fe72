/**
 * What the local run needs to know, drawn from the graph and nothing else. Every name, ARN, policy and URL
 * is the one that AWS would have: a function cannot tell the difference.
 */
import type { FunctionBuild } from "../graph/types.ts";
import type { DistributionSpec, KeyValueStoreSpec } from "./cdn-types.ts";

/** An IAM policy document as JSON (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html). */
export interface PolicyDocument {
  Version?: string;
  Statement: PolicyStatement | PolicyStatement[];
}
export interface PolicyStatement {
  Sid?: string;
  Effect: "Allow" | "Deny";
  Principal?: "*" | Record<string, string | string[]>;
  NotPrincipal?: "*" | Record<string, string | string[]>;
  Action?: string | string[];
  NotAction?: string | string[];
  Resource?: string | string[];
  NotResource?: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

export interface RoleSpec {
  arn: string;
  name: string;
  trust: PolicyDocument;
  /** Inline and attached policies. AWS-managed ones are expanded by name. */
  policies: { name: string; document: PolicyDocument }[];
  /** Its permissions boundary: what the policies allow counts only where this allows it, too. */
  boundary?: { name: string; document: PolicyDocument };
}

/** A policy attached to a resource: queue, topic, bucket, function, secret, key. */
export interface ResourcePolicySpec {
  /** ARN of the resource that carries it. */
  resource: string;
  document: PolicyDocument;
}

export interface QueueSpec {
  arn: string;
  name: string;
  url: string;
  region: string;
  fifo: boolean;
  contentBasedDeduplication: boolean;
  visibilityTimeoutSeconds: number;
  delaySeconds: number;
  retentionSeconds: number;
  maximumMessageSize: number;
  receiveWaitSeconds: number;
  redrive?: { deadLetterTargetArn: string; maxReceiveCount: number };
  /** Which queues may name it as their dead-letter queue; absent: all. */
  redriveAllow?: RedriveAllow;
  /** Tags, shown by ListQueueTags. */
  tags: Record<string, string>;
}

export interface RedriveAllow {
  redrivePermission: "allowAll" | "denyAll" | "byQueue";
  /** With `byQueue`: ARNs, ten at most. */
  sourceQueueArns?: string[];
}

export interface TopicSpec {
  arn: string;
  name: string;
  region: string;
  fifo: boolean;
}
export interface SubscriptionSpec {
  arn: string;
  topicArn: string;
  protocol: "sqs" | "lambda" | "https" | "http" | "email";
  /** Queue or function ARN, or a URL. */
  endpoint: string;
  rawMessageDelivery: boolean;
  filterPolicy?: Record<string, unknown>;
  filterPolicyScope: "MessageAttributes" | "MessageBody";
  deadLetterTargetArn?: string;
}

export interface BucketNotificationTarget {
  id: string;
  kind: "topic" | "queue" | "function";
  arn: string;
  /** e.g. `s3:ObjectCreated:*` */
  events: string[];
  prefix?: string;
  suffix?: string;
}
export interface BucketSpec {
  arn: string;
  name: string;
  region: string;
  notifications: BucketNotificationTarget[];
  lifecycle: {
    id: string;
    enabled: boolean;
    prefix?: string;
    tags?: Record<string, string>;
    expirationDays?: number;
    /** Epoch ms: from then on everything that the rule covers goes, new objects too. */
    expirationDate?: number;
    noncurrentDays?: number;
    /** A delete marker that hides nothing any more goes, too. */
    expiredDeleteMarkers?: true;
    abortIncompleteMultipartDays?: number;
  }[];
  cors: {
    allowedOrigins: string[];
    allowedMethods: string[];
    allowedHeaders: string[];
    exposeHeaders: string[];
    maxAgeSeconds?: number;
  }[];
  versioning: boolean;
  blockPublicAccess: boolean;
}

/** An object that the deployment itself puts into a bucket. */
export interface FileSpec {
  bucket: string;
  key: string;
  /** `path` is absolute, or relative to the app. */
  source: { path: string } | { text: string };
  contentType?: string;
  cacheControl?: string;
}

export interface FunctionSpec {
  arn: string;
  name: string;
  region: string;
  roleArn: string;
  timeoutSeconds: number;
  memoryMB: number;
  /** Ephemeral storage in MB. */
  storageMB: number;
  /** The function's plain environment, as AWS would show it. */
  environment: Record<string, string>;
  architecture: "arm64" | "x86_64";
  /** Undefined: unreserved. */
  reservedConcurrency?: number;
  asyncRetries: number;
  /** Of asynchronous events; undefined: six hours. */
  maximumEventAgeSeconds?: number;
  /** Destination of failed asynchronous events. */
  onFailureArn?: string;
  deadLetterArn?: string;
  vpc: boolean;
  layers: string[];
  build: FunctionBuild;
}

export interface EventSourceMappingSpec {
  id: string;
  /** Only SQS sources run locally. */
  queueArn: string;
  functionArn: string;
  batchSize: number;
  /** MaximumBatchingWindowInSeconds. */
  windowSeconds: number;
  reportBatchItemFailures: boolean;
  /** ScalingConfig.MaximumConcurrency. */
  maximumConcurrency?: number;
  filters: Record<string, unknown>[];
  enabled: boolean;
}

export interface AuthorizerSpec {
  id: string;
  name: string;
  kind: "jwt" | "lambda" | "iam";
  jwt?: { issuer: string; audiences: string[] };
  lambda?: {
    functionArn: string;
    payloadVersion: "1.0" | "2.0";
    simpleResponses: boolean;
    ttlSeconds: number;
  };
  /** e.g. `$request.header.Authorization`, `route.request.querystring.ticket`. */
  identitySources: string[];
}
export interface RouteSpec {
  /** `GET /threads/{id}`, `$default`, `$connect`, `ANY /{proxy+}`. */
  key: string;
  functionArn: string;
  authorizerId?: string;
  scopes: string[];
  payloadVersion: "1.0" | "2.0";
  /** WebSocket: what the integration answers is sent back to the client. */
  routeResponse?: boolean;
}
export interface GatewaySpec {
  id: string;
  name: string;
  region: string;
  arn: string;
  /** `arn:aws:execute-api:region:account:apiId` */
  executionArn: string;
  protocol: "HTTP" | "WEBSOCKET";
  /** Stage name: `$default` for HTTP APIs of SST, `$default` or a name for websocket. */
  stage: string;
  /** Host that AWS would give, `id.execute-api.region.amazonaws.com`. */
  host: string;
  /** Custom domain names mapped to this API. */
  customDomains: string[];
  routes: RouteSpec[];
  authorizers: AuthorizerSpec[];
  cors?: {
    allowOrigins: string[];
    allowMethods: string[];
    allowHeaders: string[];
    exposeHeaders: string[];
    allowCredentials: boolean;
    maxAgeSeconds?: number;
  };
  routeSelectionExpression?: string;
}

/** A function's own address (https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html). */
export interface FunctionUrlSpec {
  /** The first label of its host. */
  id: string;
  /** Logical name of the function component. */
  name: string;
  region: string;
  functionArn: string;
  /** `<id>.lambda-url.<region>.on.aws` */
  host: string;
  authorization: "NONE" | "AWS_IAM";
  /** `RESPONSE_STREAM`: what the handler writes is the body, unless it gives a status itself. */
  streaming: boolean;
  cors?: NonNullable<GatewaySpec["cors"]>;
}

/** EventBridge rule with a schedule (what `sst.aws.Cron` makes). */
export interface RuleSpec {
  arn: string;
  name: string;
  region: string;
  /** `rate(1 minute)` or `cron(...)`, in UTC. */
  schedule: string;
  enabled: boolean;
  targets: { id: string; arn: string; input?: string }[];
}

/** Of EventBridge Scheduler. */
export interface ScheduleGroupSpec {
  name: string;
  region: string;
  tags: Record<string, string>;
}
export interface ScheduleSpec {
  name: string;
  group: string;
  region: string;
  /** What CreateSchedule would be sent. */
  input: Record<string, unknown>;
}

/** `aws.lambda.Invocation`: a function that the deployment itself calls, in its order. */
export interface InvocationSpec {
  name: string;
  functionArn: string;
  /** JSON text. */
  input: string;
}

export interface ReceiptRuleSpec {
  name: string;
  ruleSet: string;
  region: string;
  enabled: boolean;
  scanEnabled: boolean;
  tlsPolicy?: string;
  /** Addresses or domains; empty: every verified domain. */
  recipients: string[];
  after?: string;
  /** In their positions' order. */
  actions: (
    | { kind: "s3"; bucket: string; prefix?: string; topicArn?: string; roleArn?: string }
    | { kind: "sns"; topicArn: string; encoding?: string }
    | { kind: "lambda"; functionArn: string; invocation: "Event" | "RequestResponse"; topicArn?: string }
    | { kind: "addHeader"; name: string; value: string }
    | {
        kind: "bounce";
        message: string;
        smtpReplyCode: string;
        statusCode?: string;
        sender: string;
        topicArn?: string;
      }
    | { kind: "stop"; topicArn?: string }
  )[];
}

export interface UserPoolSpec {
  arn: string;
  id: string;
  name: string;
  region: string;
  /** `https://cognito-idp.<region>.amazonaws.com/<id>` */
  issuer: string;
  /** Attributes by which users are named instead of a username: `email`, `phone_number`. */
  usernameAttributes?: string[];
  /** Absent: Cognito's own, eight characters of all four kinds. */
  passwordPolicy?: {
    minimumLength: number;
    requireLowercase: boolean;
    requireUppercase: boolean;
    requireNumbers: boolean;
    requireSymbols: boolean;
  };
  clients: {
    id: string;
    name: string;
    secret?: string;
    /** Explicit authentication flows (`ALLOW_USER_PASSWORD_AUTH` ...) and OAuth flows (`code` ...). */
    flows: string[];
    scopes: string[];
    callbackUrls: string[];
    logoutUrls: string[];
    /** Minutes. */
    accessTokenMinutes: number;
    idTokenMinutes: number;
    refreshTokenMinutes: number;
  }[];
  groups: { name: string; precedence?: number; description?: string }[];
  domain?: string;
  triggers: {
    preSignUp?: string;
    preTokenGeneration?: string;
    preTokenGenerationVersion?: "V1_0" | "V2_0";
    postConfirmation?: string;
    postAuthentication?: string;
  };
}

export interface SecretSpec {
  arn: string;
  name: string;
  region: string;
  /** The value that the graph gives it, if any. */
  value?: string;
}
export interface ParameterSpec {
  arn: string;
  name: string;
  region: string;
  type: "String" | "SecureString" | "StringList";
  value: string;
}

export interface DatabaseSpec {
  /** Identifier of the Aurora cluster or of the RDS instance. */
  id: string;
  arn: string;
  /** `cluster-...`, of an instance `db-...` (or `prx-...` for a proxy): the middle of `rds-db:connect`'s resource. */
  resourceId: string;
  region: string;
  engineVersion: string;
  /** AWS's host names that lead here (writer, reader). */
  hosts: string[];
  port: number;
  databaseName: string;
  masterUsername: string;
  masterPassword?: string;
  iamAuthentication: boolean;
  /** `rds.force_ssl` is 0: logins without TLS are taken, too. */
  plainAllowed?: true;
}
export interface DatabaseProxySpec {
  name: string;
  arn: string;
  resourceId: string;
  region: string;
  host: string;
  port: number;
  clusterId: string;
  requireTls: boolean;
  roleArn: string;
  auth: { secretArn: string; iamAuth: "DISABLED" | "REQUIRED"; scheme: string }[];
}
export interface CacheSpec {
  id: string;
  arn: string;
  region: string;
  hosts: string[];
  port: number;
  authToken?: string;
  transitEncryption: boolean;
  clusterMode: boolean;
}

export interface Plan {
  app: string;
  stage: string;
  accountId: string;
  homeRegion: string;
  roles: RoleSpec[];
  resourcePolicies: ResourcePolicySpec[];
  queues: QueueSpec[];
  topics: TopicSpec[];
  subscriptions: SubscriptionSpec[];
  buckets: BucketSpec[];
  files: FileSpec[];
  functions: FunctionSpec[];
  eventSourceMappings: EventSourceMappingSpec[];
  gateways: GatewaySpec[];
  functionUrls: FunctionUrlSpec[];
  rules: RuleSpec[];
  scheduleGroups: ScheduleGroupSpec[];
  schedules: ScheduleSpec[];
  invocations: InvocationSpec[];
  receiptRules: ReceiptRuleSpec[];
  /** Per region, the rule set that is active. */
  activeRuleSets: Record<string, string>;
  userPools: UserPoolSpec[];
  secrets: SecretSpec[];
  parameters: ParameterSpec[];
  databases: DatabaseSpec[];
  databaseProxies: DatabaseProxySpec[];
  caches: CacheSpec[];
  distributions: DistributionSpec[];
  /** CloudFront's. */
  keyValueStores: KeyValueStoreSpec[];
  /** What the graph asks for and this package cannot run, with the reason. Named at start. */
  notRun: { type: string; name: string; reason: string }[];
}
