/**
 * When a rule with an S3 action is made, SES tries the bucket and the topic with a message of its own, once: the
 * object AMAZON_SES_SETUP_NOTIFICATION and its notice, which every consumer meets on AWS.
 */
import { Readable } from "node:stream";
import type { Cloud, Ports } from "../cloud/types.ts";
import type { ReceiptRuleSpec } from "../plan/types.ts";
import { applyRules } from "./actions.ts";
import { ruleArn } from "./rules.ts";
import { spool } from "./spool.ts";
import { createTrace } from "./stamp.ts";
import { judge } from "./verdicts.ts";

const KEY = "AMAZON_SES_SETUP_NOTIFICATION";

/** What has been announced is kept in the state: a next start makes no new rule. */
export async function announceRules(cloud: Cloud, ports: Ports, rules: ReceiptRuleSpec[]): Promise<void> {
  const announced = new Set(cloud.state.read<string[]>("smtp/announced", []));
  for (const rule of rules)
    for (const action of rule.actions) {
      if (action.kind !== "s3") continue;
      const id = [
        ruleArn(rule, cloud.plan.accountId),
        action.bucket,
        action.prefix ?? "",
        action.topicArn ?? "",
      ].join(" ");
      if (announced.has(id)) continue;
      try {
        await announce(cloud, ports, { ...rule, recipients: [], actions: [action] });
      } catch (error) {
        // On AWS the rule would not be made. Here mail that comes is refused for the same reason, and says so.
        cloud.log(
          `smtp: receipt rule ${rule.name} cannot write to ${action.bucket}: ${(error as Error).message}`,
        );
        continue;
      }
      announced.add(id);
      cloud.state.write("smtp/announced", [...announced]);
    }
}

async function announce(cloud: Cloud, ports: Ports, rule: ReceiptRuleSpec) {
  const now = cloud.clock.now();
  const text = [
    "From: Amazon Web Services <no-reply-aws@amazon.com>",
    "To: recipient@example.com",
    "Subject: Amazon SES Setup Notification",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=UTF-8",
    `Message-ID: <${KEY}@amazonses.com>`,
    `Date: ${new Date(now).toUTCString().replace("GMT", "+0000")}`,
    "",
    `The receipt rule ${rule.name} delivers mail to this bucket from now on.`,
    "",
  ].join("\r\n");
  const message = await spool(Readable.from([Buffer.from(text)]), "", Number.POSITIVE_INFINITY);
  if (!message) throw new Error("the setup message did not fit");
  await applyRules(cloud, ports, [rule], {
    envelope: {
      region: rule.region,
      messageId: KEY,
      trace: createTrace(now),
      receivedAt: now,
      source: "no-reply-aws@amazon.com",
      recipients: ["recipient@example.com"],
      helo: "amazonses.com",
      remoteAddress: "127.0.0.1",
    },
    message,
    verdicts: judge(message.found),
  });
}
