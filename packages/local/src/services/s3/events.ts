/** What S3 says of a change to those a bucket's configuration names. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { BucketNotificationTarget, BucketSpec } from "../../plan/types.ts";
import type { StoredObject } from "./objects.ts";

export interface ObjectEvent {
  /** Without `s3:`, e.g. `ObjectCreated:Put`. */
  name: string;
  object: Pick<StoredObject, "key" | "size" | "etag" | "versionId">;
  /** e.g. `AWS:AROA...:session` */
  principalId: string;
  sourceIp: string;
  trace?: string | undefined;
}

/** One thing to tell one target. */
export interface Notice {
  id: string;
  /** Milliseconds of the local clock. */
  at: number;
  kind: BucketNotificationTarget["kind"];
  /** ARN of the target. */
  target: string;
  /** JSON. */
  payload: string;
  trace?: string;
}

/** Lifecycle and tagging events have a later version of the record. */
const laterVersion = /^(LifecycleExpiration|ObjectTagging):/;

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html */
export function composeNotices(bucket: BucketSpec, event: ObjectEvent, now: number): Notice[] {
  const { name, object } = event;
  const wanted = bucket.notifications.filter((target) => wants(target, name, object.key));
  if (wanted.length === 0) return [];
  const sequencer = nextSequencer(now);
  return wanted.map((target) => ({
    id: randomUUID(),
    at: now,
    kind: target.kind,
    target: target.arn,
    payload: JSON.stringify({
      Records: [
        {
          eventVersion: laterVersion.test(name) ? "2.3" : "2.1",
          eventSource: "aws:s3",
          awsRegion: bucket.region,
          eventTime: new Date(now).toISOString(),
          eventName: name,
          userIdentity: { principalId: event.principalId },
          requestParameters: { sourceIPAddress: event.sourceIp },
          responseElements: { "x-amz-request-id": requestId(), "x-amz-id-2": "local" },
          s3: {
            s3SchemaVersion: "1.0",
            configurationId: target.id,
            bucket: { name: bucket.name, ownerIdentity: { principalId: "LOCAL" }, arn: bucket.arn },
            object: {
              key: encodeKey(object.key),
              ...(!name.endsWith(":Delete") && {
                ...(!name.endsWith(":DeleteMarkerCreated") && { size: object.size }),
                eTag: object.etag.replaceAll('"', ""),
              }),
              ...(object.versionId !== "null" && { versionId: object.versionId }),
              sequencer,
            },
          },
        },
      ],
    }),
    ...(event.trace !== undefined && { trace: event.trace }),
  }));
}

/**
 * S3 tests topics and queues when a configuration is made; functions it does not.
 * @param known Fingerprints of the targets that have been tested, by configuration id and ARN.
 * @returns the notices, and the fingerprints as they are now.
 */
export function composeTests(
  bucket: BucketSpec,
  known: Record<string, string>,
  now: number,
): { notices: Notice[]; fingerprints: Record<string, string> } {
  const fingerprints: Record<string, string> = {};
  const notices: Notice[] = [];
  for (const target of bucket.notifications) {
    const id = `${target.id} ${target.arn}`;
    const fingerprint = createHash("sha256").update(JSON.stringify(target)).digest("hex");
    fingerprints[id] = fingerprint;
    if (known[id] === fingerprint || target.kind === "function") continue;
    notices.push({
      id: randomUUID(),
      at: now,
      kind: target.kind,
      target: target.arn,
      payload: JSON.stringify({
        Service: "Amazon S3",
        Event: "s3:TestEvent",
        Time: new Date(now).toISOString(),
        Bucket: bucket.name,
        RequestId: requestId(),
        HostId: "local",
      }),
    });
  }
  return { notices, fingerprints };
}

/** Form encoding, in which a space is `+`; the slashes stay. */
function encodeKey(key: string): string {
  return encodeURIComponent(key.toWellFormed())
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%2F", "/")
    .replaceAll("%20", "+");
}

function wants(target: BucketNotificationTarget, name: string, key: string): boolean {
  if (!key.startsWith(target.prefix ?? "") || !key.endsWith(target.suffix ?? "")) return false;
  return target.events.some((wanted) => {
    const event = wanted.replace(/^s3:/, "");
    return event === name || (event.endsWith("*") && name.startsWith(event.slice(0, -1)));
  });
}

let lastSequence = 0n;
/** Hexadecimal; of two events of one key, the later has the greater one, compared as text. */
function nextSequencer(now: number): string {
  const time = BigInt(Math.floor(now)) * 1_000_000n;
  lastSequence = time > lastSequence ? time : lastSequence + 1n;
  return lastSequence.toString(16).toUpperCase().padStart(18, "0");
}

const requestId = () => randomBytes(8).toString("hex").toUpperCase();
