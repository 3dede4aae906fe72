/** SQS messages as Lambda shows them to a function (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html). */
import type { SqsMessage } from "../cloud/types.ts";

export interface SqsRecord {
  messageId: string;
  receiptHandle: string;
  body: string;
  attributes: Record<string, string>;
  messageAttributes: Record<
    string,
    {
      stringValue?: string;
      /** Base64. */
      binaryValue?: string;
      stringListValues: string[];
      binaryListValues: string[];
      dataType: string;
    }
  >;
  md5OfBody: string;
  eventSource: "aws:sqs";
  eventSourceARN: string;
  awsRegion: string;
}

export function toRecord(message: SqsMessage, queueArn: string): SqsRecord {
  const messageAttributes: SqsRecord["messageAttributes"] = {};
  for (const [name, { dataType, stringValue, binaryValue }] of Object.entries(message.messageAttributes))
    messageAttributes[name] = {
      ...(stringValue !== undefined && { stringValue }),
      ...(binaryValue !== undefined && { binaryValue: binaryValue.toString("base64") }),
      stringListValues: [],
      binaryListValues: [],
      dataType,
    };
  return {
    messageId: message.messageId,
    receiptHandle: message.receiptHandle,
    body: message.body,
    attributes: message.attributes,
    messageAttributes,
    md5OfBody: message.md5OfBody,
    eventSource: "aws:sqs",
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(":")[3] ?? "",
  };
}

/** Of one event; a batch that is larger becomes several invocations. */
const MAX_EVENT_BYTES = 6 * 1024 * 1024;
const ENVELOPE_BYTES = '{"Records":[]}'.length;

/** Cuts records, in their order, into events that a function takes. */
export function splitBySize(records: SqsRecord[]): SqsRecord[][] {
  const batches: SqsRecord[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const record of records) {
    const bytes = Buffer.byteLength(JSON.stringify(record)) + 1;
    if (size + bytes > MAX_EVENT_BYTES) {
      batches.push([]);
      size = ENVELOPE_BYTES;
    }
    batches.at(-1)?.push(record);
    size += bytes;
  }
  return batches;
}
