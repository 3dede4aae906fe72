/** Queues of the real stand-in, a mapping, and a function that the test writes. */
import { AwsError } from "../../src/cloud/errors.ts";
import type { InvokeResult, LambdaPort, SqsMessage } from "../../src/cloud/types.ts";
import { createEventSourceMappings, type EventSourceMappings } from "../../src/mappings/index.ts";
import type { SqsRecord } from "../../src/mappings/record.ts";
import type { EventSourceMappingSpec, QueueSpec } from "../../src/plan/types.ts";
import { createSqs } from "../../src/services/sqs/index.ts";
import { accountId, createTestCloud, developer, functionSpec, type TestCloud } from "../functions/support.ts";

export const fn = functionSpec("src/basic.echo", { name: "consumer" });
export const throttled = new AwsError("TooManyRequestsException", "Rate Exceeded.", 429);

export function queueSpec(name: string, changes: Partial<QueueSpec> = {}): QueueSpec {
  return {
    arn: `arn:aws:sqs:ca-central-1:${accountId}:${name}`,
    name,
    url: `https://sqs.ca-central-1.amazonaws.com/${accountId}/${name}`,
    region: "ca-central-1",
    fifo: name.endsWith(".fifo"),
    contentBasedDeduplication: false,
    visibilityTimeoutSeconds: 30,
    delaySeconds: 0,
    retentionSeconds: 345_600,
    maximumMessageSize: 1_048_576,
    receiveWaitSeconds: 0,
    tags: {},
    ...changes,
  };
}

export interface Invocation {
  records: SqsRecord[];
  traces: string[];
}
/** What the function answers; a thrown AwsError is an invocation that could not begin. */
export type Handler = (invocation: Invocation) => unknown;

export interface MappingTest extends TestCloud {
  mappings: EventSourceMappings;
  invocations: Invocation[];
  queueArn: string;
  send(
    body: string,
    options?: { groupId?: string; attributes?: SqsMessage["messageAttributes"]; trace?: string },
  ): Promise<string>;
  counts(): { visible: number; inFlight: number; delayed: number };
  /** Resolves when the function has been invoked so many times in all, and what it answered at once has been taken. */
  invoked(times: number): Promise<void>;
  /** Resolves when so many messages have been received and not deleted. */
  received(messages: number): Promise<void>;
  /** Resolves when the queue holds so many messages, received or not. */
  holds(messages: number): Promise<void>;
}

/** Lets everything run that waits for nothing. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Not started. A handler that returns an Error fails as a function does. */
export function createMapping(
  handler: Handler,
  changes: Partial<EventSourceMappingSpec> = {},
  queue: QueueSpec = queueSpec("jobs"),
  options: { cores?: number } = {},
): MappingTest {
  const mapping: EventSourceMappingSpec = {
    id: "mapping",
    queueArn: queue.arn,
    functionArn: fn.arn,
    batchSize: 10,
    windowSeconds: 0,
    reportBatchItemFailures: false,
    filters: [],
    enabled: true,
    ...changes,
  };
  const test = createTestCloud({ functions: [fn], queues: [queue], eventSourceMappings: [mapping] });
  const sqs = createSqs(test.cloud, test.ports);
  const invocations: Invocation[] = [];
  const watching = new Set<() => void>();
  const lambda: Pick<LambdaPort, "invoke"> = {
    async invoke(_principal, _functionArn, event, options = {}): Promise<InvokeResult> {
      const invocation = {
        records: (event as { Records: SqsRecord[] }).Records,
        traces: options.traces ?? [],
      };
      invocations.push(invocation);
      for (const look of watching) look();
      const answer = await handler(invocation);
      if (answer instanceof Error) return { payload: "{}", functionError: "Unhandled", durationMs: 1 };
      return { payload: JSON.stringify(answer ?? null), durationMs: 1 };
    },
  };
  Object.assign(test.ports, { sqs, lambda });
  let mappings: EventSourceMappings;
  try {
    mappings = createEventSourceMappings(test.cloud, test.ports, options);
  } catch (error) {
    void test[Symbol.asyncDispose]();
    throw error;
  }
  test.cloud.observer.on(() => {
    for (const look of watching) look();
  });
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!holds()) return;
        watching.delete(look);
        resolve();
      };
      watching.add(look);
      look();
    });
  const counts = () => sqs.counts(queue.arn);
  const dispose = test[Symbol.asyncDispose].bind(test);
  const opened = sqs.start?.();
  return {
    ...test,
    mappings,
    invocations,
    queueArn: queue.arn,
    counts,
    async send(body, { groupId, attributes, trace } = {}) {
      await opened;
      const { messageId } = await sqs.send(developer, queue.arn, {
        body,
        trace,
        ...(groupId && { groupId, deduplicationId: body }),
        ...(attributes && { messageAttributes: attributes }),
      });
      return messageId;
    },
    async invoked(times) {
      await until(() => invocations.length >= times);
      await turn();
    },
    async received(messages) {
      await until(() => counts().inFlight === messages);
      await turn();
    },
    holds: (messages) =>
      until(() => {
        const { visible, inFlight, delayed } = counts();
        return visible + inFlight + delayed === messages;
      }),
    async [Symbol.asyncDispose]() {
      await mappings.stop();
      await sqs.stop();
      await dispose();
    },
  };
}
