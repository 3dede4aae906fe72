import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  allowService,
  bucketSpec,
  developer,
  planOf,
  queueSpec,
  type Services,
  startServices,
} from "../support/services.ts";

let services: Services;
const DAY = 24 * 3600 * 1000;
/** A midnight some days away. */
const DATE = Math.ceil(Date.now() / DAY) * DAY + 10 * DAY;
const events = queueSpec("events");
const lifecycle = [
  { id: "tmp", enabled: true, prefix: "tmp/", expirationDays: 1, abortIncompleteMultipartDays: 2 },
  { id: "tagged", enabled: true, tags: { keep: "no" }, expirationDays: 3, noncurrentDays: 5 },
  { id: "old", enabled: true, prefix: "old/", noncurrentDays: 2, expiredDeleteMarkers: true as const },
  { id: "date", enabled: true, prefix: "dated/", expirationDate: DATE },
  { id: "off", enabled: false, prefix: "", expirationDays: 1 },
];

beforeEach(async () => {
  services = await startServices(
    planOf({
      queues: [events],
      buckets: [
        bucketSpec("plain", {
          lifecycle,
          notifications: [
            {
              id: "n",
              kind: "queue",
              arn: events.arn,
              events: ["s3:LifecycleExpiration:*", "s3:ObjectRemoved:*"],
            },
          ],
        }),
        bucketSpec("versions", { lifecycle, versioning: true }),
      ],
      resourcePolicies: [
        allowService("s3.amazonaws.com", "sqs:SendMessage", events.arn, "arn:aws:s3:::plain"),
      ],
    }),
  );
});
afterEach(() => services.stop());

const put = (Bucket: string, Key: string, Tagging = "") =>
  services.s3Client().send(new PutObjectCommand({ Bucket, Key, Body: "x", Tagging }));
const exists = (key: string) =>
  services.ports.s3.get(developer, "plain", key).then(
    ({ body }) => body.destroy() && true,
    () => false,
  );

test("objects go at the midnight after their days, by prefix and by tags, and nothing else goes", async () => {
  for (const [key, tags] of [
    ["tmp/a", ""],
    ["other", ""],
    ["tagged", "keep=no"],
    ["kept", "keep=yes"],
  ] as const)
    await put("plain", key, tags);
  const { clock } = services.cloud;
  services.s3.applyLifecycle();
  expect(await exists("tmp/a")).toBe(true);
  clock.advance(2 * DAY);
  expect(await Promise.all(["tmp/a", "other", "tagged", "kept"].map(exists))).toEqual([
    false,
    true,
    true,
    true,
  ]);
  clock.advance(2 * DAY);
  expect(await Promise.all(["other", "tagged", "kept"].map(exists))).toEqual([true, false, true]);
});

test("by a date, everything goes that is there when it comes, and what is put later", async () => {
  await put("plain", "dated/before");
  const { clock } = services.cloud;
  clock.advance(DATE - clock.now() - 1000);
  expect(await exists("dated/before")).toBe(true);
  clock.advance(2000);
  expect(await exists("dated/before")).toBe(false);
  await put("plain", "dated/after");
  clock.advance(DAY);
  expect(await exists("dated/after")).toBe(false);
});

test("what goes is told as an expiration, not as a deletion", async () => {
  await put("plain", "tmp/a");
  services.cloud.clock.advance(2 * DAY);
  const names: unknown[] = [];
  while (names.length < 2) {
    for (const { body } of await services.ports.sqs.receive(developer, events.arn, {
      max: 10,
      waitMs: 20_000,
    })) {
      const { Event, Records } = JSON.parse(body) as {
        Event?: string;
        Records?: { eventName: string; eventVersion: string }[];
      };
      names.push(Event ?? [Records?.[0]?.eventName, Records?.[0]?.eventVersion]);
    }
  }
  expect(names).toEqual(["s3:TestEvent", ["LifecycleExpiration:Delete", "2.3"]]);
});

test("where versions are kept, an object is hidden first and its old versions go later", async () => {
  const list = async () => {
    const { Versions = [], DeleteMarkers = [] } = await services
      .s3Client()
      .send(new ListObjectVersionsCommand({ Bucket: "versions", Prefix: "tagged" }));
    return [Versions.length, DeleteMarkers.length];
  };
  await put("versions", "tagged", "keep=no");
  services.cloud.clock.advance(4 * DAY);
  expect(await list()).toEqual([1, 1]);
  services.cloud.clock.advance(6 * DAY);
  expect(await list()).toEqual([0, 1]);
});

test("uploads that nobody completes are aborted", async () => {
  const begin = (Key: string) =>
    services.s3Client().send(new CreateMultipartUploadCommand({ Bucket: "plain", Key }));
  await begin("tmp/part");
  await begin("part");
  services.cloud.clock.advance(3 * DAY);
  const { Uploads = [] } = await services
    .s3Client()
    .send(new ListMultipartUploadsCommand({ Bucket: "plain" }));
  expect(Uploads.map(({ Key }) => Key)).toEqual(["part"]);
});

test("what was deleted and written over is kept for its days, and then its marker goes, too", async () => {
  const list = async () => {
    const { Versions = [], DeleteMarkers = [] } = await services
      .s3Client()
      .send(new ListObjectVersionsCommand({ Bucket: "versions", Prefix: "old/" }));
    return [Versions.filter(({ IsLatest }) => IsLatest).length, Versions.length, DeleteMarkers.length];
  };
  for (const key of ["old/kept", "old/deleted"]) for (const _ of [1, 2]) await put("versions", key);
  await services.s3Client().send(new DeleteObjectCommand({ Bucket: "versions", Key: "old/deleted" }));
  const { clock } = services.cloud;
  clock.advance(DAY);
  expect(await list()).toEqual([1, 4, 1]);
  clock.advance(2 * DAY);
  expect(await list()).toEqual([1, 1, 1]);
  clock.advance(DAY);
  expect(await list()).toEqual([1, 1, 0]);
});
