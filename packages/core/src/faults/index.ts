/**
 * Named points at which a test may stop, delay or kill the process. Without a test they cost one map look-up.
 * A point is named `<domain>.<command>.<moment>`, e.g. `mail.ingest.after-commit`.
 */
export type Point =
  | "deletions.deleted"
  | "deletions.taken"
  | "mail.ingest.claimed"
  | "mail.ingest.read"
  | "mail.ingest.attachments"
  | "mail.ingest.in-transaction"
  | "mail.ingest.after-commit"
  | "jobs.claimed"
  | "jobs.finished"
  | "media.process.begun"
  | "media.process.read"
  | "media.process.claimed"
  | "media.process.planned"
  | "media.process.written"
  | "media.process.finished"
  | "outbox.delivered"
  | "queues.delete.committed"
  | "queues.look.taken"
  | "queues.redrive.committed"
  | "realtime.pushed";

type Effect = () => void | Promise<void>;

const armed = new Map<Point, Effect>();

/** Called by the code under test. */
export async function fault(point: Point): Promise<void> {
  if (armed.size === 0) return;
  await armed.get(point)?.();
}

/** Arms a point; the returned function disarms it. */
export function arm(point: Point, effect: Effect): () => void {
  armed.set(point, effect);
  return () => armed.delete(point);
}
