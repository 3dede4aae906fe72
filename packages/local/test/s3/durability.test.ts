import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Plan } from "../../src/plan/types.ts";
import {
  allowService,
  bucketSpec,
  developer,
  planOf,
  queueSpec,
  type Services,
  settled,
  startServices,
} from "../support/services.ts";

let folder: string;
let services: Services | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "s3-"));
});
afterEach(async () => {
  await services?.stop({ keep: true });
  services = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const queue = queueSpec("events");
const plan: Plan = planOf({
  queues: [queue],
  buckets: [
    bucketSpec("files", {
      notifications: [{ id: "n", kind: "queue", arn: queue.arn, events: ["s3:ObjectCreated:*"] }],
    }),
  ],
  resourcePolicies: [allowService("s3.amazonaws.com", "sqs:SendMessage", queue.arn, "arn:aws:s3:::files")],
});
async function start(): Promise<Services> {
  await services?.stop({ keep: true });
  services = await startServices(plan, { folder });
  return services;
}
const files = () => readdirSync(join(folder, "s3", "buckets", "files"));
const read = async (from: Services, key: string) =>
  Buffer.concat(await (await from.ports.s3.get(developer, "files", key)).body.toArray());

test("after a kill every object is whole or not there, and each that was acknowledged is there and told", async () => {
  const script = fileURLToPath(new URL("../support/s3-process.ts", import.meta.url));
  const child = spawn(process.execPath, [script, folder, JSON.stringify(plan)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const told: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    told.push(line);
    if (told.length === 150) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");

  const again = await start();
  for (const line of told) {
    const [key = "", size = ""] = line.split(" ");
    const body = await read(again, key);
    expect(body.length).toBe(Number(size));
    expect(body.every((byte) => byte === key.charCodeAt(0))).toBe(true);
  }
  const wanted = new Set(told.map((line) => line.split(" ")[0]));
  while (wanted.size > 0) {
    const messages = await again.ports.sqs.receive(developer, queue.arn, { max: 1000, waitMs: 20_000 });
    expect(messages.length).toBeGreaterThan(0);
    for (const { body } of messages)
      for (const record of (JSON.parse(body) as { Records?: { s3: { object: { key: string } } }[] })
        .Records ?? [])
        wanted.delete(record.s3.object.key);
  }
  // What was being written is gone, what is overwritten too: one file an object, and the index.
  const objects = new Set(told.map((line) => line.split(" ")[0])).size;
  expect(files().length).toBeLessThanOrEqual(objects + 2);
});

test("objects, their tags, metadata, versions and unfinished uploads are there at the next start", async () => {
  let now = await start();
  const s3 = () => now.s3Client();
  const key = { Bucket: "files", Key: "k/ü" };
  await s3().send(new PutObjectCommand({ ...key, Body: "x", Metadata: { a: "1" }, Tagging: "t=1" }));
  const upload = { Bucket: "files", Key: "big" };
  const { UploadId } = await s3().send(
    new CreateMultipartUploadCommand({ ...upload, ContentType: "text/x" }),
  );
  const { ETag } = await s3().send(
    new UploadPartCommand({ ...upload, UploadId, PartNumber: 1, Body: "part" }),
  );
  now = await start();
  expect(await s3().send(new HeadObjectCommand(key))).toMatchObject({
    Metadata: { a: "1" },
    ContentLength: 1,
  });
  expect((await s3().send(new GetObjectTaggingCommand(key))).TagSet).toEqual([{ Key: "t", Value: "1" }]);
  await s3().send(
    new CompleteMultipartUploadCommand({
      ...upload,
      UploadId,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
    }),
  );
  expect(await s3().send(new HeadObjectCommand(upload))).toMatchObject({ ContentType: "text/x" });
  now = await start();
  expect((await read(now, "big")).toString()).toBe("part");
});

test("a torn last line of the index is dropped", async () => {
  let now = await start();
  await now.ports.s3.put(developer, "files", "whole", Buffer.from("x"));
  await now.stop({ keep: true });
  services = undefined;
  appendFileSync(join(folder, "s3", "buckets", "files", "index.jsonl"), '{"put":{"key":"torn","ver');
  now = await start();
  expect((await read(now, "whole")).toString()).toBe("x");
  await expect(read(now, "torn")).rejects.toMatchObject({ code: "NoSuchKey" });
});

test("an upload whose client goes away leaves nothing, and what was there stays", async () => {
  const now = await start();
  await now.ports.s3.put(developer, "files", "k", Buffer.from("before"));
  const before = files().length;
  const client = now.s3Client();
  const gone = new AbortController();
  async function* body() {
    yield Buffer.alloc(600_000, "x");
    while (files().length === before) await settled();
    gone.abort();
    yield Buffer.alloc(600_000, "x");
  }
  await expect(
    client.send(
      new PutObjectCommand({
        Bucket: "files",
        Key: "k",
        Body: Readable.from(body()),
        ContentLength: 1_200_000,
      }),
      { abortSignal: gone.signal },
    ),
  ).rejects.toThrow();
  while (files().length > before) await settled();
  expect((await read(now, "k")).toString()).toBe("before");
});

test("a refused upload is answered, not cut off, and its connection goes on", async () => {
  const now = await start();
  const { host, port } = new URL(now.origin);
  const socket = connect(Number(port), "127.0.0.1");
  const text = `PUT /files/k HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 3000000\r\n\r\n`;
  socket.write(text);
  socket.write(Buffer.alloc(3_000_000));
  socket.write(`GET /files/k HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
  const answer = Buffer.concat(await socket.toArray()).toString();
  expect(answer.match(/HTTP\/1\.1 403/g)).toHaveLength(2);
});
