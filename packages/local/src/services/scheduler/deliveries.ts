/** Bringing what is due to its target, as the schedule's role: retries, and the dead-letter queue after them. */
import { randomBytes, randomUUID } from "node:crypto";
import { AwsError } from "../../cloud/errors.ts";
import type { Cloud, Ports, Principal } from "../../cloud/types.ts";
import { isPermanent } from "../failures.ts";
import { notRunHere, perform, type Request, requestOf } from "./requests.ts";
import { roleSession } from "./role.ts";
import type { Store } from "./store.ts";
import type { Invocation, Schedule } from "./types.ts";

export interface Deliveries {
  /** Goes on by itself, until the target or the dead-letter queue has it. */
  begin(invocation: Invocation): void;
  /** The schedule is gone: what is under way is given up. */
  cancel(scheduleArn: string): void;
  /** Resolves when nothing is being tried any more; what waits for another attempt is kept for the next run. */
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 5 * 60_000;
/** A dead letter is as large as any message; what is left is for its attributes. */
const LARGEST_PAYLOAD_BYTES = 262_144 - 8192;

interface Failure {
  code: string;
  message: string;
  retries: number;
  executionId: string;
  /** Absent for what no retry would have mended. */
  condition?: "MaximumRetryAttempts" | "MaximumEventAgeInSeconds";
}

/** @param settled Told when an invocation is at its end, whichever. */
export function createDeliveries(
  cloud: Cloud,
  ports: Ports,
  store: Store,
  settled: (scheduleArn: string) => void,
): Deliveries {
  const { clock, observer } = cloud;
  const running = new Set<Promise<void>>();
  const cancelled = new Map<string, AbortController>();
  const stopping = new AbortController();

  async function deliver(invocation: Invocation, signal: AbortSignal): Promise<void> {
    await clock.sleep(invocation.notBefore - clock.now(), signal);
    for (let attempt = 1; !signal.aborted; attempt++) {
      // Whatever the schedule says now: it may have been mended since.
      const schedule = store.schedules.get(invocation.scheduleArn);
      if (!schedule) return store.settle(invocation.id);
      const { target } = schedule;
      const unknown = notRunHere(target.Arn);
      if (unknown !== undefined) {
        cloud.log(`schedule ${schedule.name} was due; not run here: ${target.Arn}: ${unknown}`);
        return done(invocation);
      }
      const { MaximumEventAgeInSeconds: age, MaximumRetryAttempts: mostRetries } = target.RetryPolicy;
      const until = Math.max(invocation.since, invocation.notBefore) + age * 1000;
      const executionId = randomBytes(8).toString("hex");
      const retries = attempt - 1;
      const request = () => requestOf(target, inputOf(schedule, invocation, executionId, attempt));
      if (clock.now() > until) {
        const lateness = { code: INTERNAL, message: UNEXPECTED, retries, executionId };
        return giveUp(invocation, schedule, request, { ...lateness, condition: "MaximumEventAgeInSeconds" });
      }
      try {
        observer.record("schedule.fire", schedule.arn, undefined, {
          due: invocation.dueAt,
          target: target.Arn,
          attempt,
        });
        const role = roleSession(cloud, schedule.region, schedule.group, target.RoleArn);
        await perform(ports, role, request(), schedule.region);
        return done(invocation);
      } catch (error) {
        if (signal.aborted) return;
        const failure: Failure = { ...describe(error), retries, executionId };
        if (isPermanent(error)) return giveUp(invocation, schedule, request, failure);
        if (retries >= mostRetries)
          return giveUp(invocation, schedule, request, { ...failure, condition: "MaximumRetryAttempts" });
        const pause = Math.min(FIRST_PAUSE_MS * 2 ** retries, LONGEST_PAUSE_MS);
        if (clock.now() + pause > until)
          return giveUp(invocation, schedule, request, { ...failure, condition: "MaximumEventAgeInSeconds" });
        await clock.sleep(pause, signal);
      }
    }
  }

  function done({ id, scheduleArn }: Invocation) {
    store.settle(id);
    settled(scheduleArn);
  }

  /** https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html */
  async function giveUp(
    invocation: Invocation,
    schedule: Schedule,
    request: () => Request,
    failure: Failure,
  ): Promise<void> {
    const { target } = schedule;
    const queueArn = target.DeadLetterConfig?.Arn;
    const lost = `schedule ${schedule.name} could not reach ${target.Arn}: ${failure.message}`;
    if (queueArn === undefined) cloud.log(`${lost}; it has no dead-letter queue`);
    else {
      try {
        const role: Principal = roleSession(cloud, schedule.region, schedule.group, target.RoleArn);
        const { messageId } = await ports.sqs.send(
          role,
          queueArn,
          deadLetter(invocation, schedule, request, failure),
        );
        observer.record("sqs.deadletter", queueArn, undefined, {
          messageId,
          source: schedule.arn,
          cause: failure.message,
        });
      } catch (error) {
        cloud.log(`${lost}; nor its dead-letter queue ${queueArn}: ${(error as Error).message}`);
      }
    }
    if (!stopping.signal.aborted) done(invocation);
  }

  return {
    begin(invocation) {
      const { scheduleArn } = invocation;
      let controller = cancelled.get(scheduleArn);
      if (!controller) {
        controller = new AbortController();
        cancelled.set(scheduleArn, controller);
      }
      const signal = AbortSignal.any([stopping.signal, controller.signal]);
      const delivery = deliver(invocation, signal)
        .catch((error: Error) => cloud.log(`a schedule's delivery broke off: ${error.stack}`))
        .finally(() => running.delete(delivery));
      running.add(delivery);
    },
    cancel(scheduleArn) {
      cancelled.get(scheduleArn)?.abort();
      cancelled.delete(scheduleArn);
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };

  function deadLetter(
    invocation: Invocation,
    schedule: Schedule,
    request: () => Request,
    { code, message, retries, executionId, condition }: Failure,
  ) {
    const { body, actionArn } = payload(schedule, request);
    const whole = Buffer.byteLength(body) <= LARGEST_PAYLOAD_BYTES;
    const attributes: Record<string, string | undefined> = {
      ERROR_CODE: code,
      ERROR_MESSAGE: message.slice(0, 1024) || UNEXPECTED,
      EXECUTION_ID: executionId,
      EXHAUSTED_RETRY_CONDITION: condition,
      IS_PAYLOAD_TRUNCATED: String(!whole),
      RETRY_ATTEMPTS: String(retries),
      SCHEDULED_TIME: seconds(invocation.dueAt),
      SCHEDULE_ARN: schedule.arn,
      TARGET_ARN: actionArn,
    };
    return {
      body: whole
        ? body
        : Buffer.from(body)
            .subarray(0, LARGEST_PAYLOAD_BYTES)
            .toString()
            .replace(/\ufffd$/, ""),
      messageAttributes: Object.fromEntries(
        Object.entries(attributes).flatMap(([name, stringValue]) =>
          stringValue === undefined ? [] : [[name, { dataType: "String", stringValue }]],
        ),
      ),
    };
  }

  function inputOf(schedule: Schedule, invocation: Invocation, executionId: string, attempt: number): string {
    const time = seconds(invocation.dueAt);
    const { Input: input } = schedule.target;
    if (input === undefined)
      return JSON.stringify({
        version: "0",
        id: randomUUID(),
        "detail-type": "Scheduled Event",
        source: "aws.scheduler",
        account: cloud.plan.accountId,
        time,
        region: schedule.region,
        resources: [schedule.arn],
        detail: "{}",
      });
    // https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    return input
      .replaceAll("<aws.scheduler.schedule-arn>", schedule.arn)
      .replaceAll("<aws.scheduler.scheduled-time>", time)
      .replaceAll("<aws.scheduler.execution-id>", executionId)
      .replaceAll("<aws.scheduler.attempt-number>", String(attempt));
  }
}

const INTERNAL = "AWS.Scheduler.InternalServerError";
const UNEXPECTED = "Unexpected error occurred while processing the request";

/** What the target would have been asked, or its input where that makes no request. */
function payload({ target }: Schedule, request: () => Request): { body: string; actionArn: string } {
  try {
    const { parameters, actionArn } = request();
    return { body: JSON.stringify(parameters), actionArn };
  } catch {
    return { body: target.Input ?? "{}", actionArn: target.Arn };
  }
}

function describe(error: unknown): { code: string; message: string } {
  return error instanceof AwsError
    ? { code: error.code, message: error.message }
    : { code: INTERNAL, message: UNEXPECTED };
}

/** `2022-03-22T18:59:43Z` */
function seconds(at: number): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, "Z");
}
