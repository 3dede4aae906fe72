/** Tells topics, queues and functions what happened in a bucket: at least once, also when the process is killed between. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { type Journal, openJournal } from "../../cloud/journal.ts";
import type { Cloud, Ports, Principal } from "../../cloud/types.ts";
import type { BucketNotificationTarget, BucketSpec } from "../../plan/types.ts";
import type { StoredObject } from "./objects.ts";

export interface ObjectEvent {
  /** e.g. `ObjectCreated:Put` */
  name: string;
  bucket: BucketSpec;
  object: Pick<StoredObject, "key" | "size" | "etag" | "versionId">;
  /** Display of who did it. */
  principalId: string;
  trace?: string | undefined;
}
interface Pending {
  id: string;
  bucket: string;
  target: BucketNotificationTarget;
  payload: string;
  trace?: string | undefined;
}

const RETRY_MS = [1_000, 5_000, 30_000, 60_000];

export interface Notifier {
  notify(event: ObjectEvent): void;
  start(): void;
  stop(): Promise<void>;
}

export function createNotifier(cloud: Cloud, ports: Ports): Notifier {
  const pending = new Map<string, Pending>();
  const journal: Journal = openJournal(join(cloud.state.folder("s3"), "notifications.jsonl"), {
    replay(line) {
      const { add, done } = line as { add?: Pending; done?: string };
      if (add) pending.set(add.id, add);
      else if (done) pending.delete(done);
    },
    *snapshot() {
      for (const add of pending.values()) yield { add };
    },
    live: () => pending.size,
  });
  const running = new Set<Promise<void>>();
  const timers = new Set<() => void>();
  let stopped = false;
  let sequence = 0;

  function enqueue(notice: Pending) {
    pending.set(notice.id, notice);
    journal.append({ add: notice });
    deliver(notice, 0);
  }

  function deliver(notice: Pending, attempt: number) {
    if (stopped) return;
    const run = send(notice).then(
      () => {
        pending.delete(notice.id);
        if (!stopped) journal.append({ done: notice.id });
      },
      (error: Error) => {
        const wait = RETRY_MS[attempt];
        if (wait === undefined || stopped) {
          if (stopped) return;
          cloud.log(`${notice.bucket} could not notify ${notice.target.arn}: ${error.message}`);
          pending.delete(notice.id);
          journal.append({ done: notice.id });
          return;
        }
        const cancel = cloud.clock.after(wait, () => {
          timers.delete(cancel);
          deliver(notice, attempt + 1);
        });
        timers.add(cancel);
      },
    );
    running.add(run);
    void run.finally(() => running.delete(run));
  }

  async function send({ bucket, target, payload, trace }: Pending): Promise<void> {
    const principal: Principal = {
      kind: "service",
      service: "s3.amazonaws.com",
      sourceArn: `arn:aws:s3:::${bucket}`,
      sourceAccount: cloud.plan.accountId,
    };
    if (target.kind === "topic")
      await ports.sns.publish(principal, target.arn, {
        message: payload,
        subject: "Amazon S3 Notification",
        trace,
      });
    else if (target.kind === "queue") await ports.sqs.send(principal, target.arn, { body: payload, trace });
    else
      await ports.lambda.invokeAsync(
        principal,
        target.arn,
        JSON.parse(payload),
        trace ? { traces: [trace] } : {},
      );
  }

  /** S3 tests the target whenever a configuration is made. */
  function announce() {
    const known = cloud.state.read<Record<string, string>>("s3/announced", {});
    const now: Record<string, string> = {};
    for (const bucket of cloud.plan.buckets)
      for (const target of bucket.notifications) {
        const id = `${bucket.name}/${target.id}/${target.arn}`;
        now[id] = createHash("sha256").update(JSON.stringify(target)).digest("hex");
        if (known[id] === now[id] || target.kind === "function") continue;
        enqueue({
          id: randomUUID(),
          bucket: bucket.name,
          target,
          payload: JSON.stringify({
            Service: "Amazon S3",
            Event: "s3:TestEvent",
            Time: new Date(cloud.clock.now()).toISOString(),
            Bucket: bucket.name,
            RequestId: requestId(),
            HostId: "local",
          }),
        });
      }
    cloud.state.write("s3/announced", now);
  }

  return {
    notify(event) {
      const { bucket, object } = event;
      for (const target of bucket.notifications) {
        if (!wants(target, event.name, object.key)) continue;
        sequence += 1;
        const record = {
          eventVersion: "2.1",
          eventSource: "aws:s3",
          awsRegion: bucket.region,
          eventTime: new Date(cloud.clock.now()).toISOString(),
          eventName: event.name,
          userIdentity: { principalId: event.principalId },
          requestParameters: { sourceIPAddress: "127.0.0.1" },
          responseElements: { "x-amz-request-id": requestId(), "x-amz-id-2": "local" },
          s3: {
            s3SchemaVersion: "1.0",
            configurationId: target.id,
            bucket: { name: bucket.name, ownerIdentity: { principalId: "LOCAL" }, arn: bucket.arn },
            object: {
              key: encodeKey(object.key),
              ...(event.name.startsWith("ObjectCreated") && {
                size: object.size,
                eTag: object.etag.replaceAll('"', ""),
              }),
              ...(object.versionId !== "null" && { versionId: object.versionId }),
              sequencer: (BigInt(Math.round(cloud.clock.now())) * 1_000_000n + BigInt(sequence % 1_000_000))
                .toString(16)
                .toUpperCase()
                .padStart(18, "0"),
            },
          },
        };
        enqueue({
          id: randomUUID(),
          bucket: bucket.name,
          target,
          payload: JSON.stringify({ Records: [record] }),
          trace: event.trace,
        });
      }
    },
    start() {
      for (const notice of [...pending.values()]) deliver(notice, 0);
      announce();
    },
    async stop() {
      stopped = true;
      for (const cancel of timers) cancel();
      await Promise.allSettled(running);
      journal.close();
    },
  };
}

/** Form encoding: a space is `+`, as S3 writes keys into notifications. */
function encodeKey(key: string): string {
  return encodeURIComponent(key)
    .replace(/[!'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%2F", "/")
    .replaceAll("%20", "+");
}

function wants(target: BucketNotificationTarget, name: string, key: string): boolean {
  if (target.prefix !== undefined && !key.startsWith(target.prefix)) return false;
  if (target.suffix !== undefined && !key.endsWith(target.suffix)) return false;
  return target.events.some((wanted) => {
    const event = wanted.replace(/^s3:/, "");
    return event === name || (event.endsWith("*") && name.startsWith(event.slice(0, -1)));
  });
}

const requestId = () => randomBytes(8).toString("hex").toUpperCase();
