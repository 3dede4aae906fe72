/** Work queues: each with its dead-letter queue, what its consumer may take, and who may send to it. */
import { accountId } from "./stage";

const DAY = 24 * 60 * 60;

export interface WorkQueue {
  queue: sst.aws.Queue;
  deadLetterQueue: sst.aws.Queue;
  /** Time that the consumer has for a batch; the queue's visibility follows from it. */
  consumerSeconds: number;
  /**
   * Batches at the same time, each with a pool of connections (core/src/pool/index.ts). Of all consumers together
   * they are half of what the smallest cluster or its proxy gives: docs/decisions/0041. AWS takes no less than two.
   */
  maximumConcurrency: number;
}

function createQueue(name: string, consumer: Pick<WorkQueue, "consumerSeconds" | "maximumConcurrency">) {
  const deadLetterQueue = new sst.aws.Queue(`${name}DeadLetterQueue`, {
    transform: {
      queue: (args) => {
        // Longer than the source keeps them, or messages would expire here first.
        args.messageRetentionSeconds = 14 * DAY;
        // SNS and S3 cannot send to a queue encrypted with AWS's managed KMS key.
        args.sqsManagedSseEnabled = true;
      },
    },
  });
  const queue = new sst.aws.Queue(`${name}Queue`, {
    // Lambda asks for six times the function's timeout, so that a throttled batch is not delivered twice meanwhile.
    visibilityTimeout: `${6 * consumer.consumerSeconds} seconds`,
    dlq: { queue: deadLetterQueue.arn, retry: 5 },
    transform: {
      queue: (args) => {
        args.messageRetentionSeconds = 4 * DAY;
        args.receiveWaitTimeSeconds = 20;
        args.sqsManagedSseEnabled = true;
      },
    },
  });
  new aws.sqs.RedriveAllowPolicy(`${name}DeadLetterAllow`, {
    queueUrl: deadLetterQueue.url,
    redriveAllowPolicy: $jsonStringify({ redrivePermission: "byQueue", sourceQueueArns: [queue.arn] }),
  });
  return { queue, deadLetterQueue, ...consumer };
}

/** A service that may send on behalf of one resource. Roles of ours send by their own grants (infra/grants). */
interface Source {
  service: "s3.amazonaws.com" | "sns.amazonaws.com";
  sourceArn: $util.Input<string>;
}

/** A queue's one policy: TLS for all, and the named sources (there is room for one policy per queue). */
export function queuePolicy(
  name: string,
  queue: sst.aws.Queue,
  sources: Source[],
  options?: $util.CustomResourceOptions,
) {
  return new aws.sqs.QueuePolicy(
    name,
    {
      queueUrl: queue.url,
      policy: aws.iam.getPolicyDocumentOutput({
        statements: [
          {
            sid: "TlsOnly",
            effect: "Deny",
            principals: [{ type: "*", identifiers: ["*"] }],
            actions: ["sqs:*"],
            resources: [queue.arn],
            conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
          },
          ...sources.map(({ service, sourceArn }, index) => ({
            sid: `Source${index}`,
            principals: [{ type: "Service", identifiers: [service] }],
            actions: ["sqs:SendMessage"],
            resources: [queue.arn],
            conditions: [
              { test: "ArnEquals", variable: "aws:SourceArn", values: [sourceArn] },
              // A bucket's ARN names no account. A topic's does, and SNS documents no aws:SourceAccount.
              ...(service === "s3.amazonaws.com"
                ? [{ test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] }]
                : []),
            ],
          })),
        ],
      }).json,
    },
    options,
  );
}

/** Who sends to `email`, `images` and `mailEvents` is said where the source is: inbound.ts, uploads.ts, feedback.ts. */
export const queues = {
  email: createQueue("Email", { consumerSeconds: 60, maximumConcurrency: 10 }),
  jobs: createQueue("Jobs", { consumerSeconds: 120, maximumConcurrency: 5 }),
  images: createQueue("Image", { consumerSeconds: 90, maximumConcurrency: 4 }),
  // A bulk send answers with several events a recipient within seconds: they wait here, and reach the database by twos.
  mailEvents: createQueue("MailEvents", { consumerSeconds: 30, maximumConcurrency: 2 }),
};
export const emailQueue = queues.email.queue;

queuePolicy("EmailDeadLetterQueuePolicy", queues.email.deadLetterQueue, []);
queuePolicy("JobsQueuePolicy", queues.jobs.queue, []);
queuePolicy("JobsDeadLetterQueuePolicy", queues.jobs.deadLetterQueue, []);
queuePolicy("ImageDeadLetterQueuePolicy", queues.images.deadLetterQueue, []);
