/** What comes by the jobs queue. */
import * as z from "zod";

const shapes = {
  /** A dead letter that comes back: the job's n-th death is forgiven. */
  death: z.strictObject({ job: z.string().max(64), death: z.int().min(1) }),
  /** Something is due. */
  wake: z.strictObject({ job: z.string().max(64) }),
  /** From Scheduler: a schedule is due. `dueAt` is its `<aws.scheduler.scheduled-time>`. */
  schedule: z.strictObject({
    schedule: z.string().max(200),
    revision: z.coerce.number().int(),
    dueAt: z.iso.datetime({ offset: true }).transform((text) => new Date(text)),
  }),
};

export type Message =
  | ({ kind: "death" } & z.output<(typeof shapes)["death"]>)
  | ({ kind: "wake" } & z.output<(typeof shapes)["wake"]>)
  | ({ kind: "schedule" } & z.output<(typeof shapes)["schedule"]>);

/** Undefined for what is none of ours. */
export function parseMessage(body: string): Message | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  const wake = shapes.wake.safeParse(value);
  if (wake.success) return { kind: "wake", ...wake.data };
  const death = shapes.death.safeParse(value);
  if (death.success) return { kind: "death", ...death.data };
  const schedule = shapes.schedule.safeParse(value);
  return schedule.success ? { kind: "schedule", ...schedule.data } : undefined;
}
