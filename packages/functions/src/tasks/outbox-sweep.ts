import * as jobs from "@frontdesk/core/jobs";
import * as log from "@frontdesk/core/log";
import { recover } from "@frontdesk/core/mail";
import * as outbox from "@frontdesk/core/outbox";
import * as realtime from "@frontdesk/core/realtime";
import * as schedules from "@frontdesk/core/schedules";
import type { ScheduledHandler } from "aws-lambda";
import { asSystem } from "../system.ts";

/** Each minute: delivers what the outbox still holds, pushes what sockets are owed, queues jobs that are due, catches up with schedules, and asks for forgotten mail. */
export const handler: ScheduledHandler = (_event, context) =>
  asSystem("outbox-sweep", context, async () => {
    const results = await Promise.allSettled([
      outbox.sweep(),
      realtime.sweep(),
      jobs.sweep(),
      schedules.sweep(),
      recover(),
    ]);
    const failed = results.filter((result) => result.status === "rejected");
    // One that fails must not keep the others from their work; it is told all the same.
    for (const { reason } of failed) log.error("a sweep failed", { error: reason });
    if (failed[0]) throw failed[0].reason;
  });
