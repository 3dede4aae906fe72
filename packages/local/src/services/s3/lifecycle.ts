/** Lifecycle rules, as S3 applies them: once a day, to what is old enough at midnight UTC. */
import type { BucketSpec } from "../../plan/types.ts";
import type { ObjectStore, StoredObject } from "./objects.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
type Rule = BucketSpec["lifecycle"][number];

/** When an object of this time falls to a rule of so many days: rounded up to the next midnight UTC. */
function due(since: number, days: number): number {
  return Math.ceil((since + days * DAY_MS) / DAY_MS) * DAY_MS;
}
/** When a current version of this time goes by the rule: never is infinity. */
function expires(rule: Rule, modified: number): number {
  if (rule.expirationDate !== undefined) return rule.expirationDate;
  return rule.expirationDays === undefined ? Number.POSITIVE_INFINITY : due(modified, rule.expirationDays);
}
function covers(rule: Rule, object: StoredObject): boolean {
  return (
    rule.enabled &&
    object.key.startsWith(rule.prefix ?? "") &&
    Object.entries(rule.tags ?? {}).every(([key, value]) => object.tags[key] === value)
  );
}

/** What the rules remove at `now`. Pure; costs one look at each object. */
export function expired(bucket: BucketSpec, store: ObjectStore, now: number) {
  const current: StoredObject[] = [];
  const noncurrent: StoredObject[] = [];
  for (const versions of store.all())
    for (const [index, version] of versions.entries()) {
      const newer = versions[index - 1];
      const hidesNothing = version.deleteMarker === true && versions.length === 1;
      const falls = bucket.lifecycle.some((rule) =>
        hidesNothing
          ? rule.expiredDeleteMarkers === true && covers(rule, version)
          : newer
            ? rule.noncurrentDays !== undefined &&
              covers(rule, version) &&
              due(newer.modified, rule.noncurrentDays) <= now
            : !version.deleteMarker && covers(rule, version) && expires(rule, version.modified) <= now,
      );
      // A marker goes as an old version does: nobody is told, and no other marker takes its place.
      if (falls) (newer || hidesNothing ? noncurrent : current).push(version);
    }
  const uploads = store
    .uploads()
    .filter((upload) =>
      bucket.lifecycle.some(
        (rule) =>
          rule.enabled &&
          rule.abortIncompleteMultipartDays !== undefined &&
          upload.key.startsWith(rule.prefix ?? "") &&
          due(upload.started, rule.abortIncompleteMultipartDays) <= now,
      ),
    );
  return { current, noncurrent, uploads };
}

/** Milliseconds until the next midnight UTC. */
export function untilMidnight(now: number): number {
  return DAY_MS - (now % DAY_MS);
}
