/** When schedules are due. */
import { createHash, randomBytes } from "node:crypto";
import type { Cloud } from "../../cloud/types.ts";
import { findZone, utc } from "../../rules/zone.ts";
import type { Deliveries } from "./deliveries.ts";
import { type Expression, parseExpression } from "./expression.ts";
import type { Store } from "./store.ts";
import type { Schedule } from "./types.ts";

export interface Runner {
  /** Goes on where the last run ended. */
  resume(): void;
  /** To be called when a schedule is new or another. */
  arm(schedule: Schedule): void;
  /** To be called when a schedule is gone. */
  disarm(scheduleArn: string): void;
  /** To be called when an invocation has ended: removes what has run for the last time and is to go then. */
  settled(scheduleArn: string): void;
  stop(): void;
}

/** A clock that is moved on by days makes up for no more than this at once. */
const MAX_CATCH_UP = 100;

export function createRunner(cloud: Cloud, store: Store, deliveries: () => Deliveries): Runner {
  const { clock } = cloud;
  const timers = new Map<string, () => void>();

  function nextDue(schedule: Schedule): number | undefined {
    if (schedule.state === "DISABLED") return undefined;
    const expression = expressionOf(schedule);
    // One-time schedules have neither start nor end.
    if (expression.once) return expression.next(schedule.cursor, 0);
    const after = Math.max(schedule.cursor, (schedule.startAt ?? Number.NEGATIVE_INFINITY) - 1);
    const due = expression.next(after, schedule.anchor);
    return due !== undefined && due <= (schedule.endAt ?? Number.POSITIVE_INFINITY) ? due : undefined;
  }

  function arm(schedule: Schedule) {
    disarm(schedule.arn);
    const due = nextDue(schedule);
    if (due === undefined) return;
    timers.set(
      schedule.arn,
      clock.after(due - clock.now(), () => run(schedule.arn)),
    );
  }
  function disarm(arn: string) {
    timers.get(arn)?.();
    timers.delete(arn);
  }

  function run(arn: string) {
    const schedule = store.schedules.get(arn);
    if (!schedule) return;
    const now = clock.now();
    for (let count = 0; ; count++) {
      const due = nextDue(schedule);
      if (due === undefined || due > now) break;
      if (count === MAX_CATCH_UP) {
        cloud.log(
          `schedule ${schedule.name} was due more than ${MAX_CATCH_UP} times at once: the others are left out`,
        );
        store.put({ ...schedule, cursor: now });
        break;
      }
      take(schedule, due, now);
    }
    const current = store.schedules.get(arn);
    if (current) arm(current);
  }

  function take(schedule: Schedule, due: number, since: number) {
    const invocation = {
      id: randomBytes(8).toString("hex"),
      scheduleArn: schedule.arn,
      dueAt: due,
      notBefore: due + delayOf(schedule, due),
      since,
    };
    store.due(invocation);
    deliveries().begin(invocation);
  }

  return {
    resume() {
      const now = clock.now();
      for (const invocation of store.invocations.values()) deliveries().begin(invocation);
      for (const schedule of [...store.schedules.values()]) {
        if (expressionOf(schedule).once) {
          const due = nextDue(schedule);
          // It counts as tried since it was due: late within its event age, given up after that.
          if (due !== undefined && due <= now) take(schedule, due, due);
        } else schedule.cursor = now; // What nobody was there to do is left out, and the clock may have been ahead.
        arm(schedule);
      }
    },
    arm,
    disarm,
    settled(arn) {
      const schedule = store.schedules.get(arn);
      if (schedule?.afterCompletion !== "DELETE" || schedule.state === "DISABLED") return;
      if (nextDue(schedule) !== undefined) return;
      for (const { scheduleArn } of store.invocations.values()) if (scheduleArn === arn) return;
      disarm(arn);
      store.remove(arn);
      deliveries().cancel(arn);
    },
    stop() {
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}

export function expressionOf({ expression, zone }: Pick<Schedule, "expression" | "zone">): Expression {
  return parseExpression(expression, findZone(zone) ?? utc);
}

/** Somewhere in the flexible window: for one due time always the same. */
function delayOf({ arn, windowMinutes }: Schedule, due: number): number {
  if (windowMinutes === undefined) return 0;
  const digest = createHash("sha256").update(`${arn} ${due}`).digest();
  return digest.readUInt32BE(0) % (windowMinutes * 60_000);
}
