/** What people say of a schedule, checked so that Scheduler has nothing left to refuse. */
import * as z from "zod";
import { VisibleError } from "../error/index.ts";
import * as timing from "./timing/index.ts";
import { localMoment } from "./timing/local.ts";

/** Scheduler's own limits (https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html). */
export const Name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[0-9a-zA-Z._-]+$/, "takes letters, digits, dot, hyphen and underscore");

export const overlaps = ["skip", "queue", "allow"] as const;
export const catchUps = ["none", "latest", "all"] as const;

/** With an offset or Z; without either it is read in the schedule's zone. */
const Moment = z
  .string()
  .max(40)
  .regex(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?$/,
    "is no time of ISO 8601: write it as in 2026-11-26T09:00:00Z, or without the Z for the schedule's own zone",
  );

export const Definition = z.strictObject({
  /** A job type of the registry, which also says what the payload is. */
  type: z.string().min(1).max(100),
  payload: z.unknown().optional(),
  description: z.string().max(500).default(""),
  /** One of the three. */
  at: Moment.optional(),
  every: z.string().max(50).optional(),
  cron: z.string().max(200).optional(),
  zone: timing.Zone.default("UTC"),
  start: Moment.optional(),
  end: Moment.optional(),
  /** When a run is due and the one before is not done. */
  overlap: z.enum(overlaps).default("skip"),
  /** Due times that Scheduler missed. */
  catchUp: z.enum(catchUps).default("latest"),
  /** How many at most with `all`, the latest ones. */
  catchUpLimit: z.int().min(1).max(100).default(10),
  /** Absent: the job type's own. */
  priority: z.int().min(-100).max(100).optional(),
  paused: z.boolean().default(false),
});
export type Definition = z.output<typeof Definition>;

/** The columns of a row that say when it is due. */
export interface When {
  kind: "at" | "every" | "cron";
  expression: string;
  zone: string;
  anchor: Date | null;
  startAt: Date | null;
  endAt: Date | null;
}

const kinds = ["at", "every", "cron"] as const;

/**
 * @param anchor Of a rate without a start that goes on as it did: where it began.
 * @throws VisibleError `validation` for what Scheduler would refuse.
 */
export function whenOf(definition: Definition, now: number, anchor?: Date | null): When {
  const given = kinds.filter((kind) => definition[kind] !== undefined);
  const [kind] = given;
  if (!kind || given.length > 1) throw wrong("at", "Say when it runs by one of at, every and cron.");
  const { zone } = definition;
  const moment = (path: "at" | "start" | "end") => {
    const text = definition[path];
    return text === undefined ? null : new Date(localMoment(text, zone, path));
  };
  if (kind === "at" && (definition.start !== undefined || definition.end !== undefined))
    throw wrong("at", "A schedule that runs once has no start and no end.");
  const at = moment("at");
  const startAt = moment("start");
  // Rates count whole minutes, which is Scheduler's precision.
  const begin = kind === "every" ? (startAt ?? anchor ?? new Date(now)) : null;
  const when: When = {
    kind,
    expression: at ? at.toISOString() : (definition[kind] ?? "").trim(),
    zone,
    anchor: begin && new Date(Math.ceil(begin.getTime() / 60_000) * 60_000),
    startAt,
    endAt: moment("end"),
  };
  if (when.startAt && when.endAt && when.endAt <= when.startAt)
    throw wrong("end", "The end comes after the start.");
  timingOf(when);
  return when;
}

/** @returns The next due time. @throws VisibleError `validation` for what never runs, or not any more. */
export function nextOf(when: When, now: number): Date {
  const next = timingOf(when).next(now);
  if (next === undefined)
    throw wrong(
      when.kind,
      when.kind === "at"
        ? "This time has passed: choose one that is still to come."
        : `It never runs${when.endAt ? " before its end" : ": there is no such day any more"}.`,
    );
  return new Date(next);
}

/** When a row is due. */
export function timingOf({ kind, expression, zone, anchor, startAt, endAt }: When): timing.Timing {
  const bounds = { start: startAt?.getTime(), end: endAt?.getTime() };
  switch (kind) {
    case "at":
      return timing.once(Date.parse(expression));
    case "every":
      return timing.rate(expression, anchor?.getTime() ?? 0, bounds);
    case "cron":
      return timing.cron(expression, zone, bounds);
  }
}

function wrong(path: string, message: string): VisibleError {
  return new VisibleError("validation", "invalid_schedule", message, { issues: [{ path, message }] });
}
