/** The jobs queue's records: each wakes a worker, which does what the database says is next. */
import { config } from "../config/index.ts";
import { describe, VisibleError } from "../error/index.ts";
import { type Received, refuse } from "../failures/index.ts";
import * as log from "../log/index.ts";
import { retryDeath } from "./commands.ts";
import { type Message, parseMessage } from "./messages.ts";
import { sendWake, showAgainIn } from "./visibility.ts";
import { type WorkOptions, work } from "./work.ts";

/** A record as the queue's consumer gets it. */
export interface Delivery extends Received {
  body: string;
}

export interface ConsumeOptions extends Pick<WorkOptions, "remainingMs" | "parallel"> {
  /** What fires schedules; given by the domain of schedules. */
  fire?(due: { name: string; revision: number; dueAt: Date }[]): Promise<unknown>;
}

/** Longer than a lease, so that the leases of a killed worker have run out when its message comes again. */
const visibleAgainSeconds = 45;
/** Short enough for an outage of seconds, and longer each time. */
const waitsSeconds = [20, 60, 180] as const;

/**
 * Works until nothing is due or the time is nearly over. May be repeated, and run beside itself.
 * @returns Identifiers of records to be delivered again. Why is in the table of failures.
 * @throws VisibleError `unavailable` when the database is away.
 */
export async function consume(
  deliveries: readonly Delivery[],
  options: ConsumeOptions,
): Promise<{ failed: string[] }> {
  try {
    return await take(deliveries, options);
  } catch (error) {
    if (error instanceof VisibleError && error.kind === "unavailable") await comeBackSoon(deliveries);
    throw error;
  }
}

async function take(
  deliveries: readonly Delivery[],
  { fire, ...options }: ConsumeOptions,
): Promise<{ failed: string[] }> {
  const known = deliveries.map((delivery) => ({ delivery, message: parseMessage(delivery.body) }));
  const strange = known.filter(({ message }) => !isUseful(message, fire)).map(({ delivery }) => delivery);
  const refused = await refuse(config("JobsQueue"), strange, {
    code: "message_malformed",
    cause: "the body is neither a wake, nor a dead letter's, nor a schedule's",
  });
  const good = known.filter(({ delivery }) => !strange.includes(delivery));
  const due = good.flatMap(({ message }) =>
    message?.kind === "schedule"
      ? [{ name: message.schedule, revision: message.revision, dueAt: message.dueAt }]
      : [],
  );
  if (due.length > 0) await fire?.(due);
  for (const { message } of good) if (message?.kind === "death") await retryDeath(message.job, message.death);

  const held = good.map(({ delivery }) => delivery);
  const hold = () => showAgainIn(visibleAgainSeconds, held);
  const { left } = await work({
    ...options,
    onPulse: hold,
    onFirstClaim: async (claimed) => {
      // Not before the database has answered: while it is away, the messages keep the queue's long timeout.
      void hold();
      // There is more than one worker can take: another one comes, and it calls the next.
      if (claimed >= (options.parallel ?? 10)) await sendWake().catch(tell);
    },
  });
  if (left) await sendWake().catch(tell);
  return { failed: refused };
}

function isUseful(message: Message | undefined, fire: ConsumeOptions["fire"]): boolean {
  return message !== undefined && (message.kind !== "schedule" || fire !== undefined);
}

/** The sweep wakes somebody within a minute. */
function tell(error: unknown): void {
  log.warn("no other worker could be woken", { error: describe(error) });
}

/** The database is away. A wake that were received five times would end among the dead letters. */
async function comeBackSoon(deliveries: readonly Delivery[]): Promise<void> {
  for (const [index, seconds] of waitsSeconds.entries())
    await showAgainIn(
      seconds,
      deliveries.filter(({ attempt }) => attempt === index + 1),
    );
}
