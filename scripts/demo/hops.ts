/** Where each message was when: told by the local cloud's observations, found again by the X-Ray trace they carry. */
import type { Observation } from "@frontdesk/local";

/** Milliseconds of the local clock. */
export interface Hops {
  key: string;
  accepted: number;
  stored?: number;
  queued?: number;
  taken?: number;
}

export interface HopRecorder {
  record(observation: Observation): void;
  /** By the message id that SES gave. */
  of(sesMessageId: string): Hops | undefined;
}

/** @param isConsumer Whether a function's ARN is the one that takes mail in. */
export function hopRecorder(isConsumer: (resource: string) => boolean): HopRecorder {
  const byTrace = new Map<string, Hops>();
  const byMessage = new Map<string, Hops>();
  return {
    record({ at, kind, resource, traces, detail }) {
      if (kind === "smtp.accepted") {
        const hops: Hops = byTrace.get(traces[0] ?? "") ?? { key: "", accepted: at };
        hops.accepted = at;
        hops.key = String(detail.key ?? "");
        byMessage.set(String(detail.messageId), hops);
        for (const trace of traces) byTrace.set(trace, hops);
        return;
      }
      for (const trace of traces) {
        let hops = byTrace.get(trace);
        // The object is there before SMTP has said so.
        if (!hops && kind === "s3.put") {
          hops = { key: "", accepted: at };
          byTrace.set(trace, hops);
        }
        if (!hops) continue;
        if (kind === "s3.put") hops.stored ??= at;
        else if (kind === "sqs.send") hops.queued ??= at;
        else if (kind === "lambda.start" && isConsumer(resource)) hops.taken ??= at;
      }
    },
    of: (sesMessageId) => byMessage.get(sesMessageId),
  };
}
