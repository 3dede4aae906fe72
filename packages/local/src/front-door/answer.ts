/** Writes what a service answered, in the protocol that its client speaks. */
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { AwsAnswer } from "../cloud/types.ts";
import type { ErrorContext } from "./errors.ts";
import { writeXml } from "./xml.ts";

const namespaces: Record<string, string> = {
  sns: "http://sns.amazonaws.com/doc/2010-03-31/",
  sqs: "http://queue.amazonaws.com/doc/2012-11-05/",
  ses: "http://ses.amazonaws.com/doc/2010-12-01/",
  sts: "https://sts.amazonaws.com/doc/2011-06-15/",
  iam: "https://iam.amazonaws.com/doc/2010-05-08/",
};

/** Resolves when the answer has been sent, or the client has gone. */
export async function writeAnswer(
  response: ServerResponse,
  answer: AwsAnswer,
  context: ErrorContext & { operation: string },
): Promise<void> {
  const body = serialise(answer.body, context);
  const headers: Record<string, string> = { "x-amzn-requestid": context.requestId };
  if (context.protocol === "restXml") {
    headers["x-amz-request-id"] = context.requestId;
    headers["x-amz-id-2"] = "local";
  }
  const type = contentType(answer.body, context);
  if (type) headers["content-type"] = type;
  for (const [name, value] of Object.entries(answer.headers ?? {})) headers[name.toLowerCase()] = value;

  const status = answer.status ?? 200;
  if (body instanceof Readable) {
    response.writeHead(status, headers);
    if (context.method === "HEAD") {
      body.destroy();
      response.end();
    } else await pipeline(body, response).catch(() => response.destroy());
    return;
  }
  const bodyless = status === 204 || status === 304;
  if (!bodyless && headers["content-length"] === undefined)
    headers["content-length"] = String(typeof body === "string" ? Buffer.byteLength(body) : body.length);
  response.writeHead(status, headers);
  response.end(bodyless ? undefined : body);
}

function serialise(
  body: AwsAnswer["body"],
  context: { protocol: string; service: string; operation: string; requestId: string },
) {
  if (typeof body === "string" || Buffer.isBuffer(body) || body instanceof Readable) return body;
  switch (context.protocol) {
    case "query": {
      const { operation, service, requestId } = context;
      const namespace = namespaces[service];
      const result = body ? `<${operation}Result>${writeXml(body)}</${operation}Result>` : "";
      return `<${operation}Response${namespace ? ` xmlns="${namespace}"` : ""}>${result}<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${operation}Response>`;
    }
    case "restXml":
      return body ? `<?xml version="1.0" encoding="UTF-8"?>\n${writeXml(body)}` : "";
    case "restJson":
      return body ? JSON.stringify(body) : "";
    default:
      return JSON.stringify(body ?? {});
  }
}

function contentType(
  body: AwsAnswer["body"],
  { protocol, contentType: sent }: ErrorContext,
): string | undefined {
  if (protocol === "query") return "text/xml";
  if (protocol === "json") return sent ?? "application/x-amz-json-1.1";
  if (body === undefined || Buffer.isBuffer(body) || body instanceof Readable) return undefined;
  return protocol === "restXml" ? "application/xml" : "application/json";
}
