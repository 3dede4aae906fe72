const DAY = 24 * 60 * 60;

/** Time that the email consumer has for a batch; the queue's visibility follows from it. */
export const emailTimeoutSeconds = 60;

export const emailDeadLetterQueue = new sst.aws.Queue("EmailDeadLetterQueue", {
  transform: {
    queue: (args) => {
      // Longer than the source keeps them, or messages would expire here first.
      args.messageRetentionSeconds = 14 * DAY;
      // SNS cannot send to a queue encrypted with AWS's managed KMS key.
      args.sqsManagedSseEnabled = true;
    },
  },
});

export const emailQueue = new sst.aws.Queue("EmailQueue", {
  // Lambda asks for six times the function's timeout, so that a throttled batch is not delivered twice meanwhile.
  visibilityTimeout: `${6 * emailTimeoutSeconds} seconds`,
  dlq: { queue: emailDeadLetterQueue.arn, retry: 5 },
  transform: {
    queue: (args) => {
      args.messageRetentionSeconds = 4 * DAY;
      args.receiveWaitTimeSeconds = 20;
      args.sqsManagedSseEnabled = true;
    },
  },
});

new aws.sqs.RedriveAllowPolicy("EmailDeadLetterAllow", {
  queueUrl: emailDeadLetterQueue.url,
  redriveAllowPolicy: $jsonStringify({ redrivePermission: "byQueue", sourceQueueArns: [emailQueue.arn] }),
});

/** A queue's one policy: TLS for all, and the named sources (there is room for one policy per queue). */
export function queuePolicy(
  name: string,
  queue: sst.aws.Queue,
  sources: { service: string; sourceArn: $util.Input<string> }[],
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
          // The ARN names the account; SNS documents no aws:SourceAccount for its deliveries.
          ...sources.map(({ service, sourceArn }, index) => ({
            sid: `Source${index}`,
            principals: [{ type: "Service", identifiers: [service] }],
            actions: ["sqs:SendMessage"],
            resources: [queue.arn],
            conditions: [{ test: "ArnEquals", variable: "aws:SourceArn", values: [sourceArn] }],
          })),
        ],
      }).json,
    },
    options,
  );
}
queuePolicy("EmailDeadLetterQueuePolicy", emailDeadLetterQueue, []);
