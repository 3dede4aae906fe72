import { once } from "node:events";
import { request as httpRequest } from "node:http";
import * as http2 from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import {
  ApiGatewayManagementApiClient,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import {
  AdminGetUserCommand,
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
} from "@aws-sdk/client-cognito-identity-provider";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { GetObjectCommand, HeadObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetTopicAttributesCommand, ListTopicsCommand, PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AwsError } from "../../src/cloud/errors.ts";
import type { AwsAnswer, AwsCall } from "../../src/cloud/types.ts";
import { allow } from "../iam/support.ts";
import { account, client, type Door, openDoor, recorder, roleArn } from "./support.ts";

const topic = `arn:aws:sns:eu-west-1:${account}:news`;
const queue = {
  arn: `arn:aws:sqs:eu-west-1:${account}:orders`,
  url: `https://sqs.eu-west-1.amazonaws.com/${account}/orders`,
};
let door: Door;
/** What each service does in the test at hand. */
let behaviour: (call: AwsCall) => AwsAnswer | Promise<AwsAnswer>;
const calls: AwsCall[] = [];
beforeAll(async () => {
  const act = (call: AwsCall) => {
    calls.push(call);
    return behaviour(call);
  };
  door = await openDoor(
    [allow(["sns:*", "sqs:*", "s3:*", "lambda:*", "execute-api:*"], "*")],
    () => ["sns", "sqs", "s3", "lambda", "execute-api", "cognito-idp"].map((name) => recorder(name, act)),
    {
      queues: [
        {
          ...queue,
          name: "orders",
          region: "eu-west-1",
          fifo: false,
          contentBasedDeduplication: false,
          visibilityTimeoutSeconds: 30,
          delaySeconds: 0,
          retentionSeconds: 60,
          maximumMessageSize: 1024,
          receiveWaitSeconds: 0,
          tags: {},
        },
      ],
    },
  );
});
afterAll(() => door.stop());
beforeEach(() => {
  calls.length = 0;
  door.log.length = 0;
});
afterEach(() => door.cloud.faults.clear());
const sns = () => new SNSClient(client(door));
const sqs = () => new SQSClient(client(door));
const s3 = () => new S3Client({ ...client(door), forcePathStyle: true });
const lambda = () => new LambdaClient(client(door));
const send = () => sqs().send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: "x" }));
const refuse = (code: string, message = "no", status = 400) => {
  behaviour = () => {
    throw new AwsError(code, message, status);
  };
};

describe("query protocol", () => {
  test("parameters come flat, and an answer's members go out as elements", async () => {
    behaviour = (call) => {
      call.authorise("sns:Publish", topic);
      return { body: { MessageId: `<&"' \u0001${"é"}` } };
    };
    const { MessageId } = await sns().send(
      new PublishCommand({
        TopicArn: topic,
        Message: "a&b=c d",
        MessageAttributes: { k: { DataType: "String", StringValue: "v" } },
      }),
    );
    expect(MessageId).toBe(`<&"' \ufffdé`);
    expect(calls[0]).toMatchObject({
      operation: "Publish",
      protocol: "query",
      service: "sns",
      region: "eu-west-1",
    });
    expect(calls[0]?.input).toMatchObject({
      TopicArn: topic,
      Message: "a&b=c d",
      "MessageAttributes.entry.1.Name": "k",
    });
  });
  test("lists and maps are written as SDKs read them", async () => {
    behaviour = (call) => {
      call.authorise("sns:Any", "*");
      return {
        body:
          call.operation === "ListTopics"
            ? { Topics: [{ TopicArn: "a" }, { TopicArn: "b" }] }
            : { Attributes: { Owner: "1", "a b": "<" } },
      };
    };
    expect((await sns().send(new ListTopicsCommand({}))).Topics).toEqual([
      { TopicArn: "a" },
      { TopicArn: "b" },
    ]);
    const { Attributes } = await sns().send(new GetTopicAttributesCommand({ TopicArn: topic }));
    expect(Attributes).toEqual({ Owner: "1", "a b": "<" });
  });
  test("an error has its code, and a denial the name that SNS gives it", async () => {
    refuse("NotFound", "Topic does not exist", 404);
    await expect(sns().send(new ListTopicsCommand({}))).rejects.toMatchObject({
      name: "NotFoundException",
      message: "Topic does not exist",
      $metadata: { httpStatusCode: 404 },
    });
    behaviour = (call) => {
      call.authorise("iam:PassRole", roleArn);
      return {};
    };
    await expect(sns().send(new ListTopicsCommand({}))).rejects.toMatchObject({
      name: "AuthorizationErrorException",
    });
  });
});

describe("JSON protocol", () => {
  test("an error carries SQS's old code, by which its SDK names it", async () => {
    refuse("QueueDoesNotExist", "The specified queue does not exist.");
    await expect(send()).rejects.toMatchObject({
      name: "QueueDoesNotExist",
      Code: "AWS.SimpleQueueService.NonExistentQueue",
    });
    refuse("AWS.SimpleQueueService.NonExistentQueue");
    await expect(send()).rejects.toMatchObject({ name: "QueueDoesNotExist" });
  });
  test("a body that is not JSON, or no object, is refused", async () => {
    for (const body of ["{", "[]", "1", "null"]) {
      const broken = sqs();
      broken.middlewareStack.add(
        (next) => (args) => next({ ...args, request: Object.assign(args.request as object, { body }) }),
        { step: "serialize", priority: "low" },
      );
      await expect(broken.send(new GetQueueUrlCommand({ QueueName: "orders" }))).rejects.toMatchObject({
        name: "SerializationException",
      });
    }
    expect(calls).toEqual([]);
  });
  test("a body of more than 20 MB is refused", async () => {
    await expect(
      sqs().send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: "x".repeat(21_000_000) })),
    ).rejects.toMatchObject({ $metadata: { httpStatusCode: 413 } });
  });
  test("the trace of the caller is handed on", async () => {
    behaviour = (call) => {
      call.authorise("sqs:GetQueueUrl", queue.arn);
      return { body: { QueueUrl: queue.url } };
    };
    const trace = "Root=1-5759e988-bd862e3fe1be46a994272793";
    const traced = sqs();
    traced.middlewareStack.add(
      (next) => (args) => {
        (args.request as { headers: Record<string, string> }).headers["x-amzn-trace-id"] = trace;
        return next(args);
      },
      { step: "build" },
    );
    await traced.send(new GetQueueUrlCommand({ QueueName: "orders" }));
    expect(calls[0]?.trace).toBe(trace);
  });
});

describe("REST protocols", () => {
  test("S3's errors are XML, and a HEAD has none", async () => {
    refuse("NoSuchKey", "The specified key does not exist.", 404);
    await expect(s3().send(new GetObjectCommand({ Bucket: "b", Key: "k" }))).rejects.toMatchObject({
      name: "NoSuchKey",
    });
    await expect(s3().send(new HeadObjectCommand({ Bucket: "b", Key: "k" }))).rejects.toMatchObject({
      name: "NotFound",
    });
  });
  test("a path with escapes is signed twice encoded, and its body comes whole", async () => {
    behaviour = async (call) => {
      call.authorise("lambda:InvokeFunction", "*");
      return { status: 200, body: await buffer(call.http.body) };
    };
    const { Payload } = await lambda().send(
      new InvokeCommand({
        FunctionName: `arn:aws:lambda:eu-west-1:${account}:function:f:live`,
        Payload: '{"a":1}',
      }),
    );
    expect(Payload?.transformToString()).toBe('{"a":1}');
    expect(calls[0]).toMatchObject({
      protocol: "rest",
      operation: "",
      http: { path: expect.stringContaining("%3Afunction%3Af%3Alive") },
    });
  });
  test("Lambda's errors name their type in a header", async () => {
    refuse("ResourceNotFoundException", "Function not found", 404);
    await expect(lambda().send(new InvokeCommand({ FunctionName: "f" }))).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      message: "Function not found",
    });
  });
});

describe("what the front door itself decides", () => {
  test("a service that is not part of the run is named, with operation and role", async () => {
    const call = new SSMClient(client(door)).send(new GetParameterCommand({ Name: "x" }));
    const message = `ssm is not part of this local run; asked for operation GetParameter by role ${roleArn} (worker-fn)`;
    await expect(call).rejects.toMatchObject({ message, $metadata: { httpStatusCode: 400, attempts: 1 } });
    expect(door.log).toEqual([message]);
  });
  test("a client that speaks HTTP/2 is told of, since its SDK says no more than that the protocol failed", async () => {
    const session = http2.connect(door.endpoint);
    const [error] = await once(session, "error");
    expect(String(error)).toContain("Protocol error");
    expect(door.log).toEqual([expect.stringContaining("a client speaks HTTP/2, as Kinesis' SDK does")]);
  });
  test("an answer that no policy was asked for is withheld", async () => {
    behaviour = () => ({ body: { QueueUrl: "secret" } });
    await expect(sqs().send(new GetQueueUrlCommand({ QueueName: "orders" }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 500 },
    });
    expect(door.log.join()).toContain("sqs GetQueueUrl answered without having been authorised");
  });
  test("so is one whose denial the service swallowed", async () => {
    behaviour = (call) => {
      expect(() => call.authorise("iam:PassRole", roleArn)).toThrow();
      return { body: { QueueUrl: "secret" } };
    };
    await expect(sqs().send(new GetQueueUrlCommand({ QueueName: "orders" }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 500 },
    });
  });
  test("a failure inside a service is opaque to the caller and told in the log", async () => {
    behaviour = () => {
      throw new TypeError("internals");
    };
    const failure = await send().catch((error: Error) => error);
    expect(String(failure)).not.toContain("internals");
    expect(door.log.join()).toContain("TypeError: internals");
  });
  test("Cognito's public operations come unsigned, its others do not", async () => {
    behaviour = () => ({ body: {} });
    const cognito = new CognitoIdentityProviderClient(client(door));
    await cognito.send(new InitiateAuthCommand({ AuthFlow: "REFRESH_TOKEN_AUTH", ClientId: "c" }));
    expect(calls[0]?.principal).toEqual({ kind: "anonymous" });
    await expect(
      cognito.send(new AdminGetUserCommand({ UserPoolId: "p", Username: "u" })),
    ).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
    const unsigned = await fetch(door.endpoint, {
      method: "POST",
      headers: { "x-amz-target": "AWSCognitoIdentityProviderService.AdminGetUser" },
    });
    expect(await unsigned.json()).toMatchObject({ __type: "MissingAuthenticationTokenException" });
  });
  test("the region of the call and what S3 says of its signature are there for conditions", async () => {
    behaviour = (call) => {
      call.authorise("s3:GetObject", "arn:aws:s3:::b/k");
      return { body: "x" };
    };
    await s3().send(new GetObjectCommand({ Bucket: "b", Key: "k" }));
    expect(door.iam.requests().findLast(({ action }) => action === "s3:GetObject")?.context).toMatchObject({
      "aws:RequestedRegion": "eu-west-1",
      "s3:authType": "REST-HEADER",
    });
  });
});

describe("faults", () => {
  const effects: string[] = [];
  beforeEach(() => {
    effects.length = 0;
    behaviour = (call) => {
      call.authorise("sqs:SendMessage", queue.arn);
      effects.push("sent");
      return { body: { MessageId: "1", MD5OfMessageBody: "9dd4e461268c8034f5c8564e155c67a6" } };
    };
  });
  const fault = { service: "sqs", operation: "SendMessage", resource: queue.arn } as const;
  const unavailable = { error: { code: "ServiceUnavailable", status: 503 } };

  test("one before the call keeps its effect away", async () => {
    door.cloud.faults.add({ ...fault, effect: unavailable });
    await expect(send()).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
    expect(effects).toEqual([]);
    await send();
    expect(effects).toEqual(["sent"]);
  });
  test("one after it lets it take effect and loses the answer", async () => {
    door.cloud.faults.add({ ...fault, phase: "after", effect: unavailable });
    await expect(send()).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
    expect(effects).toEqual(["sent"]);
  });
  test("one may cut the connection", async () => {
    door.cloud.faults.add({ ...fault, effect: { disconnect: true } });
    await expect(send()).rejects.toMatchObject({ code: "ECONNRESET" });
  });
  test("one for another resource or operation does not strike", async () => {
    door.cloud.faults.add({ ...fault, resource: `${queue.arn}2`, effect: unavailable });
    door.cloud.faults.add({ ...fault, operation: "DeleteMessage", effect: unavailable });
    await send();
  });
  test("REST operations have the names of the API", async () => {
    door.cloud.faults.add({ service: "s3", operation: "GetObject", resource: /\/k$/, effect: unavailable });
    await expect(s3().send(new GetObjectCommand({ Bucket: "b", Key: "k" }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 503 },
    });
  });
});

describe("hosts", () => {
  test("a handler gets its host, by HTTP and by TLS under its AWS name", async () => {
    door.door.addHost({
      pattern: /^[a-z0-9]+\.execute-api\.[a-z0-9-]+\.amazonaws\.com$/,
      request: (_request, response) => void response.end("api"),
    });
    const host = "abc123.execute-api.eu-west-1.amazonaws.com";
    const plain = httpRequest({ port: door.door.httpPort, headers: { host: `${host}:80` } }).end();
    const tls = httpsRequest({
      port: door.door.httpsPort,
      servername: host,
      headers: { host },
      ca: door.cloud.ca.pem,
    }).end();
    for (const request of [plain, tls]) {
      const [response] = await once(request, "response");
      expect((await buffer(response)).toString()).toBe("api");
    }
  });
  test("a signed @connections call goes to its service, not to the API on the same host", async () => {
    behaviour = (call) => {
      call.authorise(
        "execute-api:ManageConnections",
        `arn:aws:execute-api:eu-west-1:${account}:abc123/live/POST/@connections/x`,
      );
      return {};
    };
    const management = new ApiGatewayManagementApiClient({
      ...client(door),
      endpoint: `${door.endpoint}/live`,
    });
    management.middlewareStack.add(
      (next) => (args) => {
        (args.request as { headers: Record<string, string> }).headers.host =
          "abc123.execute-api.eu-west-1.amazonaws.com";
        return next(args);
      },
      { step: "build", priority: "low" },
    );
    await management.send(new PostToConnectionCommand({ ConnectionId: "x=", Data: "hi" }));
    expect(calls[0]).toMatchObject({ service: "execute-api", http: { path: "/live/@connections/x%3D" } });
  });
  test("a name that is not AWS's gets no certificate", async () => {
    const request = httpsRequest({
      port: door.door.httpsPort,
      servername: "example.com",
      ca: door.cloud.ca.pem,
    }).end();
    await expect(once(request, "response")).rejects.toThrow();
  });
  test("an upgrade goes to the handler of its host, and is refused elsewhere", async () => {
    door.door.addHost({
      pattern: /^socket\.localhost$/,
      request: (_request, response) => void response.end(),
      upgrade: (_request, socket) => socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    });
    for (const [host, status] of [
      ["socket.localhost", "101"],
      ["sqs.eu-west-1.amazonaws.com", "400"],
    ]) {
      const socket = connect(door.door.httpPort, "127.0.0.1");
      socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`);
      expect((await buffer(socket)).toString()).toMatch(new RegExp(`^HTTP/1.1 ${status}`));
    }
  });
  test("AWS's names lead here", () => {
    expect(door.cloud.addresses.toJSON()).toMatchObject({
      "*.amazonaws.com:443": `127.0.0.1:${door.door.httpsPort}`,
      "*.amazonaws.com:80": `127.0.0.1:${door.door.httpPort}`,
    });
  });
  test("bytes that are no HTTP get a 400, and the door stays open", async () => {
    const socket = connect(door.door.httpPort, "127.0.0.1");
    socket.write("\x16\x03\x01\r\n\r\n");
    expect((await buffer(socket)).toString()).toMatch(/^HTTP\/1.1 400/);
    expect((await fetch(door.endpoint)).status).toBe(403);
  });
});

test("a stopped door leaves no port and no connection", async () => {
  const other = await openDoor([], () => []);
  const socket = connect(other.door.httpPort, "127.0.0.1");
  await once(socket, "connect");
  const port = other.door.httpPort;
  await other.stop();
  await once(socket, "close");
  await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
});
