/** Errors in the shape that the clients of each protocol read. */
import { AwsError } from "../cloud/errors.ts";
import type { AwsAnswer } from "../cloud/types.ts";
import type { Protocol } from "./protocol.ts";
import { escapeXml } from "./xml.ts";

/** The front door's own errors, by what each family of services calls them. */
const names: Record<string, { json?: string; restJson?: string; query?: string; restXml?: string }> = {
  SignatureDoesNotMatch: { json: "InvalidSignatureException", restJson: "InvalidSignatureException" },
  IncompleteSignature: {
    json: "IncompleteSignatureException",
    restJson: "IncompleteSignatureException",
    restXml: "AuthorizationHeaderMalformed",
  },
  InvalidClientTokenId: {
    json: "UnrecognizedClientException",
    restJson: "UnrecognizedClientException",
    restXml: "InvalidAccessKeyId",
  },
  InvalidToken: {
    json: "UnrecognizedClientException",
    restJson: "UnrecognizedClientException",
    query: "InvalidClientTokenId",
  },
  RequestTimeTooSkewed: {
    json: "InvalidSignatureException",
    restJson: "InvalidSignatureException",
    query: "SignatureDoesNotMatch",
  },
  RequestExpired: {
    json: "InvalidSignatureException",
    restJson: "InvalidSignatureException",
    restXml: "AccessDenied",
  },
  MissingAuthenticationToken: {
    json: "MissingAuthenticationTokenException",
    restJson: "MissingAuthenticationTokenException",
    restXml: "AccessDenied",
  },
  AccessDenied: { json: "AccessDeniedException", restJson: "AccessDeniedException" },
  RequestEntityTooLarge: {
    json: "RequestEntityTooLargeException",
    restJson: "RequestEntityTooLargeException",
  },
  InternalFailure: { restXml: "InternalError" },
};
/** What a service calls a denial when it is neither AccessDenied nor AccessDeniedException. */
const denialNames: Record<string, string> = { sns: "AuthorizationError" };

/**
 * SQS's JSON protocol also tells the codes of its old query protocol, and the SDKs name errors by those.
 * https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#x-amzn-query-error
 */
const sqsQueryCodes: Record<string, string> = {
  InvalidSignatureException: "SignatureDoesNotMatch",
  UnrecognizedClientException: "InvalidClientTokenId",
  MissingAuthenticationTokenException: "MissingAuthenticationToken",
  AccessDeniedException: "AccessDenied",
  QueueNameExists: "QueueAlreadyExists",
  QueueDoesNotExist: "AWS.SimpleQueueService.NonExistentQueue",
  QueueDeletedRecently: "AWS.SimpleQueueService.QueueDeletedRecently",
  BatchEntryIdsNotDistinct: "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
  BatchRequestTooLong: "AWS.SimpleQueueService.BatchRequestTooLong",
  EmptyBatchRequest: "AWS.SimpleQueueService.EmptyBatchRequest",
  InvalidBatchEntryId: "AWS.SimpleQueueService.InvalidBatchEntryId",
  TooManyEntriesInBatchRequest: "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
  MessageNotInflight: "AWS.SimpleQueueService.MessageNotInflight",
  PurgeQueueInProgress: "AWS.SimpleQueueService.PurgeQueueInProgress",
  UnsupportedOperation: "AWS.SimpleQueueService.UnsupportedOperation",
};
const sqsJsonNames = new Map(Object.entries(sqsQueryCodes).map(([json, query]) => [query, json]));

export interface ErrorContext {
  protocol: Protocol;
  service: string;
  requestId: string;
  method: string;
  /** Path as the client sent it, for S3. */
  path: string;
  contentType: string | undefined;
}

export function errorAnswer(
  error: unknown,
  context: ErrorContext,
): Required<Pick<AwsAnswer, "status" | "headers">> & { body: string } {
  const { code, message, status, details } =
    error instanceof AwsError
      ? error
      : new AwsError(
          "InternalFailure",
          "An internal error occurred; the log of the local run names it.",
          500,
        );
  const named = code === "AccessDenied" ? denialNames[context.service] : undefined;
  const name = named ?? names[code]?.[context.protocol] ?? code;
  const fault = status >= 500 ? "Receiver" : "Sender";

  if (context.protocol === "query")
    return {
      status,
      headers: { "content-type": "text/xml" },
      body: `<ErrorResponse><Error><Type>${fault}</Type><Code>${escapeXml(name)}</Code><Message>${escapeXml(message)}</Message></Error><RequestId>${context.requestId}</RequestId></ErrorResponse>`,
    };
  if (context.protocol === "restXml" && context.service !== "s3")
    return {
      status,
      headers: { "content-type": "text/xml" },
      body: `<?xml version="1.0"?>\n<ErrorResponse><Error><Type>${fault}</Type><Code>${escapeXml(name)}</Code><Message>${escapeXml(message)}</Message></Error><RequestId>${context.requestId}</RequestId></ErrorResponse>`,
    };
  if (context.protocol === "restXml") {
    const more = Object.entries(details)
      .map(([key, value]) => `<${key}>${escapeXml(String(value))}</${key}>`)
      .join("");
    const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${escapeXml(name)}</Code><Message>${escapeXml(message)}</Message>${more}<Resource>${escapeXml(context.path)}</Resource><RequestId>${context.requestId}</RequestId><HostId>local</HostId></Error>`;
    return {
      status,
      headers: { "content-type": "application/xml" },
      body: context.method === "HEAD" || status === 304 ? "" : xml,
    };
  }
  const headers: Record<string, string> = {
    "content-type":
      context.protocol === "restJson"
        ? "application/json"
        : (context.contentType ?? "application/x-amz-json-1.1"),
  };
  let type = name;
  if (context.service === "sqs") {
    type = sqsJsonNames.get(name) ?? name;
    headers["x-amzn-query-error"] = `${sqsQueryCodes[type] ?? type};${fault}`;
    type = `com.amazonaws.sqs#${type}`;
  }
  if (context.protocol === "restJson") headers["x-amzn-errortype"] = type;
  return {
    // The JSON protocols answer every fault of the caller with 400.
    status: context.protocol === "json" && status >= 401 && status <= 403 ? 400 : status,
    headers,
    body: JSON.stringify({ ...details, __type: type, message }),
  };
}
