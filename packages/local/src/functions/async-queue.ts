/**
 * Asynchronous invocations (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html):
 * accepted events wait in a journal, run at least once, are tried again after one and two minutes when the function
 * fails, and with growing pauses when it is throttled, until they are too old.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Cloud, InvokeResult, Ports } from "../cloud/types.ts";
import type { FunctionSpec } from "../plan/types.ts";
import { type Condition, sendToFailureTargets } from "./destinations.ts";
import { type Journal, openJournal, type StoredEvent } from "./journal.ts";

const MINUTE = 60_000;
const DEFAULT_MAX_AGE_SECONDS = 6 * 3600;

export interface AsyncQueue {
  /** Resolves when the event is kept. @param payload JSON text. */
  accept(fn: FunctionSpec, payload: string, traces: string[]): void;
  /** Takes up what an earlier run left. */
  start(): void;
  stop(): Promise<void>;
}

export function createAsyncQueue(
  cloud: Cloud,
  ports: Ports,
  options: {
    functions: Map<string, FunctionSpec>;
    /** Events of one function that run at the same time. */
    parallel: number;
    run(fn: FunctionSpec, event: StoredEvent): Promise<InvokeResult>;
  },
): AsyncQueue {
  const { clock } = cloud;
  let journal: Journal | undefined;
  let stopped = false;
  const timers = new Map<string, () => void>();
  /** By function: events that may run now, and how many do. */
  const lanes = new Map<string, { ready: StoredEvent[]; running: number }>();
  const active = new Set<Promise<void>>();

  const laneOf = (arn: string) => {
    let lane = lanes.get(arn);
    if (!lane) {
      lane = { ready: [], running: 0 };
      lanes.set(arn, lane);
    }
    return lane;
  };

  function schedule(fn: FunctionSpec, event: StoredEvent) {
    const wait = event.nextAt - clock.now();
    if (wait > 0)
      timers.set(
        event.id,
        clock.after(wait, () => {
          timers.delete(event.id);
          enqueue(fn, event);
        }),
      );
    else enqueue(fn, event);
  }
  function enqueue(fn: FunctionSpec, event: StoredEvent) {
    laneOf(fn.arn).ready.push(event);
    drain(fn);
  }
  function drain(fn: FunctionSpec) {
    const lane = laneOf(fn.arn);
    while (!stopped && lane.running < options.parallel) {
      const event = lane.ready.shift();
      if (!event) return;
      lane.running += 1;
      const running = attempt(fn, event)
        .catch((error: Error) => cloud.log(`[${fn.name}] asynchronous event ${event.id}: ${error.message}`))
        .finally(() => {
          active.delete(running);
          lane.running -= 1;
          drain(fn);
        });
      active.add(running);
    }
  }

  async function attempt(fn: FunctionSpec, event: StoredEvent): Promise<void> {
    const maxAge = (fn.maximumEventAgeSeconds ?? DEFAULT_MAX_AGE_SECONDS) * 1000;
    const tooOldAt = event.acceptedAt + maxAge;
    if (clock.now() > tooOldAt) return giveUp(fn, event, "EventAgeExceeded");
    let result: InvokeResult;
    try {
      result = await options.run(fn, event);
    } catch {
      if (stopped) return; // it is in the journal, and runs at the next start
      // Throttled: from one second to five minutes between attempts.
      const pause = Math.min(1000 * 2 ** event.throttles, 5 * MINUTE);
      return later(fn, { ...event, throttles: event.throttles + 1, nextAt: clock.now() + pause }, tooOldAt);
    }
    if (!result.functionError) return journal?.end(event.id);
    const failed = { ...event, failures: event.failures + 1 };
    if (failed.failures > fn.asyncRetries) return giveUp(fn, failed, "RetriesExhausted", result);
    return later(fn, { ...failed, nextAt: clock.now() + failed.failures * MINUTE }, tooOldAt, result);
  }

  async function later(fn: FunctionSpec, event: StoredEvent, tooOldAt: number, result?: InvokeResult) {
    if (event.nextAt > tooOldAt) return giveUp(fn, event, "EventAgeExceeded", result);
    journal?.put(event);
    if (!stopped) schedule(fn, event);
  }
  async function giveUp(fn: FunctionSpec, event: StoredEvent, condition: Condition, result?: InvokeResult) {
    await sendToFailureTargets(cloud, ports, fn, { event, condition, result });
    journal?.end(event.id);
  }

  return {
    accept(fn, payload, traces) {
      const now = clock.now();
      const event: StoredEvent = {
        id: randomUUID(),
        functionArn: fn.arn,
        payload,
        traces,
        acceptedAt: now,
        failures: 0,
        throttles: 0,
        nextAt: now,
      };
      if (!journal) throw new Error("asynchronous invocations are accepted after the start only");
      journal.put(event);
      schedule(fn, event);
    },
    start() {
      const opened = openJournal(join(cloud.state.folder("functions"), "async.journal"));
      journal = opened.journal;
      for (const event of opened.events) {
        const fn = options.functions.get(event.functionArn);
        if (fn) schedule(fn, event);
        else {
          cloud.log(
            `the asynchronous event ${event.id} is dropped: the app has no function ${event.functionArn} any more`,
          );
          journal.end(event.id);
        }
      }
    },
    async stop() {
      stopped = true;
      for (const cancel of timers.values()) cancel();
      timers.clear();
      await Promise.all(active);
      journal?.close();
      journal = undefined;
    },
  };
}
