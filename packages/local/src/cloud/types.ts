/** The seams between the parts of the local cloud. Parts know each other through these ports only. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { Plan } from "../plan/types.ts";
import type { Clock } from "./clock.ts";
import type { Faults } from "./faults.ts";

/** Who makes a call. */
export type Principal =
  /** A function's execution role (or any role of the graph). */
  | { kind: "role"; roleArn: string; sessionName: string }
  /** An AWS service acting for a resource: S3 that notifies, SNS that delivers, SES that stores. */
  | { kind: "service"; service: string; sourceArn: string; sourceAccount: string }
  /** The developer at this machine: everything is allowed, nothing is recorded as a grant in use. */
  | { kind: "developer" }
  | { kind: "anonymous" };

export interface AuthorisationRequest {
  principal: Principal;
  /** e.g. `s3:PutObject` */
  action: string;
  /** ARN, or `*` for actions without a resource. */
  resource: string;
  /** Condition keys beside those the authoriser knows itself (aws:SourceArn, aws:SecureTransport ...). */
  context?: Record<string, string | string[]>;
}

export interface Authoriser {
  /** Throws AccessDenied, naming role, action and resource, and records the denial. Records what was used. */
  authorise(request: AuthorisationRequest): void;
}

/** One call as the front door hands it to a service: authenticated, not yet authorised. */
export interface AwsCall {
  requestId: string;
  /** Signing name, e.g. `sqs`. */
  service: string;
  /** Region of the credential scope. */
  region: string;
  principal: Principal;
  /** Operation for JSON and query protocols (`SendMessage`); empty for REST, where the service routes itself. */
  operation: string;
  /** Which wire shape the answer must have. */
  protocol: "json" | "query" | "rest";
  /** JSON body, or query parameters as a flat record. Empty for REST. */
  input: Record<string, unknown>;
  http: {
    method: string;
    /** Path without query, still percent-encoded. */
    path: string;
    query: URLSearchParams;
    headers: Record<string, string>;
    /** The body; for JSON and query it has been read already and is in `rawBody`. For REST it is a stream, already decoded from `aws-chunked`. */
    body: Readable;
    rawBody: Buffer;
    request: IncomingMessage;
    response: ServerResponse;
  };
  /** X-Ray trace header (`Root=1-...`) the caller sent or was invoked with. */
  trace?: string | undefined;
  /** Every operation must call this before it reads or changes anything: the front door fails closed if it did not. */
  authorise(action: string, resource: string, context?: Record<string, string | string[]>): void;
}

/** Answer of a service. JSON: `body` object. Query: `body` object is written as XML. REST: status, headers and bytes. */
export interface AwsAnswer {
  status?: number;
  headers?: Record<string, string>;
  body?: Record<string, unknown> | string | Buffer | Readable;
}

/** A service behind the front door. */
export interface AwsService {
  /** Signing names that lead here, e.g. `["sqs"]`. */
  readonly signingNames: string[];
  handle(call: AwsCall): Promise<AwsAnswer>;
}

/** Something that starts, and stops leaving nothing behind: no process, no port, no timer. */
export interface Part {
  start?(): Promise<void>;
  stop(): Promise<void>;
}

/** One thing that happened, for the terminal, for `demo`, for the console and for tests. */
export interface Observation {
  /** Milliseconds of the local clock. */
  at: number;
  /**
   * `smtp.accepted`, `s3.put`, `sns.publish`, `sns.deliver`, `sqs.send`, `sqs.receive`, `sqs.delete`, `sqs.deadletter`,
   * `lambda.start`, `lambda.end`, `lambda.log`, `apigw.request`, `ws.connect`, `ws.disconnect`, `ws.message`, `ws.post`,
   * `cloudfront.request`, `iam.denied`, `schedule.fire`, `local.reload`.
   */
  kind: string;
  /** ARN or name of the resource it happened to. */
  resource: string;
  /** X-Ray roots it belongs to; a batch has several. */
  traces: string[];
  detail: Record<string, unknown>;
}

export interface Observer {
  record(
    kind: string,
    resource: string,
    traces: string[] | string | undefined,
    detail?: Record<string, unknown>,
  ): void;
  on(listener: (observation: Observation) => void): () => void;
}

/** Files of one run. */
export interface StateFolder {
  /** Absolute path; everything kept between runs is below it. */
  root: string;
  /** Makes (if need be) and names a folder below the root. */
  folder(...names: string[]): string;
  /** Reads JSON kept under a name, or the fallback. */
  read<T>(name: string, fallback: T): T;
  /** Writes JSON atomically (temporary file + rename). */
  write(name: string, value: unknown): void;
}

/**
 * Where AWS's names lead on this machine, as `host:port -> 127.0.0.1:port`. Functions connect to the names that AWS
 * would give; a hook in their process turns them here and refuses whatever is neither listed nor loopback.
 */
export interface Addresses {
  /** A host may begin with `*.`; the longest match wins. */
  add(host: string, port: number, target: { port: number }): void;
  /** For the environment of a function's process. */
  toJSON(): Record<string, string>;
}

/** Makes TLS material for AWS's names, signed by the run's own CA. PEM throughout. */
export interface CertificateAuthority {
  /** PEM file to trust (`NODE_EXTRA_CA_CERTS`). */
  file: string;
  pem: string;
  issue(hosts: string[]): Promise<{ key: string; cert: string }>;
}

/** What every part is made with. */
export interface Cloud {
  plan: Plan;
  clock: Clock;
  faults: Faults;
  observer: Observer;
  authoriser: Authoriser;
  state: StateFolder;
  addresses: Addresses;
  ca: CertificateAuthority;
  /** Human-readable lines on stderr; never secrets or bodies. */
  log(message: string): void;
}

// ---- Ports by which one service reaches another. Each call is authorised for the given principal. ----

export interface SqsMessage {
  messageId: string;
  receiptHandle: string;
  body: string;
  md5OfBody: string;
  /** SentTimestamp, ApproximateReceiveCount, SenderId, ApproximateFirstReceiveTimestamp, AWSTraceHeader, MessageGroupId ... */
  attributes: Record<string, string>;
  messageAttributes: Record<string, { dataType: string; stringValue?: string; binaryValue?: Buffer }>;
}
export interface SqsPort {
  send(
    principal: Principal,
    queueArn: string,
    message: {
      body: string;
      messageAttributes?: SqsMessage["messageAttributes"];
      delaySeconds?: number;
      groupId?: string;
      deduplicationId?: string;
      trace?: string | undefined;
    },
  ): Promise<{ messageId: string }>;
  /** Waits up to `waitMs` for at least one message. */
  receive(
    principal: Principal,
    queueArn: string,
    options: { max: number; waitMs: number; visibilitySeconds?: number; signal?: AbortSignal },
  ): Promise<SqsMessage[]>;
  delete(principal: Principal, queueArn: string, receiptHandles: string[]): Promise<void>;
  changeVisibility(
    principal: Principal,
    queueArn: string,
    receiptHandle: string,
    seconds: number,
  ): Promise<void>;
  /** Approximate counts, as GetQueueAttributes tells them, and the age of the oldest message in ms. */
  counts(queueArn: string): { visible: number; inFlight: number; delayed: number; oldestAgeMs: number };
}
export interface SnsPort {
  publish(
    principal: Principal,
    topicArn: string,
    message: {
      message: string;
      subject?: string;
      messageAttributes?: SqsMessage["messageAttributes"];
      trace?: string | undefined;
    },
  ): Promise<{ messageId: string }>;
}
export interface S3Port {
  put(
    principal: Principal,
    bucket: string,
    key: string,
    body: Buffer | Readable,
    options?: {
      contentType?: string;
      cacheControl?: string;
      metadata?: Record<string, string>;
      trace?: string | undefined;
    },
  ): Promise<{ etag: string; size: number; versionId?: string }>;
  get(
    principal: Principal,
    bucket: string,
    key: string,
  ): Promise<{ body: Readable; size: number; contentType: string; metadata: Record<string, string> }>;
}
export interface InvokeResult {
  /** JSON text of the handler's answer, or of the error. */
  payload: string;
  /** `Handled` or `Unhandled`, as in X-Amz-Function-Error. */
  functionError?: "Handled" | "Unhandled";
  durationMs: number;
}
export interface LambdaPort {
  /**
   * Invokes and waits for the answer (RequestResponse). Throws AwsError `TooManyRequestsException` at the concurrency limit.
   * `traces` are those of the event: of one request, or of each message in a batch.
   */
  invoke(
    principal: Principal,
    functionArn: string,
    event: unknown,
    options?: { traces?: string[]; signal?: AbortSignal },
  ): Promise<InvokeResult>;
  /** Accepts the event and runs it with Lambda's retries (2 by default, after 1 and 2 minutes) and failure destination. */
  invokeAsync(
    principal: Principal,
    functionArn: string,
    event: unknown,
    options?: { traces?: string[] },
  ): Promise<void>;
}
/** Checks tokens of the run's user pools; used by the HTTP API's JWT authorizer. */
export interface CognitoPort {
  /** Public keys of the issuer, or undefined when no pool of the run has it. */
  jwks(issuer: string): { keys: Record<string, unknown>[] } | undefined;
}

/** The ports of one run. Filled before anything starts, so that parts may call each other in both directions. */
export interface Ports {
  sqs: SqsPort;
  sns: SnsPort;
  s3: S3Port;
  lambda: LambdaPort;
  cognito: CognitoPort;
}

/** Access keys of the run: who a signature belongs to. Random per run, kept in memory. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
}
export interface CredentialStore {
  /** Issues keys for a principal; the same principal may hold several. */
  issue(principal: Principal): Credentials;
  find(accessKeyId: string): { credentials: Credentials; principal: Principal } | undefined;
  revoke(accessKeyId: string): void;
}
