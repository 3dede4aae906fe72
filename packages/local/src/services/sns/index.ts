/** Amazon SNS: the topics of the graph, delivering across regions to queues and functions. */
import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { AwsError } from "../../cloud/errors.ts";
import type { AwsService, Cloud, Part, Ports, SnsPort } from "../../cloud/types.ts";
import type { TopicSpec } from "../../plan/types.ts";
import { Deduplication } from "../sqs/deduplication.ts";
import { sequenceNumber } from "../sqs/received.ts";
import { createDeliveries } from "./deliveries.ts";
import { checkPublication, type Notice, type Publication } from "./message.ts";
import { createOperations } from "./operations.ts";
import { createSigner } from "./signer.ts";
import { createSubscriptions } from "./subscriptions.ts";

export interface Sns extends SnsPort, AwsService, Part {
  /** Where the certificate that notifications are signed under is fetched, as SigningCertURL says. */
  readonly hosts: CertificateHost[];
}
export interface CertificateHost {
  pattern: RegExp;
  /** SNS's API has the same host. */
  accepts(request: IncomingMessage): boolean;
  request(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

export function createSns(cloud: Cloud, ports: Ports): Sns {
  const topics = new Map(
    cloud.plan.topics.map((topic) => [topic.arn, { topic, recent: new Deduplication(), sequence: 0 }]),
  );
  const subscriptions = createSubscriptions(cloud);
  const signer = createSigner(cloud.state);
  const deliveries = createDeliveries(cloud, ports, subscriptions, signer);
  const find = (arn: string) => topics.get(arn)?.topic;

  /** Accepts a checked publication; it is durable when this returns. */
  function publish(topic: TopicSpec, given: Publication): { messageId: string; sequence?: string } {
    const now = cloud.clock.now();
    const entry = topics.get(topic.arn);
    let publication = given;
    if (topic.fifo && entry) {
      // As with content-based deduplication where the publisher gives no id: queues behind need one.
      const deduplicationId =
        given.deduplicationId ?? createHash("sha256").update(given.message).digest("hex");
      publication = { ...given, deduplicationId };
      entry.recent.forget(now);
      const known = entry.recent.find(deduplicationId, now);
      if (known) return { messageId: known.id, sequence: sequenceNumber(known.sequence) };
    }
    const notice: Notice = { ...publication, id: randomUUID(), topicArn: topic.arn, at: Math.floor(now) };
    const chosen = subscriptions
      .of(topic.arn)
      .filter(
        ({ spec, accepts }) => (spec.protocol === "sqs" || spec.protocol === "lambda") && accepts(notice),
      );
    deliveries.accept(notice, chosen);
    cloud.observer.record("sns.publish", topic.arn, notice.trace, {
      messageId: notice.id,
      subscriptions: chosen.length,
    });
    if (!topic.fifo || !entry) return { messageId: notice.id };
    entry.sequence = Math.max(entry.sequence + 1, Math.floor(now) * 1000);
    entry.recent.remember(publication.deduplicationId ?? notice.id, {
      id: notice.id,
      sequence: entry.sequence,
      at: now,
    });
    return { messageId: notice.id, sequence: sequenceNumber(entry.sequence) };
  }
  const operations = createOperations(cloud, { find, publish }, subscriptions);

  return {
    signingNames: ["sns"],
    async handle(call) {
      const operation = operations.get(call.operation);
      if (!operation)
        throw new AwsError(
          "InvalidAction",
          `${call.operation.slice(0, 80)} does not exist here: topics and their attributes come from sst.config.ts.`,
        );
      return { body: operation(call) };
    },

    async publish(principal, topicArn, { message, subject, messageAttributes, trace }) {
      const point = { service: "sns", operation: "Publish", resource: topicArn };
      await cloud.faults.strike({ ...point, phase: "before" });
      cloud.authoriser.authorise({ principal, action: "sns:Publish", resource: topicArn });
      const topic = find(topicArn);
      if (!topic) throw new AwsError("NotFound", "Topic does not exist", 404);
      const { messageId } = publish(
        topic,
        checkPublication(topic, { message, subject, attributes: messageAttributes ?? {}, trace }),
      );
      await cloud.faults.strike({ ...point, phase: "after" });
      return { messageId };
    },
    hosts: [
      {
        pattern: /^sns\.[a-z0-9-]+\.amazonaws\.com$/,
        accepts: ({ method, url = "" }) =>
          method === "GET" && /^\/SimpleNotificationService-[0-9a-f]+\.pem$/.test(url),
        async request({ url = "" }, response) {
          const certificate = await signer.certificate(url.slice(1));
          if (certificate === undefined) response.writeHead(404).end();
          else response.writeHead(200, { "content-type": "application/x-pem-file" }).end(certificate);
        },
      },
    ],

    async start() {
      for (const { spec } of subscriptions.all())
        if (spec.protocol !== "sqs" && spec.protocol !== "lambda")
          cloud.log(
            `not delivered here: subscription ${spec.arn} (${spec.protocol}); nothing leaves this machine`,
          );
      deliveries.open();
    },
    stop: () => deliveries.stop(),
  };
}
