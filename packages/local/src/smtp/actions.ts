/** A receipt rule's actions on one message (https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action.html). */
import type { Cloud, Ports, Principal } from "../cloud/types.ts";
import type { ReceiptRuleSpec } from "../plan/types.ts";
import { type Header, parseHeaders } from "./headers.ts";
import { type MailObject, mailObject, receiptObject } from "./notification.ts";
import { matches, ruleArn } from "./rules.ts";
import type { Spooled } from "./spool.ts";
import { type Envelope, stamp } from "./stamp.ts";
import type { Verdicts } from "./verdicts.ts";

/** The sender is told so; nothing more is done with the message. */
export class Rejected extends Error {
  readonly responseCode: number;
  constructor(responseCode: number, message: string) {
    super(message);
    this.responseCode = responseCode;
  }
}

export interface Received {
  envelope: Envelope;
  message: Spooled;
  verdicts: Verdicts;
}
export interface Outcome {
  /** Keys of the objects that hold the message now. */
  keys: string[];
}

type Action = ReceiptRuleSpec["actions"][number];
/** What SNS takes, less the notice around it: SES bounces what is larger. */
const LARGEST_FOR_TOPIC = 150 * 1024;
const SUBJECT = "Amazon SES Email Receipt Notification";

/**
 * Applies the rules in order to whom each matches.
 * @throws Rejected by a bounce action; otherwise what an action failed with, and the message is not taken.
 */
export async function applyRules(
  cloud: Cloud,
  ports: Ports,
  rules: ReceiptRuleSpec[],
  received: Received,
): Promise<Outcome> {
  const { envelope, message, verdicts } = received;
  const outcome: Outcome = { keys: [] };
  const own = parseHeaders(message.header);
  const added: Header[] = [];

  for (const rule of rules) {
    const recipients = envelope.recipients.filter((recipient) => matches(rule, recipient));
    if (recipients.length === 0) continue;
    const sourceArn = ruleArn(rule, cloud.plan.accountId);
    const ses: Principal = {
      kind: "service",
      service: "ses.amazonaws.com",
      sourceArn,
      sourceAccount: cloud.plan.accountId,
    };
    const prefix = () => stamp(envelope, own, verdicts, rule.scanEnabled, added);
    const mail = () => mailObject(envelope, [...parseHeaders(prefix()), ...own]);
    const receipt = (action: Record<string, string>) =>
      receiptObject(
        { now: cloud.clock.now(), receivedAt: envelope.receivedAt, recipients, scanned: rule.scanEnabled },
        verdicts,
        action,
      );
    const notify = async (topicArn: string | undefined, action: Record<string, string>, more = {}) => {
      if (topicArn === undefined) return;
      const notice = { notificationType: "Received", mail: mail(), receipt: receipt(action), ...more };
      await ports.sns.publish(ses, topicArn, {
        subject: SUBJECT,
        message: JSON.stringify(notice),
        trace: envelope.trace,
      });
    };

    const context = { cloud, ports, ses, envelope, message, prefix, mail, receipt, notify, added, outcome };
    await cloud.faults.strike({
      service: "ses",
      operation: "ReceiveEmail",
      resource: sourceArn,
      phase: "before",
    });
    const next = await applyActions(rule.actions, context);
    await cloud.faults.strike({
      service: "ses",
      operation: "ReceiveEmail",
      resource: sourceArn,
      phase: "after",
    });
    if (next === "stop-set") break;
  }
  return outcome;
}

interface Context {
  cloud: Cloud;
  ports: Ports;
  ses: Principal;
  envelope: Envelope;
  message: Spooled;
  /** SES's own header fields as they are at this action. */
  prefix(): Buffer;
  mail(): MailObject;
  receipt(action: Record<string, string>): ReturnType<typeof receiptObject>;
  notify(topicArn: string | undefined, action: Record<string, string>, more?: object): Promise<void>;
  added: Header[];
  outcome: Outcome;
}

async function applyActions(actions: Action[], context: Context): Promise<"continue" | "stop-set"> {
  for (const action of actions) {
    switch (action.kind) {
      case "s3":
        await store(action, context);
        break;
      case "sns":
        await publish(action, context);
        break;
      case "lambda": {
        const disposition = await invoke(action, context);
        if (disposition === "STOP_RULE") return "continue";
        if (disposition === "STOP_RULE_SET") return "stop-set";
        break;
      }
      case "addHeader":
        context.added.push({ name: action.name, value: action.value });
        break;
      case "bounce":
        await context.notify(action.topicArn, {
          type: "Bounce",
          ...topic(action.topicArn),
          smtpReplyCode: action.smtpReplyCode,
          ...(action.statusCode !== undefined && { statusCode: action.statusCode }),
          message: action.message,
          sender: action.sender,
        });
        throw new Rejected(
          Number(action.smtpReplyCode),
          [action.statusCode, action.message].filter((part) => part !== undefined).join(" "),
        );
      case "stop":
        await context.notify(action.topicArn, { type: "Stop", ...topic(action.topicArn) });
        return "stop-set";
    }
  }
  return "continue";
}

const topic = (topicArn: string | undefined): Record<string, string> =>
  topicArn === undefined ? {} : { topicArn };

async function store(action: Extract<Action, { kind: "s3" }>, context: Context) {
  const { envelope, message, outcome, ports } = context;
  const key = `${action.prefix ?? ""}${envelope.messageId}`;
  const principal: Principal = action.roleArn
    ? { kind: "role", roleArn: action.roleArn, sessionName: "ses-receiving" }
    : context.ses;
  await ports.s3.put(principal, action.bucket, key, message.content(context.prefix()), {
    trace: envelope.trace,
  });
  outcome.keys.push(key);
  await context.notify(action.topicArn, {
    type: "S3",
    ...topic(action.topicArn),
    bucketName: action.bucket,
    objectKeyPrefix: action.prefix ?? "",
    objectKey: key,
  });
}

async function publish(action: Extract<Action, { kind: "sns" }>, context: Context) {
  const prefix = context.prefix();
  if (prefix.length + context.message.size > LARGEST_FOR_TOPIC)
    throw new Rejected(552, "5.3.4 Message too large to be published");
  const encoding = action.encoding?.toUpperCase() === "BASE64" ? "BASE64" : "UTF8";
  const content = await context.message.read(prefix);
  await context.notify(
    action.topicArn,
    { type: "SNS", topicArn: action.topicArn, encoding },
    { content: content.toString(encoding === "BASE64" ? "base64" : "utf8") },
  );
}

/** @returns What a synchronous function wants done with the rest of the rules. */
async function invoke(action: Extract<Action, { kind: "lambda" }>, context: Context): Promise<string> {
  const { envelope, ports, ses } = context;
  const description = { type: "Lambda", functionArn: action.functionArn, invocationType: action.invocation };
  const event = {
    Records: [
      {
        eventSource: "aws:ses",
        eventVersion: "1.0",
        ses: { mail: context.mail(), receipt: context.receipt(description) },
      },
    ],
  };
  let disposition = "CONTINUE";
  if (action.invocation === "Event")
    await ports.lambda.invokeAsync(ses, action.functionArn, event, { traces: [envelope.trace] });
  else {
    const { payload, functionError } = await ports.lambda.invoke(ses, action.functionArn, event, {
      traces: [envelope.trace],
      // https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-lambda.html
      signal: AbortSignal.timeout(30_000),
    });
    if (functionError) throw new Error(`${action.functionArn} failed (${functionError})`);
    disposition = dispositionOf(payload);
  }
  await context.notify(action.topicArn, { ...topic(action.topicArn), ...description });
  return disposition;
}

/** A function that answers nothing, as most do, wants the rest done. */
function dispositionOf(payload: string): string {
  try {
    const answer = JSON.parse(payload) as { disposition?: unknown } | null;
    return typeof answer?.disposition === "string" ? answer.disposition.toUpperCase() : "CONTINUE";
  } catch {
    return "CONTINUE";
  }
}
