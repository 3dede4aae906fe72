/** Mail as SES leaves it: the object in the mail bucket, by SES's own right, and the notice of the S3 action. */
import { randomBytes } from "node:crypto";
import type { LocalCloud } from "@frontdesk/local";

export interface Arrival {
  key: string;
  /** MAIL FROM. */
  from?: string;
  /** RCPT TO. */
  recipients: string[];
  /** Default: everything passes. */
  verdicts?: { spam?: string; virus?: string };
}

type Ses = Pick<LocalCloud, "cloud" | "ports">;

function ruleOf({ cloud }: Ses) {
  const rule = cloud.plan.receiptRules.find(({ actions }) => actions.some(({ kind }) => kind === "s3"));
  const action = rule?.actions.find((candidate) => candidate.kind === "s3");
  if (!rule || action?.kind !== "s3" || action.topicArn === undefined)
    throw new Error("the graph has no receipt rule that stores mail and tells a topic");
  const principal = {
    kind: "service",
    service: "ses.amazonaws.com",
    sourceArn: `arn:aws:ses:${rule.region}:${cloud.plan.accountId}:receipt-rule-set/${rule.ruleSet}:receipt-rule/${rule.name}`,
    sourceAccount: cloud.plan.accountId,
  } as const;
  return { principal, bucket: action.bucket, prefix: action.prefix ?? "", topicArn: action.topicArn };
}

/** A key as SES makes them. */
export function newKey(ses: Ses): string {
  return `${ruleOf(ses).prefix}${randomBytes(20).toString("hex")}`;
}

/** Puts an object into the mail bucket as SES does; the bucket tells the topic. */
export async function putMail(ses: Ses, key: string, raw: Buffer): Promise<void> {
  const { principal, bucket } = ruleOf(ses);
  await ses.ports.s3.put(principal, bucket, key, raw);
}

/** SES's own notice, which alone knows the envelope. */
export async function noticeMail(ses: Ses, arrival: Arrival): Promise<void> {
  const { principal, topicArn } = ruleOf(ses);
  await ses.ports.sns.publish(principal, topicArn, { message: sesNotice(ses, arrival) });
}

/** https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html */
export function sesNotice(ses: Ses, { key, from = "", recipients, verdicts = {} }: Arrival): string {
  const { bucket, prefix, topicArn } = ruleOf(ses);
  const timestamp = new Date(ses.cloud.clock.now()).toISOString();
  const { spam = "PASS", virus = "PASS" } = verdicts;
  const pass = { status: "PASS" };
  return JSON.stringify({
    notificationType: "Received",
    mail: { timestamp, source: from, messageId: key.slice(prefix.length), destination: recipients },
    receipt: {
      timestamp,
      processingTimeMillis: 1,
      recipients,
      spamVerdict: { status: spam },
      virusVerdict: { status: virus },
      spfVerdict: pass,
      dkimVerdict: pass,
      dmarcVerdict: pass,
      action: { type: "S3", topicArn, bucketName: bucket, objectKeyPrefix: prefix, objectKey: key },
    },
  });
}
