/**
 * The two notices about an object in the mail bucket, as they come out of the email queue: S3's own event, which knows
 * the object, and SES's, which alone knows the envelope and the verdicts. Either may come inside an SNS envelope or raw.
 */
import * as z from "zod";
import { check, isTestEvent, json, MalformedNotice, parseObjectEvents } from "../object-events/index.ts";

export { MalformedNotice };

export const verdictStates = ["PASS", "FAIL", "GRAY", "PROCESSING_FAILED", "DISABLED"] as const;
const verdict = z
  .object({ status: z.string() })
  .transform(({ status }) => verdictStates.find((state) => state === status.toUpperCase()))
  .optional()
  .catch(undefined);

/** SES's verdicts on a message. A missing one means: not checked, so not trusted. */
export interface Verdicts {
  spam?: Verdict;
  virus?: Verdict;
  spf?: Verdict;
  dkim?: Verdict;
  dmarc?: Verdict;
}
export type Verdict = (typeof verdictStates)[number];

/** What one notice tells about one object. */
export interface Notice {
  source: "s3" | "ses";
  bucket: string;
  key: string;
  at: Date;
  /** Bytes; S3 alone knows. */
  size?: number;
  /** SES alone knows these. */
  envelopeFrom?: string;
  recipients: string[];
  verdicts?: Verdicts;
}

const moment = z.coerce.date().catch(() => new Date(Number.NaN));

const snsEnvelope = z.object({ Type: z.literal("Notification"), Message: z.string() });

/** https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html */
const sesReceived = z.object({
  notificationType: z.literal("Received"),
  mail: z.object({
    timestamp: moment,
    /** Empty, or `<>`, for bounces. */
    source: z.string().default(""),
  }),
  receipt: z.object({
    timestamp: moment.optional(),
    recipients: z.array(z.string()).default([]),
    spamVerdict: verdict,
    virusVerdict: verdict,
    spfVerdict: verdict,
    dkimVerdict: verdict,
    dmarcVerdict: verdict,
    action: z.object({
      type: z.literal("S3"),
      bucketName: z.string().min(1),
      objectKey: z.string().min(1),
    }),
  }),
});

/** Sent once, when a topic is first used by a receipt rule. */
const sesSetUp = z.object({ notificationType: z.literal("AmazonSnsSubscriptionSucceeded") });

/** SES writes an object of this name when a rule first names a bucket; it is no mail. */
const setUpObject = "AMAZON_SES_SETUP_NOTIFICATION";

/**
 * @param body Body of an SQS message.
 * @returns Nothing for what is to be skipped: test events, set-up notices, removals.
 * @throws MalformedNotice naming what is wrong.
 */
export function parseNotices(body: string): Notice[] {
  let value = json(body, "the message");
  const envelope = snsEnvelope.safeParse(value);
  if (envelope.success) value = json(envelope.data.Message, "the SNS message");

  if (isTestEvent(value) || sesSetUp.safeParse(value).success) return [];
  const notices = isObject(value) && "Records" in value ? fromS3(value) : fromSes(value);
  return notices.filter(({ key }) => key.slice(key.lastIndexOf("/") + 1) !== setUpObject);
}

function fromS3(value: unknown): Notice[] {
  return parseObjectEvents(value).map((event) => ({ ...event, source: "s3", recipients: [] }));
}

function fromSes(value: unknown): Notice[] {
  const { mail, receipt } = check(sesReceived, value, "an SES notification or an S3 event");
  const verdicts = Object.entries({
    spam: receipt.spamVerdict,
    virus: receipt.virusVerdict,
    spf: receipt.spfVerdict,
    dkim: receipt.dkimVerdict,
    dmarc: receipt.dmarcVerdict,
  }).filter(([, state]) => state !== undefined);
  return [
    {
      source: "ses",
      bucket: receipt.action.bucketName,
      // As it is: only S3's events encode the key.
      key: receipt.action.objectKey,
      at: receipt.timestamp ?? mail.timestamp,
      envelopeFrom: mail.source.replace(/^<|>$/g, "").toLowerCase(),
      recipients: receipt.recipients.map((recipient) => recipient.trim().toLowerCase()).filter(Boolean),
      verdicts: Object.fromEntries(verdicts) as Verdicts,
    },
  ];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
