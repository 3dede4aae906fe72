/**
 * Delivers what changes of objects leave to be told. Notices are kept in the bucket's journal with the change itself
 * and until their target has them: at least once, also when the process is killed in between.
 */
import type { Cloud, Ports, Principal } from "../../cloud/types.ts";
import type { BucketSpec } from "../../plan/types.ts";
import { isPermanent } from "../failures.ts";
import { composeTests, type Notice } from "./events.ts";
import type { ObjectStore } from "./objects.ts";

interface NotifyingBucket {
  spec: BucketSpec;
  store: ObjectStore;
}
export interface Notifier {
  deliver(bucket: NotifyingBucket, notices: Notice[]): void;
  /** Delivers what an earlier run left, and tests new targets. */
  start(buckets: Iterable<NotifyingBucket>): void;
  stop(): Promise<void>;
}

const LONGEST_WAIT_MS = 60_000;
const GIVE_UP_MS = 24 * 3600 * 1000;
const STATE = "s3/announced";

export function createNotifier(cloud: Cloud, ports: Ports): Notifier {
  const running = new Set<Promise<void>>();
  const stopping = new AbortController();

  async function tell(bucket: NotifyingBucket, notice: Notice): Promise<void> {
    for (let failures = 0; ; failures++) {
      if (stopping.signal.aborted) return;
      try {
        await send(bucket.spec, notice);
        break;
      } catch (error) {
        if (isPermanent(error) || cloud.clock.now() - notice.at >= GIVE_UP_MS) {
          cloud.log(`${bucket.spec.name} could not notify ${notice.target}: ${(error as Error).message}`);
          break;
        }
        await cloud.clock.sleep(Math.min(1000 * 2 ** failures, LONGEST_WAIT_MS), stopping.signal);
      }
    }
    // Even at the stop: what was sent must not be sent again.
    bucket.store.told(notice.id);
  }

  async function send(bucket: BucketSpec, { kind, target, payload, trace }: Notice): Promise<void> {
    const principal: Principal = {
      kind: "service",
      service: "s3.amazonaws.com",
      sourceArn: bucket.arn,
      sourceAccount: cloud.plan.accountId,
    };
    if (kind === "topic")
      await ports.sns.publish(principal, target, {
        message: payload,
        subject: "Amazon S3 Notification",
        trace,
      });
    else if (kind === "queue") await ports.sqs.send(principal, target, { body: payload, trace });
    else {
      const traces = trace === undefined ? [] : [trace];
      await ports.lambda.invokeAsync(principal, target, JSON.parse(payload), { traces });
    }
  }

  const notifier: Notifier = {
    deliver(bucket, notices) {
      if (stopping.signal.aborted) return;
      for (const notice of notices) {
        const run = tell(bucket, notice)
          .catch((error: Error) => cloud.log(`S3: a notification broke off: ${error.stack}`))
          .finally(() => running.delete(run));
        running.add(run);
      }
    },
    start(buckets) {
      const known = cloud.state.read<Record<string, Record<string, string>>>(STATE, {});
      const announced: typeof known = {};
      for (const bucket of buckets) {
        const { name } = bucket.spec;
        const { notices, fingerprints } = composeTests(bucket.spec, known[name] ?? {}, cloud.clock.now());
        announced[name] = fingerprints;
        bucket.store.keep(notices);
        notifier.deliver(bucket, bucket.store.notices());
      }
      cloud.state.write(STATE, announced);
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
  return notifier;
}
