/** Messages that no further try can help: they reach their dead-letter queue at once, with the cause. */
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type System, startSystem } from "./support/system.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem({ template: inject("templateState") });
});
afterAll(() => system?.stop());

interface Failure {
  id: string;
  attempt: number;
  code: string;
  cause: string;
}

/** What is in a dead-letter queue, and why: as the list of dead letters joins it. */
async function deadLetters(name: string): Promise<{ id: string; body: string; failures: Failure[] }[]> {
  const messages = await system.app.ports.sqs.receive({ kind: "developer" }, system.queue(name), {
    max: 10,
    waitMs: 0,
  });
  const failures = await system.sql<Failure>(
    "select queue_message_id as id, attempt, code, cause from frontdesk.failures order by attempt",
  );
  return messages.map(({ messageId, body }) => ({
    id: messageId,
    body,
    failures: failures.filter(({ id }) => id === messageId),
  }));
}

async function arrived(name: string, count: number): Promise<void> {
  const { sqs } = system.app.ports;
  await system.until(
    `${count} dead letters in ${name}`,
    () => sqs.counts(system.queue(name)).visible === count,
  );
}

describe.each([
  ["JobsQueue", "JobsDeadLetterQueue", "JobsConsumer", "message_malformed", "neither a wake"],
  ["MailEventsQueue", "MailEventsDeadLetterQueue", "MailEventsConsumer", "not_implemented", "not built yet"],
])("%s", (queue, dead, consumer, code, cause) => {
  test("a message is in the dead-letter queue after five receives and no wait, its cause under its identifier", async () => {
    const started = system.app.cloud.clock.now();
    await system.app.ports.sqs.send({ kind: "developer" }, system.queue(queue), {
      body: JSON.stringify({ for: queue }),
    });
    await arrived(dead, 1);
    // The clock was not moved: a visibility timeout of minutes did not pass.
    expect(system.app.cloud.clock.now() - started).toBeLessThan(60_000);
    const [letter] = await deadLetters(dead);
    expect(letter?.body).toBe(JSON.stringify({ for: queue }));
    expect(letter?.failures.map((failure) => ({ attempt: failure.attempt, code: failure.code }))).toEqual(
      [1, 2, 3, 4, 5].map((attempt) => ({ attempt, code })),
    );
    expect(letter?.failures[0]?.cause).toContain(cause);
    expect(system.app.iam.denials()).toEqual([]);
    const receives = system.observed.filter(
      ({ kind, resource, detail }) =>
        kind === "sqs.receive" &&
        resource === system.queue(queue) &&
        [detail.messageIds].flat().includes(letter?.id),
    );
    expect(receives).toHaveLength(5);
    // Whatever else woke the consumer (the built-in schedules are jobs, too) came with a receive of its own.
    const taken = system.observed.filter(
      ({ kind, resource }) => kind === "sqs.receive" && resource === system.queue(queue),
    );
    expect(
      system.observed.filter(
        ({ kind, resource }) => kind === "lambda.start" && resource === system.fn(consumer),
      ),
    ).toHaveLength(taken.length);
  });
});

test("an object below the uploads that nobody asked for is told to the image queue and ends as a dead letter; S3's test message does not, nor other objects", async () => {
  const { s3 } = system.app.ports;
  const bucket = String(system.graph.links.HomeBucket?.name);
  for (const key of ["tmp/other.png", "attachments/att_1", "tmp/uploads/one two.png"])
    await s3.put({ kind: "developer" }, bucket, key, Buffer.from("picture"));
  await arrived("ImageDeadLetterQueue", 1);
  await system.quiet();
  const [letter, ...others] = await deadLetters("ImageDeadLetterQueue");
  expect(others).toEqual([]);
  const { Records } = JSON.parse(letter?.body ?? "") as {
    Records: { s3: { object: { key: string } } }[];
  };
  expect(Records.map(({ s3: { object } }) => object.key)).toEqual(["tmp/uploads/one+two.png"]);
  expect(letter?.failures.at(-1)).toMatchObject({ attempt: 5, code: "upload_unknown" });
});
