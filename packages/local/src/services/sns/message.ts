/** A published message: what publishers may give, and what subscribers see of it. */
import { AwsError } from "../../cloud/errors.ts";
import type { SqsMessage } from "../../cloud/types.ts";
import type { SubscriptionSpec, TopicSpec } from "../../plan/types.ts";

export type Attributes = SqsMessage["messageAttributes"];

/** https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
export interface Publication {
  message: string;
  subject?: string | undefined;
  attributes: Attributes;
  /** Per protocol, where the publisher gave `MessageStructure: json`; `default` for the others. */
  byProtocol?: Record<string, string> | undefined;
  groupId?: string | undefined;
  deduplicationId?: string | undefined;
  trace?: string | undefined;
}

const LARGEST_BYTES = 262_144;

export function invalidParameter(message: string): AwsError {
  return new AwsError("InvalidParameter", `Invalid parameter: ${message}`);
}

/** @throws AwsError InvalidParameter. */
export function checkPublication(topic: TopicSpec, publication: Publication): Publication {
  const { message, subject, attributes, groupId } = publication;
  if (message === "") throw invalidParameter("Empty message");
  if (sizeOf(publication) > LARGEST_BYTES) throw invalidParameter("Message too long");
  // ASCII that begins with a letter, a digit or punctuation, and no line breaks.
  if (subject !== undefined && !/^[\x21-\x7e][\x20-\x7e]{0,99}$/.test(subject))
    throw invalidParameter("Subject");
  for (const [name, { dataType, stringValue, binaryValue }] of Object.entries(attributes)) {
    if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(name) || name.length > 256)
      throw invalidParameter(
        `the message attribute name '${name.slice(0, 300)}' has characters it must not have`,
      );
    const [, type] = /^(String|Number|Binary)(?:\..+)?$/.exec(dataType) ?? [];
    if (type === undefined)
      throw invalidParameter(
        `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
      );
    if (type === "Binary" ? !binaryValue?.length : !stringValue)
      throw invalidParameter(
        `The message attribute '${name}' must contain a non-empty message attribute value for type '${type}'.`,
      );
    if (type === "Number" && !Number.isFinite(Number(stringValue)))
      throw invalidParameter(`Could not cast message attribute '${name}' value to number.`);
  }
  if (topic.fifo && !groupId)
    throw invalidParameter("The MessageGroupId parameter is required for FIFO topics");
  if (!topic.fifo && publication.deduplicationId)
    throw invalidParameter(
      "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
    );
  return publication;
}

export function sizeOf({ message, attributes, byProtocol }: Publication): number {
  let size = byProtocol
    ? Object.values(byProtocol).reduce((sum, text) => sum + Buffer.byteLength(text), 0)
    : Buffer.byteLength(message);
  for (const [name, { dataType, stringValue, binaryValue }] of Object.entries(attributes))
    size +=
      Buffer.byteLength(name) +
      Buffer.byteLength(dataType) +
      (binaryValue ? binaryValue.length : Buffer.byteLength(stringValue ?? ""));
  return size;
}

/** Reads the JSON of `MessageStructure: json`. */
export function readStructure(message: string): Record<string, string> {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    throw invalidParameter("Message Structure - JSON message body failed to parse");
  }
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  const texts = Object.fromEntries(entries.filter((entry) => typeof entry[1] === "string"));
  if (texts.default === undefined)
    throw invalidParameter("Message Structure - No default entry in JSON message body");
  return texts;
}

/** A publication that has been accepted. */
export interface Notice extends Publication {
  id: string;
  topicArn: string;
  /** Milliseconds of the local clock. */
  at: number;
}

export function textFor(notice: Notice, protocol: SubscriptionSpec["protocol"]): string {
  return notice.byProtocol?.[protocol] ?? notice.byProtocol?.default ?? notice.message;
}

const iso = (at: number) => new Date(at).toISOString();

/** https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html#http-notification-json */
export function notification(notice: Notice, subscription: SubscriptionSpec, proof: Proof): string {
  return JSON.stringify({
    Type: "Notification",
    MessageId: notice.id,
    TopicArn: notice.topicArn,
    Subject: notice.subject,
    Message: textFor(notice, subscription.protocol),
    Timestamp: iso(notice.at),
    SignatureVersion: "1",
    Signature: proof.signature,
    SigningCertURL: proof.certificateUrl,
    UnsubscribeURL: proof.unsubscribeUrl,
    MessageAttributes: Object.keys(notice.attributes).length > 0 ? shown(notice.attributes) : undefined,
  });
}
/** How a subscriber knows that a notification is genuine, and gets rid of more. */
export interface Proof {
  /** Base64. */
  signature: string;
  certificateUrl: string;
  unsubscribeUrl: string;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html */
export function lambdaEvent(notice: Notice, subscription: SubscriptionSpec, proof: Proof): unknown {
  return {
    Records: [
      {
        EventSource: "aws:sns",
        EventVersion: "1.0",
        EventSubscriptionArn: subscription.arn,
        Sns: {
          Type: "Notification",
          MessageId: notice.id,
          TopicArn: notice.topicArn,
          Subject: notice.subject ?? null,
          Message: textFor(notice, subscription.protocol),
          Timestamp: iso(notice.at),
          SignatureVersion: "1",
          Signature: proof.signature,
          SigningCertUrl: proof.certificateUrl,
          UnsubscribeUrl: proof.unsubscribeUrl,
          MessageAttributes: shown(notice.attributes),
        },
      },
    ],
  };
}

function shown(attributes: Attributes): Record<string, { Type: string; Value: string }> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { dataType, stringValue, binaryValue }]) => [
      name,
      { Type: dataType, Value: binaryValue ? binaryValue.toString("base64") : (stringValue ?? "") },
    ]),
  );
}

/**
 * The text that a notification's signature covers.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
 */
export function signedText(notice: Notice, message: string): string {
  const members: [string, string | undefined][] = [
    ["Message", message],
    ["MessageId", notice.id],
    ["Subject", notice.subject],
    ["Timestamp", iso(notice.at)],
    ["TopicArn", notice.topicArn],
    ["Type", "Notification"],
  ];
  return members.map(([name, value]) => (value === undefined ? "" : `${name}\n${value}\n`)).join("");
}
