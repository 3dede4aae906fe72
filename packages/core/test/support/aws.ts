/**
 * Small AWS on loopback for the SDK's real clients: just what the domain calls, with the rules that its calls must
 * keep (unknown buckets, keys and connections are refused, tags do not touch bytes). The whole of it is packages/local.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { now } from "../../src/clock/index.ts";
import { answerScheduler, type StoredSchedule } from "./scheduler.ts";
import { TestQueues } from "./sqs.ts";

interface StoredObject {
  body: Buffer;
  tags: Record<string, string>;
  modified: Date;
  /** That it was put with: content-type, cache-control and the like. */
  headers: Record<string, string>;
}
export interface Call {
  operation: string;
  key: string;
}

export interface TestAws {
  url: string;
  buckets: Map<string, Map<string, StoredObject>>;
  /** Bodies sent to queues, by URL. */
  sent: { url: string; body: string }[];
  /** Receipts of messages that were made visible again, by the queue's URL; one named `stale` is refused. */
  shown: { url: string; receipt: string; seconds: number }[];
  calls: Call[];
  /** What Scheduler has, by name. */
  schedules: Map<string, StoredSchedule>;
  /** What is received from, and moved between. What is sent is in `sent`, and is received when a test puts it here. */
  queues: TestQueues;
  /** Keys that S3 denies to delete. */
  undeletable: Set<string>;
  /** Strings of Secrets Manager by ARN. */
  secrets: Map<string, string>;
  /** Since when they are; absent: for long. */
  secretDates: Map<string, Date>;
  /** What each open connection got. */
  connections: Map<string, string[]>;
  /** Runs before each call; may throw an Answer. */
  intercept: ((call: Call) => Promise<void> | void) | undefined;
  put(bucket: string, key: string, body: Buffer | string): void;
  stop(): Promise<void>;
}

/** Thrown by `intercept`: the answer instead of the effect. */
export class Answer extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

export async function startAws(buckets: string[]): Promise<TestAws> {
  const server = createServer((request, response) => {
    respond(aws, request, response).catch((error: unknown) => {
      const { status, code } = error instanceof Answer ? error : { status: 500, code: "InternalError" };
      const isS3 =
        !/@connections|^\/schedules\//.test(request.url ?? "") &&
        request.headers["x-amz-target"] === undefined;
      response.writeHead(status, {
        "content-type": isS3 ? "application/xml" : "application/json",
        "x-amzn-errortype": code,
      });
      response.end(
        isS3
          ? `<Error><Code>${code}</Code><Message>${code}</Message></Error>`
          : JSON.stringify({ __type: code, message: code }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const aws: TestAws = {
    url: `http://127.0.0.1:${port}`,
    buckets: new Map(buckets.map((bucket) => [bucket, new Map()])),
    sent: [],
    shown: [],
    calls: [],
    schedules: new Map(),
    queues: new TestQueues(),
    undeletable: new Set(),
    secrets: new Map(),
    secretDates: new Map(),
    connections: new Map(),
    intercept: undefined,
    put(bucket, key, body) {
      const objects = aws.buckets.get(bucket);
      if (!objects) throw new Error(`no bucket ${bucket}`);
      objects.set(key, { body: Buffer.from(body), tags: {}, modified: new Date(), headers: {} });
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return aws;
}

async function respond(aws: TestAws, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const target = request.headers["x-amz-target"];
  if (target === "secretsmanager.GetSecretValue") return secret(aws, body, response);
  if (typeof target === "string") return sqs(aws, target, body, response);
  const distribution = /^\/2020-05-31\/distribution\/(\w+)\/invalidation$/.exec(url.pathname)?.[1];
  if (distribution !== undefined) return invalidation(aws, distribution, body, response);
  const connection = /\/@connections\/([^/]+)$/.exec(url.pathname)?.[1];
  if (url.pathname.startsWith("/schedules/"))
    return scheduler(aws, request.method ?? "", url, body, response);
  if (connection !== undefined)
    return gateway(aws, request.method ?? "", decodeURIComponent(connection), body, response);
  return s3(aws, request.method ?? "", url, body, storedHeaders(request), response);
}

/** https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateInvalidation.html */
async function invalidation(
  aws: TestAws,
  distribution: string,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  const paths = [...body.toString().matchAll(/<Path>(.*?)<\/Path>/g)].map(([, path]) => path);
  await called(aws, "CreateInvalidation", `${distribution} ${paths.join(" ")}`);
  response.writeHead(201, { "content-type": "application/xml" });
  response.end("<Invalidation><Id>I1</Id><Status>InProgress</Status></Invalidation>");
}

/** What S3 keeps of a put and answers to a get. */
function storedHeaders({ headers }: IncomingMessage): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) =>
    /^(?:content-(?!length)|cache-control|x-amz-meta-)/.test(name),
  );
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

async function called(aws: TestAws, operation: string, key: string): Promise<void> {
  aws.calls.push({ operation, key });
  await aws.intercept?.({ operation, key });
}

async function scheduler(
  aws: TestAws,
  method: string,
  url: URL,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  const name = decodeURIComponent(url.pathname.slice("/schedules/".length));
  const operation =
    { POST: "CreateSchedule", PUT: "UpdateSchedule", DELETE: "DeleteSchedule" }[method] ?? method;
  await called(aws, operation, name);
  const text = body.toString();
  const group =
    method === "DELETE"
      ? url.searchParams.get("groupName")
      : (JSON.parse(text) as { GroupName?: string }).GroupName;
  const refused = answerScheduler(aws.schedules, { method, name, group: group ?? "", body: text }, now());
  if (refused) throw new Answer(refused.status, refused.code);
  response.writeHead(200, { "content-type": "application/json" }).end("{}");
}

async function secret(aws: TestAws, body: Buffer, response: ServerResponse): Promise<void> {
  const { SecretId } = JSON.parse(body.toString()) as { SecretId: string };
  await called(aws, "GetSecretValue", SecretId);
  const SecretString = aws.secrets.get(SecretId);
  if (SecretString === undefined) throw new Answer(400, "ResourceNotFoundException");
  response.writeHead(200, { "content-type": "application/x-amz-json-1.1" });
  response.end(
    JSON.stringify({
      ARN: SecretId,
      SecretString,
      CreatedDate: (aws.secretDates.get(SecretId)?.getTime() ?? 0) / 1000,
    }),
  );
}

async function sqs(aws: TestAws, target: string, body: Buffer, response: ServerResponse): Promise<void> {
  const input = JSON.parse(body.toString()) as { QueueUrl: string; MessageBody: string };
  await called(aws, target, input.QueueUrl);
  if (target === "AmazonSQS.ChangeMessageVisibilityBatch") return visibility(aws, body, response);
  const answer = queued(aws, target.replace("AmazonSQS.", ""), { ...input });
  if (answer) {
    response.writeHead(200, { "content-type": "application/x-amz-json-1.0" }).end(JSON.stringify(answer));
    return;
  }
  // The SDK compares it with its own.
  const md5 = (text: string) => createHash("md5").update(text).digest("hex");
  if (target === "AmazonSQS.SendMessageBatch") {
    const { Entries } = JSON.parse(body.toString()) as { Entries: { Id: string; MessageBody: string }[] };
    aws.sent.push(...Entries.map(({ MessageBody }) => ({ url: input.QueueUrl, body: MessageBody })));
    const Successful = Entries.map(({ Id, MessageBody }) => ({
      Id,
      MessageId: Id,
      MD5OfMessageBody: md5(MessageBody),
    }));
    response.writeHead(200, { "content-type": "application/x-amz-json-1.0" });
    response.end(JSON.stringify({ Successful, Failed: [] }));
    return;
  }
  const MD5OfMessageBody = md5(input.MessageBody);
  aws.sent.push({ url: input.QueueUrl, body: input.MessageBody });
  response.writeHead(200, { "content-type": "application/x-amz-json-1.0" });
  response.end(JSON.stringify({ MessageId: String(aws.sent.length), MD5OfMessageBody }));
}

function queued(aws: TestAws, operation: string, input: Record<string, unknown>) {
  try {
    return aws.queues.call(operation, input);
  } catch (error) {
    throw new Answer(400, (error as { code: string }).code);
  }
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html */
function visibility(aws: TestAws, body: Buffer, response: ServerResponse): void {
  const { QueueUrl, Entries } = JSON.parse(body.toString()) as {
    QueueUrl: string;
    Entries: { Id: string; ReceiptHandle: string; VisibilityTimeout: number }[];
  };
  if (Entries.length > 10) throw new Answer(400, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest");
  const stale = Entries.filter(({ ReceiptHandle }) => ReceiptHandle === "stale");
  const good = Entries.filter((entry) => !stale.includes(entry));
  for (const { ReceiptHandle, VisibilityTimeout } of good)
    aws.shown.push({ url: QueueUrl, receipt: ReceiptHandle, seconds: VisibilityTimeout });
  aws.queues.show(
    QueueUrl.split("/").at(-1) ?? "",
    good.map(({ ReceiptHandle }) => ReceiptHandle),
  );
  response.writeHead(200, { "content-type": "application/x-amz-json-1.0" });
  response.end(
    JSON.stringify({
      Successful: good.map(({ Id }) => ({ Id })),
      Failed: stale.map(({ Id }) => ({ Id, Code: "ReceiptHandleIsInvalid", SenderFault: true })),
    }),
  );
}

async function gateway(
  aws: TestAws,
  method: string,
  id: string,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  await called(aws, method === "GET" ? "GetConnection" : "PostToConnection", id);
  const got = aws.connections.get(id);
  if (!got) throw new Answer(410, "GoneException");
  if (body.length > 128 * 1024) throw new Answer(413, "PayloadTooLargeException");
  if (method === "POST") got.push(body.toString());
  response.writeHead(200, { "content-type": "application/json" }).end("{}");
}

async function s3(
  aws: TestAws,
  method: string,
  url: URL,
  body: Buffer,
  stored: Record<string, string>,
  response: ServerResponse,
): Promise<void> {
  const [, bucketName = "", ...rest] = url.pathname.split("/");
  const key = decodeURIComponent(rest.join("/"));
  const tagging = url.searchParams.has("tagging");
  const operation = url.searchParams.has("delete")
    ? "DeleteObjects"
    : key === ""
      ? "ListObjectsV2"
      : tagging
        ? "PutObjectTagging"
        : method === "PUT"
          ? "PutObject"
          : method === "DELETE"
            ? "DeleteObject"
            : "GetObject";
  await called(aws, operation, key);
  const bucket = aws.buckets.get(bucketName);
  if (!bucket) throw new Answer(404, "NoSuchBucket");
  if (operation === "ListObjectsV2") {
    const prefix = url.searchParams.get("prefix") ?? "";
    const after = url.searchParams.get("start-after") ?? "";
    const all = [...bucket]
      .filter(([name]) => name.startsWith(prefix) && name > after)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const contents = all
      .slice(0, 1_000)
      .map(
        ([name, object]) =>
          `<Contents><Key>${name}</Key><LastModified>${object.modified.toISOString()}</LastModified><Size>${object.body.length}</Size></Contents>`,
      );
    response.writeHead(200, { "content-type": "application/xml" });
    response.end(
      `<ListBucketResult><IsTruncated>${all.length > contents.length}</IsTruncated>${contents.join("")}</ListBucketResult>`,
    );
    return;
  }
  if (operation === "DeleteObjects") {
    const keys = [...body.toString().matchAll(/<Key>(.*?)<\/Key>/g)].map(([, name = ""]) => name);
    const errors = keys.filter((name) => aws.undeletable.has(name));
    for (const name of keys) if (!aws.undeletable.has(name)) bucket.delete(name);
    const told = errors.map((name) => `<Error><Key>${name}</Key><Code>AccessDenied</Code></Error>`).join("");
    response
      .writeHead(200, { "content-type": "application/xml" })
      .end(`<DeleteResult>${told}</DeleteResult>`);
    return;
  }
  if (operation === "PutObject") {
    bucket.set(key, { body, tags: {}, modified: new Date(), headers: stored });
    response.writeHead(200, { etag: '"0"' }).end();
    return;
  }
  if (operation === "DeleteObject") {
    bucket.delete(key);
    response.writeHead(204).end();
    return;
  }
  const object = bucket.get(key);
  if (!object) throw new Answer(404, "NoSuchKey");
  if (operation === "PutObjectTagging") {
    object.tags = Object.fromEntries(
      [...body.toString().matchAll(/<Key>(.*?)<\/Key><Value>(.*?)<\/Value>/g)].map(([, name, value]) => [
        name,
        value,
      ]),
    );
    response.writeHead(200).end();
    return;
  }
  response.writeHead(200, { "content-length": object.body.length }).end(object.body);
}
