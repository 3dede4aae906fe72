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

/**
 * A dead letter of Scheduler's own that comes back: the request that it could not make, with what would have come by it
 * (https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html).
 */
const request = z.object({ QueueUrl: z.string(), MessageBody: z.string() });

/** Undefined for what is none of ours. */
export function parseMessage(body: string): Message | undefined {
  const outer = parseJson(body);
  const inner = request.safeParse(outer);
  const value = inner.success ? parseJson(inner.data.MessageBody) : outer;
  const wake = shapes.wake.safeParse(value);
  if (wake.success) return { kind: "wake", ...wake.data };
  const death = shapes.death.safeParse(value);
  if (death.success) return { kind: "death", ...death.data };
  const schedule = shapes.schedule.safeParse(value);
  return schedule.success ? { kind: "schedule", ...schedule.data } : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
