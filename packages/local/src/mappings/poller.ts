/**
 * One event source mapping: receives from its queue with the function's role, invokes the function, and deletes what
 * it has handled (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
 */
import { AccessDenied, AwsError } from "../cloud/errors.ts";
import type { Cloud, Ports, Principal, SqsMessage } from "../cloud/types.ts";
import type { EventSourceMappingSpec, FunctionSpec } from "../plan/types.ts";
import { compileFilters } from "./filter.ts";
import { type SqsRecord, splitBySize, toRecord } from "./record.ts";
import { failedMessages } from "./response.ts";

export interface Poller {
  start(): void;
  /** Receives no more, and resolves when what was received has been handled. */
  pause(): Promise<void>;
  resume(): void;
  /** Waits a few seconds for batches under way; the others return when their visibility timeout ends. */
  stop(): Promise<void>;
}

/** SQS gives ten messages a call, and waits up to twenty seconds for the first. */
const MAX_RECEIVE = 10;
const LONG_POLL_MS = 20_000;
/** Without a maximum, AWS begins with five batches at the same time and adds while there is a backlog. */
const FIRST_CONCURRENCY = 5;
const GROW_EVERY_MS = 1000;
const STOP_GRACE_MS = 5000;

export function createPoller(
  cloud: Cloud,
  ports: Ports,
  mapping: EventSourceMappingSpec,
  options: {
    fn: FunctionSpec;
    visibilityTimeoutSeconds: number;
    /** Batches at the same time when the mapping does not limit them. */
    maximumConcurrency: number;
    /** Batches at the same time to begin with; there are more only while they are long. */
    cores: number;
  },
): Poller {
  const { clock } = cloud;
  const { fn } = options;
  const { queueArn } = mapping;
  const passes = compileFilters(mapping.filters);
  const principal: Principal = { kind: "role", roleArn: fn.roleArn, sessionName: fn.name };
  const active = new Set<Promise<void>>();
  const mostConcurrency = mapping.maximumConcurrency ?? options.maximumConcurrency;
  const firstConcurrency = Math.min(
    mapping.maximumConcurrency ?? FIRST_CONCURRENCY,
    mostConcurrency,
    options.cores,
  );
  let concurrency = firstConcurrency;
  /** Since when all batches are under way; undefined: they are not. */
  let fullSince: number | undefined;
  let slotFreed = () => {};
  let polling: { loop: Promise<void>; abort: AbortController } | undefined;
  let complaint = "";

  async function poll(signal: AbortSignal) {
    let allowed = false;
    signal.addEventListener("abort", () => slotFreed(), { once: true });
    while (!signal.aborted) {
      try {
        // AWS refuses to make a mapping for a role that may not; here it waits until it may.
        if (!allowed)
          cloud.authoriser.authorise({ principal, action: "sqs:GetQueueAttributes", resource: queueArn });
        allowed = true;
        await freeSlot(signal);
        if (signal.aborted) return;
        const messages = await collect(signal);
        if (messages.length > 0) begin(messages);
        else {
          concurrency = firstConcurrency;
          fullSince = undefined;
        }
        complaint = "";
      } catch (error) {
        if (signal.aborted) return;
        allowed &&= !(error instanceof AccessDenied);
        complain(`cannot receive from ${queueArn}: ${(error as Error).message}`);
        await clock.sleep(error instanceof AccessDenied ? 5000 : 1000, signal);
      }
    }
  }

  /** Each complaint once, until something else happens. */
  function complain(message: string) {
    if (message !== complaint) cloud.log(`[${fn.name}] ${message}`);
    complaint = message;
  }

  async function freeSlot(signal: AbortSignal) {
    while (active.size >= concurrency && !signal.aborted) {
      fullSince ??= clock.now();
      let cancel = () => {};
      await new Promise<void>((resolve) => {
        slotFreed = resolve;
        if (mayGrow()) cancel = clock.after(GROW_EVERY_MS, resolve);
      });
      cancel();
      if (!mayGrow() || fullSince === undefined || clock.now() - fullSince < GROW_EVERY_MS) continue;
      fullSince = undefined;
      if (ports.sqs.counts(queueArn).visible > 0)
        concurrency = Math.min(concurrency + Math.min(FIRST_CONCURRENCY, options.cores), mostConcurrency);
    }
  }
  const mayGrow = () => concurrency < mostConcurrency;

  /** A batch: what is there, or what comes within the window; as much as the mapping and one event take. */
  async function collect(signal: AbortSignal): Promise<SqsMessage[]> {
    const receive = (max: number, waitMs: number) =>
      ports.sqs.receive(principal, queueArn, { max: Math.min(max, MAX_RECEIVE), waitMs, signal });
    const messages = await receive(mapping.batchSize, LONG_POLL_MS);
    if (messages.length === 0 || mapping.windowSeconds === 0) return messages;
    const until = clock.now() + mapping.windowSeconds * 1000;
    let bytes = sizeOf(messages);
    while (messages.length < mapping.batchSize && bytes < 6 * 1024 * 1024 && !signal.aborted) {
      const left = until - clock.now();
      if (left <= 0) break;
      // What has been received is handled, even if the next call fails.
      const more = await receive(mapping.batchSize - messages.length, Math.min(left, LONG_POLL_MS)).catch(
        () => [],
      );
      if (more.length === 0 && clock.now() < until)
        await clock.sleep(Math.min(100, until - clock.now()), signal);
      messages.push(...more);
      bytes += sizeOf(more);
    }
    return messages;
  }

  function begin(messages: SqsMessage[]) {
    const receivedAt = clock.now();
    const records = messages.map((message) => toRecord(message, queueArn));
    const wanted: SqsRecord[] = [];
    const unwanted: SqsRecord[] = [];
    for (const record of records) (passes(record) ? wanted : unwanted).push(record);
    if (unwanted.length > 0) track(remove(unwanted));
    for (const batch of splitBySize(wanted)) track(handle(batch, receivedAt));
  }
  function track(work: Promise<void>) {
    const tracked = work
      .catch((error: Error) => cloud.log(`[${fn.name}] a batch of ${queueArn}: ${error.message}`))
      .finally(() => {
        active.delete(tracked);
        if (concurrency >= options.cores) fullSince = undefined;
        slotFreed();
      });
    active.add(tracked);
  }

  async function handle(batch: SqsRecord[], receivedAt: number): Promise<void> {
    const result = await invoke(batch, receivedAt);
    if (!result || result.functionError) return; // they return when their visibility timeout ends
    if (!mapping.reportBatchItemFailures) return remove(batch);
    const ids = batch.map(({ messageId }) => messageId);
    const failed = failedMessages(result.payload, ids);
    if (failed.size > 0)
      cloud.log(`[${fn.name}] ${failed.size} of ${batch.length} messages failed and stay in the queue`);
    await remove(batch.filter(({ messageId }) => !failed.has(messageId)));
  }

  /** Tries again while the function is throttled and the messages are still ours. */
  async function invoke(batch: SqsRecord[], receivedAt: number) {
    const traces = [...new Set(batch.flatMap(({ attributes }) => attributes.AWSTraceHeader ?? []))];
    const deadline = receivedAt + options.visibilityTimeoutSeconds * 1000;
    for (let pause = 1000; ; pause = Math.min(pause * 2, 60_000)) {
      try {
        // Lambda itself invokes for a mapping: nobody grants it anything.
        return await ports.lambda.invoke(
          { kind: "developer" },
          mapping.functionArn,
          { Records: batch },
          { traces },
        );
      } catch (error) {
        const retryable = error instanceof AwsError && (error.status === 429 || error.status >= 500);
        if (!polling || !retryable || clock.now() + pause >= deadline) {
          complain(`${batch.length} messages of ${queueArn} return to it: ${(error as Error).message}`);
          return undefined;
        }
        await clock.sleep(pause, polling.abort.signal);
      }
    }
  }

  async function remove(records: SqsRecord[]): Promise<void> {
    const handles = records.map(({ receiptHandle }) => receiptHandle);
    for (let index = 0; index < handles.length; index += MAX_RECEIVE)
      try {
        await ports.sqs.delete(principal, queueArn, handles.slice(index, index + MAX_RECEIVE));
      } catch (error) {
        complain(
          `cannot delete from ${queueArn}, handled messages will come again: ${(error as Error).message}`,
        );
      }
  }

  const start = () => {
    const abort = new AbortController();
    polling ??= { abort, loop: poll(abort.signal) };
  };
  const pause = async () => {
    const ending = polling;
    polling = undefined;
    ending?.abort.abort();
    await ending?.loop;
    await Promise.all(active);
  };
  return {
    start,
    pause,
    resume: start,
    async stop() {
      let timer: NodeJS.Timeout | undefined;
      const grace = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, STOP_GRACE_MS);
      });
      await Promise.race([pause(), grace]);
      clearTimeout(timer);
    },
  };
}

function sizeOf(messages: SqsMessage[]): number {
  return messages.reduce((sum, { body }) => sum + body.length, 0);
}
