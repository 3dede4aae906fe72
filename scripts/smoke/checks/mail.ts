/** Mail on its way in. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  GetObjectCommand,
  GetObjectTaggingCommand,
  ListObjectsV2Command,
  S3Client,
} from "@aws-sdk/client-s3";
import {
  DescribeActiveReceiptRuleSetCommand,
  GetIdentityVerificationAttributesCommand,
  GetSendQuotaCommand,
  SESClient,
  SendEmailCommand,
} from "@aws-sdk/client-ses";
import { GetSubscriptionAttributesCommand, SNSClient } from "@aws-sdk/client-sns";
import { createTransport } from "nodemailer";
import { Broken, type Smoke, text, Unable } from "../context.ts";
import { asPerson } from "./gateways.ts";

const rawPrefix = "inbound/";
/** SES, two notices across regions and a cold consumer. */
const PATIENCE_MS = 120_000;

/**
 * One real message to an address of the receiving domain that is no mailbox: on AWS through SES, so by the MX record
 * back to SES; locally by SMTP. It is found in the mail bucket, tagged by the consumer after its commit.
 */
export async function takesMailIn(smoke: Smoke): Promise<string> {
  const domain = smoke.setting("mailDomain");
  const subject = `smoke ${randomUUID()}`;
  const message = { from: `smoke@${domain}`, to: `smoke@${domain}`, subject, text: "A test of the way in." };
  const since = Date.now() - 5_000;
  if (smoke.local) {
    const transport = createTransport({ url: smoke.local.smtp, ignoreTLS: true });
    await transport.sendMail(message).finally(() => transport.close());
  } else await sendBySes(smoke, message);
  smoke.mail.subject = subject;

  const bucket = smoke.one("aws:s3/bucketV2:BucketV2", /^MailBucket/);
  const s3 = new S3Client({ ...smoke.aws(bucket.region), forcePathStyle: smoke.local !== undefined });
  const started = performance.now();
  const seen = new Set<string>();
  let found: string | undefined;
  try {
    while (performance.now() - started < (smoke.patienceMs ?? PATIENCE_MS)) {
      found ??= await find(s3, text(bucket, "bucket"), subject, since, seen);
      if (found) {
        const { TagSet } = await s3.send(
          new GetObjectTaggingCommand({ Bucket: text(bucket, "bucket"), Key: found }),
        );
        if (TagSet?.some(({ Key, Value }) => Key === "frontdesk" && Value === "delivered"))
          return `stored and taken in after ${((performance.now() - started) / 1000).toFixed(1)} s`;
      }
      await sleep(smoke.local ? 100 : 2_000);
    }
  } finally {
    s3.destroy();
  }
  throw new Broken(
    found
      ? "the message is in the mail bucket, and the consumer did not take it in"
      : "the message did not come to the mail bucket",
  );
}

async function find(s3: S3Client, bucket: string, subject: string, since: number, seen: Set<string>) {
  let token: string | undefined;
  do {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: rawPrefix, ContinuationToken: token }),
    );
    for (const { Key, LastModified } of page.Contents ?? []) {
      if (!Key || seen.has(Key) || (LastModified?.getTime() ?? 0) < since) continue;
      seen.add(Key);
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key, Range: "bytes=0-16383" }));
      if ((await Body?.transformToString())?.includes(subject)) return Key;
    }
    token = page.NextContinuationToken;
  } while (token);
  return undefined;
}

async function sendBySes(smoke: Smoke, message: { from: string; to: string; subject: string; text: string }) {
  const identities = smoke.all("aws:sesv2/emailIdentity:EmailIdentity");
  const region = (identities.find((one) => one.region === smoke.deployed.homeRegion) ?? identities[0])
    ?.region;
  const ses = new SESClient(smoke.aws(region ?? smoke.deployed.homeRegion));
  try {
    await ses.send(
      new SendEmailCommand({
        Source: message.from,
        Destination: { ToAddresses: [message.to] },
        Message: { Subject: { Data: message.subject }, Body: { Text: { Data: message.text } } },
      }),
    );
  } catch (error) {
    throw new Broken(`SES did not take the message: ${(error as Error).message}`);
  } finally {
    ses.destroy();
  }
}

/** After {@link takesMailIn}: an administrator sees the message. */
export async function showsMail(smoke: Smoke): Promise<string> {
  const { subject } = smoke.mail;
  if (!subject) throw new Unable("no message was sent: see the check of mail in");
  const { items } = (await asPerson(smoke, "/threads?limit=20")) as { items?: { subject?: string }[] };
  if (!items?.some((thread) => thread.subject === subject))
    throw new Broken("the message is not among the newest threads (the token must be an administrator's)");
  return "found among the newest threads";
}

export async function ruleIsActive(smoke: Smoke): Promise<string> {
  const rule = smoke.one("aws:ses/receiptRule:ReceiptRule");
  const ses = new SESClient(smoke.aws(rule.region));
  try {
    const { Rules = [] } = await ses.send(new DescribeActiveReceiptRuleSetCommand({}));
    const ours = Rules.find(({ Name }) => Name === text(rule, "name"));
    if (!ours?.Enabled) throw new Broken(`the active rule set has no enabled rule ${text(rule, "name")}`);
    return `one of ${Rules.length} rules of the active set`;
  } finally {
    ses.destroy();
  }
}

export async function identitiesAreVerified(smoke: Smoke): Promise<string> {
  const identities = smoke.all("aws:sesv2/emailIdentity:EmailIdentity");
  for (const identity of identities) {
    const ses = new SESClient(smoke.aws(identity.region));
    const name = text(identity, "emailIdentity");
    try {
      const { VerificationAttributes } = await ses.send(
        new GetIdentityVerificationAttributesCommand({ Identities: [name] }),
      );
      const status = VerificationAttributes?.[name]?.VerificationStatus ?? "unknown";
      if (status !== "Success") throw new Broken(`${name} in ${identity.region}: ${status}`);
    } finally {
      ses.destroy();
    }
  }
  return `${identities.length} identities verified`;
}

/** In the sandbox SES sends 200 messages a day (https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html). */
const SANDBOX_A_DAY = 200;

export async function outOfSandbox(smoke: Smoke): Promise<string> {
  const ses = new SESClient(smoke.aws(smoke.deployed.homeRegion));
  try {
    const { Max24HourSend = 0 } = await ses.send(new GetSendQuotaCommand({}));
    if (Max24HourSend === -1) return "no daily limit";
    if (Max24HourSend <= SANDBOX_A_DAY)
      throw new Broken(`SES in ${smoke.deployed.homeRegion} is in the sandbox (${Max24HourSend} a day)`);
    return `${Max24HourSend} messages a day`;
  } finally {
    ses.destroy();
  }
}

export async function subscriptionsAreConfirmed(smoke: Smoke): Promise<string> {
  const subscriptions = smoke.all("aws:sns/topicSubscription:TopicSubscription");
  for (const subscription of subscriptions) {
    // One that was never confirmed has no ARN yet.
    if (!text(subscription, "id").startsWith("arn:"))
      throw new Broken(`${subscription.name} is not confirmed`);
    const sns = new SNSClient(smoke.aws(subscription.region));
    try {
      const { Attributes } = await sns.send(
        new GetSubscriptionAttributesCommand({ SubscriptionArn: text(subscription, "id") }),
      );
      if (Attributes?.PendingConfirmation !== "false")
        throw new Broken(`${subscription.name} is not confirmed`);
    } finally {
      sns.destroy();
    }
  }
  return `${subscriptions.length} subscriptions confirmed`;
}
