import type { HopRecorder } from "./hops.ts";
import type { Received, StoredMessage } from "./inbox.ts";
import type { JobFigures } from "./jobs.ts";
import type { MediaFigures } from "./pictures.ts";
import type { Sent } from "./send.ts";

/** What `--once` prints as its last line. Each figure is counted on its own. */
export interface Summary {
  /** SMTP 250 answers. */
  delivered: number;
  /** Messages read back through the API. */
  stored: number;
  threads: number;
  attachments: number;
  /** Events that the socket received: one a message and mailbox. */
  pushed: number;
  /** Calls that IAM refused. */
  denied: number;
  /** Messages in dead-letter queues. */
  deadLettered: number;
  jobs: JobFigures;
  media: MediaFigures;
  /** From the object's arrival in the bucket to the socket. */
  latencyMs: { p50: number; p99: number };
}

export function summary(run: {
  delivered: Sent[];
  hops: HopRecorder;
  traceOf: (key: string) => string;
  events: Received[];
  stored: { threads: number; messages: StoredMessage[] };
  denied: number;
  deadLettered: number;
  jobs: JobFigures;
  media: MediaFigures;
}): Summary {
  const latencies = run.delivered.flatMap((message) => {
    const times = run.hops.of(message.sesMessageId);
    const event = times && run.events.find(({ data }) => data.trace === run.traceOf(times.key));
    return times && event ? [event.at - (times.stored ?? times.accepted)] : [];
  });
  return {
    delivered: run.delivered.length,
    stored: run.stored.messages.length,
    threads: run.stored.threads,
    attachments: run.stored.messages.reduce((sum, message) => sum + message.attachments.length, 0),
    pushed: run.events.filter(({ type }) => type === "mail.received").length,
    denied: run.denied,
    deadLettered: run.deadLettered,
    jobs: run.jobs,
    media: run.media,
    latencyMs: { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) },
  };
}

function percentile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * q) - 1)] ?? 0);
}

/** One line a message: what became of it, and the milliseconds of each hop. */
export function printMessages(
  say: (line: string) => void,
  sent: Sent[],
  hops: HopRecorder,
  traceOf: (key: string) => string,
  events: Received[],
  stored: StoredMessage[],
): void {
  const byTrace = new Map(stored.map((message) => [message.trace, message]));
  say(
    `\n${"message".padEnd(42)} ${"to S3".padStart(7)} ${"queue".padStart(7)} ${"function".padStart(9)} ${"socket".padStart(8)}  subject`,
  );
  for (const message of sent) {
    const times = hops.of(message.sesMessageId);
    if (!times) {
      say(`${message.label.padEnd(42)} no trace of it`);
      continue;
    }
    const trace = traceOf(times.key);
    const pushedAt = events.find(({ data }) => data.trace === trace)?.at;
    const row = byTrace.get(trace);
    const ms = (from: number | undefined, to: number | undefined, width: number) =>
      (from === undefined || to === undefined ? "-" : `${Math.max(0, Math.round(to - from))}`).padStart(
        width,
      );
    const files = row && row.attachments.length > 0 ? `  [${row.attachments.length} attached]` : "";
    say(
      `${message.label.slice(0, 42).padEnd(42)} ${ms(message.sentAt, times.stored, 7)} ${ms(times.stored, times.queued, 7)} ${ms(times.queued, times.taken, 9)} ${ms(times.taken, pushedAt, 8)}  ${row ? row.subject.slice(0, 60) + files : "NOT STORED"}`,
    );
  }
  say(
    "milliseconds of each hop: sender to S3, S3 to the queue, queue to the function, function to the socket",
  );
}
