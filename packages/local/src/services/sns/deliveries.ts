/**
 * What has been accepted and not yet delivered. It is journaled when it is accepted, so that a process that is killed
 * in between delivers it when it starts again: at least once.
 */
import { join } from "node:path";
import { AwsError } from "../../cloud/errors.ts";
import { type Journal, openJournal } from "../../cloud/journal.ts";
import type { Cloud, Ports, Principal, SqsPort } from "../../cloud/types.ts";
import type { SubscriptionSpec } from "../../plan/types.ts";
import { isPermanent } from "../failures.ts";
import { attributesFromJson, attributesToJson } from "../sqs/message.ts";
import { lambdaEvent, type Notice, notification, type Proof, signedText, textFor } from "./message.ts";
import { retryDelay } from "./retries.ts";
import type { Signer } from "./signer.ts";
import type { Subscription, Subscriptions } from "./subscriptions.ts";

export interface Deliveries {
  open(): void;
  /** Takes a publication for the subscriptions whose filters let it through. Delivery goes on by itself. */
  accept(notice: Notice, subscriptions: readonly Subscription[]): void;
  /** Resolves when what is being delivered at this moment has ended. */
  stop(): Promise<void>;
}

interface Pending {
  notice: Notice;
  /** ARNs of the subscriptions that have not got it. */
  left: Set<string>;
  signatures: Map<string, Promise<string>>;
}
type QueueMessage = Parameters<SqsPort["send"]>[2];
type JournalRecord =
  | [
      kind: "p",
      notice: Omit<Notice, "attributes"> & { attributes: ReturnType<typeof attributesToJson> },
      left: string[],
    ]
  | [kind: "d", noticeId: string, subscriptionArn: string];

export function createDeliveries(
  cloud: Cloud,
  ports: Ports,
  subscriptions: Subscriptions,
  signer: Signer,
): Deliveries {
  const pending = new Map<string, Pending>();
  /** A FIFO topic's group is delivered in order: one at a time for each subscription and group. */
  const lanes = new Map<string, Promise<void>>();
  const running = new Set<Promise<void>>();
  const stopping = new AbortController();
  let journal: Journal | undefined;

  const record = ({ notice, left }: Pending): JournalRecord => [
    "p",
    { ...notice, attributes: attributesToJson(notice.attributes) },
    [...left],
  ];
  function replay(line: JournalRecord) {
    if (line[0] === "p") {
      const [, { attributes, ...rest }, left] = line;
      const notice = { ...rest, attributes: attributesFromJson(attributes) };
      pending.set(notice.id, { notice, left: new Set(left), signatures: new Map() });
    } else settle(line[1], line[2]);
  }
  function settle(noticeId: string, subscriptionArn: string) {
    const entry = pending.get(noticeId);
    entry?.left.delete(subscriptionArn);
    if (entry?.left.size === 0) pending.delete(noticeId);
  }
  function done(noticeId: string, subscriptionArn: string) {
    journal?.append(["d", noticeId, subscriptionArn]);
    settle(noticeId, subscriptionArn);
  }

  function dispatch(entry: Pending) {
    for (const arn of [...entry.left]) {
      const subscription = subscriptions.find(arn);
      if (!subscription) done(entry.notice.id, arn);
      else if (entry.notice.groupId === undefined) track(deliver(entry, subscription.spec));
      else {
        const lane = `${arn} ${entry.notice.groupId}`;
        const next = (lanes.get(lane) ?? Promise.resolve()).then(() => deliver(entry, subscription.spec));
        lanes.set(lane, next);
        track(next.finally(() => lanes.get(lane) === next && lanes.delete(lane)));
      }
    }
  }
  function track(delivery: Promise<void>) {
    const tracked = delivery
      .catch((error: Error) => cloud.log(`SNS: a delivery broke off: ${error.stack}`))
      .finally(() => running.delete(tracked));
    running.add(tracked);
  }

  async function deliver(entry: Pending, subscription: SubscriptionSpec): Promise<void> {
    const { notice } = entry;
    for (let failures = 1; !stopping.signal.aborted; failures++) {
      try {
        await attempt(entry, subscription);
        cloud.observer.record("sns.deliver", notice.topicArn, notice.trace, {
          messageId: notice.id,
          endpoint: subscription.endpoint,
        });
        return done(notice.id, subscription.arn);
      } catch (error) {
        if (stopping.signal.aborted) return;
        const wait = isPermanent(error) ? undefined : retryDelay(failures, cloud.clock.now() - notice.at);
        if (wait === undefined) return giveUp(entry, subscription, error);
        if (wait > 0) await cloud.clock.sleep(wait, stopping.signal);
      }
    }
  }

  const principalOf = (notice: Notice): Principal => ({
    kind: "service",
    service: "sns.amazonaws.com",
    sourceArn: notice.topicArn,
    sourceAccount: notice.topicArn.split(":")[4] ?? cloud.plan.accountId,
  });

  async function attempt(entry: Pending, subscription: SubscriptionSpec): Promise<void> {
    const { notice } = entry;
    const principal = principalOf(notice);
    if (subscription.protocol === "lambda") {
      const event = lambdaEvent(notice, subscription, await prove(entry, subscription));
      const traces = notice.trace === undefined ? [] : [notice.trace];
      await ports.lambda.invokeAsync(principal, subscription.endpoint, event, { traces });
    } else
      await ports.sqs.send(principal, subscription.endpoint, {
        ...(await queueMessage(entry, subscription)),
        trace: notice.trace,
      });
  }

  /** Raw: the message as it was published. Else SNS's own envelope around it. */
  async function queueMessage(entry: Pending, subscription: SubscriptionSpec): Promise<QueueMessage> {
    const { notice } = entry;
    const fifo = subscription.endpoint.endsWith(".fifo");
    const order = {
      ...(notice.groupId !== undefined && { groupId: notice.groupId }),
      ...(fifo && notice.deduplicationId !== undefined && { deduplicationId: notice.deduplicationId }),
    };
    if (subscription.rawMessageDelivery)
      return { body: textFor(notice, subscription.protocol), messageAttributes: notice.attributes, ...order };
    return { body: notification(notice, subscription, await prove(entry, subscription)), ...order };
  }

  async function prove({ notice, signatures }: Pending, subscription: SubscriptionSpec): Promise<Proof> {
    const region = notice.topicArn.split(":")[3] ?? cloud.plan.homeRegion;
    const message = textFor(notice, subscription.protocol);
    let signature = signatures.get(message);
    if (!signature) {
      signature = signer.sign(signedText(notice, message));
      signatures.set(message, signature);
    }
    const host = `https://sns.${region}.amazonaws.com`;
    return {
      signature: await signature,
      certificateUrl: `${host}/${await signer.certificateName()}`,
      unsubscribeUrl: `${host}/?Action=Unsubscribe&SubscriptionArn=${subscription.arn}`,
    };
  }

  /** https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html */
  async function giveUp(entry: Pending, subscription: SubscriptionSpec, cause: unknown): Promise<void> {
    const { notice } = entry;
    const { deadLetterTargetArn } = subscription;
    const message = (cause as Error).message;
    const lost = `SNS could not deliver message ${notice.id} of ${notice.topicArn} to ${subscription.endpoint}: ${message}`;
    if (deadLetterTargetArn === undefined) cloud.log(`${lost}; the subscription has no dead-letter queue`);
    else {
      try {
        const { body, messageAttributes = {}, ...order } = await queueMessage(entry, subscription);
        const tagged = { ...messageAttributes, ...explain(notice.id, cause) };
        await ports.sqs.send(principalOf(notice), deadLetterTargetArn, {
          body,
          // A queue takes ten; the reason must not cost the message.
          messageAttributes: Object.keys(tagged).length > 10 ? explain(notice.id, cause) : tagged,
          ...order,
          trace: notice.trace,
        });
        cloud.observer.record("sqs.deadletter", deadLetterTargetArn, notice.trace, {
          messageId: notice.id,
          source: subscription.arn,
          cause: message,
        });
      } catch (error) {
        cloud.log(
          `${lost}; nor to its dead-letter queue ${deadLetterTargetArn}: ${(error as Error).message}`,
        );
      }
    }
    if (!stopping.signal.aborted) done(notice.id, subscription.arn);
  }

  return {
    open() {
      journal = openJournal(join(cloud.state.folder("sns"), "deliveries.jsonl"), {
        replay: (line) => replay(line as JournalRecord),
        *snapshot() {
          for (const entry of pending.values()) yield record(entry);
        },
        live: () => pending.size,
      });
      for (const entry of [...pending.values()]) dispatch(entry);
    },
    accept(notice, chosen) {
      if (chosen.length === 0) return;
      const left = new Set(chosen.map(({ spec }) => spec.arn));
      const entry: Pending = { notice, left, signatures: new Map() };
      if (!journal) throw new Error("SNS has not started");
      journal.append(record(entry));
      pending.set(notice.id, entry);
      dispatch(entry);
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
      journal?.close();
    },
  };
}

function explain(requestId: string, cause: unknown) {
  const text = (stringValue: string) => ({ dataType: "String", stringValue });
  const status = cause instanceof AwsError ? cause.status : 500;
  return {
    RequestID: text(requestId),
    ErrorCode: { dataType: "Number", stringValue: String(status) },
    ErrorMessage: text((cause as Error).message.slice(0, 1024) || "unknown"),
  };
}
