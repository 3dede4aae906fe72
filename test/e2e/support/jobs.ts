/** Jobs of a system, asked for by the API and looked at in the database. */
import type { SignedIn, System } from "./system.ts";

export interface Asked {
  status: number;
  /** Of an accepted one. */
  id: string;
  /** Of a refused one. */
  retryAfter: string | null;
}

/** `POST /jobs` of type `probe`. */
export async function askForProbe(user: SignedIn, payload: object): Promise<Asked> {
  const response = await user.fetch("/jobs", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ type: "probe", payload }),
  });
  const { id = "" } = (await response.json()) as { id?: string };
  return { status: response.status, id, retryAfter: response.headers.get("retry-after") };
}

/** A minute later, and its sweep has been. */
export async function aMinuteLater(system: System): Promise<void> {
  system.app.cloud.clock.advance(61_000);
  const { functionError, payload } = await system.invoke("OutboxSweep");
  if (functionError) throw new Error(`the sweep failed: ${payload}`);
}

/** Lets minutes come until no job of a type is open any more. @returns How many minutes it took. */
export async function untilAllEnded(system: System, type: string, mostMinutes = 10): Promise<number> {
  for (let minutes = 0; minutes <= mostMinutes; minutes++) {
    const ended = await endedSoon(system, type);
    if (ended) return minutes;
    await aMinuteLater(system);
  }
  const open = await system.sql(
    `select id, state, attempts, error from frontdesk.jobs
      where type = $1 and state not in ('done', 'cancelled', 'dead') limit 5`,
    [type],
  );
  throw new Error(
    `jobs do not end: ${JSON.stringify(open)}; the system said last\n${system.log.slice(-30).join("\n")}`,
  );
}

/** Whether they end without a moved clock; what waits for a message or a sweep does not. */
async function endedSoon(system: System, type: string): Promise<boolean> {
  for (const until = performance.now() + 5_000; performance.now() < until; ) {
    const open = await system.sql(
      "select 1 from frontdesk.jobs where type = $1 and state not in ('done', 'cancelled', 'dead') limit 1",
      [type],
    );
    if (open.length === 0) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}
