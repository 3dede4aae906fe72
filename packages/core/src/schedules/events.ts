import { publish } from "../realtime/index.ts";

/** Tells whoever watches the queues. Called last in a transaction. */
export async function tell(
  type: "schedule.changed" | "schedule.removed" | "schedule.fired" | "schedule.skipped" | "schedule.synced",
  schedules: readonly Record<string, unknown>[],
): Promise<void> {
  await publish(schedules.map((data) => ({ topic: "queues", type, data })));
}
