/** One message from SMTP to a socket, against the sum of its hops measured alone. */
import * as trace from "@frontdesk/core/trace";
import { hopRecorder } from "../scripts/demo/hops.ts";
import { sendAll } from "../scripts/demo/send.ts";
import { newKey, noticeMail, putMail, sesNotice } from "../test/support/ses.ts";
import { median, type Row } from "./row.ts";
import { realMessages } from "./support/ingest.ts";
import { type System, startSystem } from "./system.ts";

const PAIRS = 9;
const TARGET = 1.5;

async function eventOf(system: System, key: string): Promise<number> {
  const wanted = trace.ofObjectKey(key);
  const find = () => system.socket.events.find(({ data }) => data.trace === wanted);
  await system.socket.until(() => find() !== undefined, 30_000);
  return find()?.at ?? Date.now();
}

async function whole(system: System, raw: Buffer, hops: ReturnType<typeof hopRecorder>): Promise<number> {
  const recipient = system.mailboxes[0]?.address ?? "";
  const from = Date.now();
  const [sent] = await sendAll(
    [{ label: "", from: "bench@example.com", recipients: [recipient], raw }],
    system.addresses.smtp,
  );
  const key = hops.of(sent?.sesMessageId ?? "")?.key;
  if (!key) throw new Error(`the message was not taken: ${sent?.response}`);
  return (await eventOf(system, key)) - from;
}

/** Each hop with nothing before or behind it that runs at the same time. */
async function alone(
  system: System,
  raw: Buffer,
): Promise<{ smtp: number; queue: number; consumer: number }> {
  const { app } = system;
  const mapping = app.mappings;
  await mapping.pause();
  try {
    const recipient = system.mailboxes[0]?.address ?? "";
    const queueArn = app.cloud.plan.eventSourceMappings[0]?.queueArn ?? "";
    const functionArn = app.cloud.plan.eventSourceMappings[0]?.functionArn ?? "";
    const drain = async () => {
      for (;;) {
        const messages = await app.ports.sqs.receive({ kind: "developer" }, queueArn, {
          max: 10,
          waitMs: 200,
        });
        if (messages.length === 0) return;
        await app.ports.sqs.delete(
          { kind: "developer" },
          queueArn,
          messages.map(({ receiptHandle }) => receiptHandle),
        );
      }
    };
    // SMTP: from the connection to the 250, the object stored.
    let from = performance.now();
    await sendAll(
      [{ label: "", from: "bench@example.com", recipients: [recipient], raw: other(raw) }],
      system.addresses.smtp,
    );
    const smtp = performance.now() - from;
    await drain();

    // Topic to queue: from the notice to a receive that waits for it.
    const unread = newKey(app);
    const receiving = app.ports.sqs.receive({ kind: "developer" }, queueArn, { max: 1, waitMs: 10_000 });
    from = performance.now();
    await noticeMail(app, { key: unread, recipients: [recipient] });
    const [notice] = await receiving;
    const queue = performance.now() - from;
    if (notice) await app.ports.sqs.delete({ kind: "developer" }, queueArn, [notice.receiptHandle]);

    // Consumer: called directly with the notice about an object that lies there, until its event is at the socket.
    const key = newKey(app);
    await putMail(app, key, raw);
    await drain();
    const record = {
      messageId: "00000000-0000-4000-8000-000000000000",
      receiptHandle: "none",
      body: JSON.stringify({
        Type: "Notification",
        Message: sesNotice(app, { key, recipients: [recipient] }),
      }),
      attributes: {
        ApproximateReceiveCount: "1",
        SentTimestamp: "0",
        SenderId: "bench",
        ApproximateFirstReceiveTimestamp: "0",
      },
      messageAttributes: {},
      md5OfBody: "",
      eventSource: "aws:sqs",
      eventSourceARN: queueArn,
      awsRegion: app.cloud.plan.homeRegion,
    };
    const started = Date.now();
    await app.ports.lambda.invoke({ kind: "developer" }, functionArn, { Records: [record] });
    const consumer = (await eventOf(system, key)) - started;
    return { smtp, queue, consumer };
  } finally {
    mapping.resume();
  }
}

/** The same message under another Message-ID, so that it is no copy of the first. */
function other(raw: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`X-Bench: ${Math.random()}\r\n`), raw]);
}

export async function oneMessage(): Promise<Row> {
  const messages = realMessages(2 * PAIRS + 4);
  const system = await startSystem();
  const hops = hopRecorder(() => false);
  const stopRecording = system.app.cloud.observer.on(hops.record);
  try {
    const next = () => {
      const raw = messages.shift();
      if (!raw) throw new Error("too few messages");
      return raw;
    };
    for (let warm = 0; warm < 2; warm++) {
      await whole(system, next(), hops);
      await alone(system, next());
    }
    const candidate: number[] = [];
    const sums: number[] = [];
    const parts: Awaited<ReturnType<typeof alone>>[] = [];
    for (let pair = 0; pair < PAIRS; pair++) {
      candidate.push(await whole(system, next(), hops));
      const part = await alone(system, next());
      parts.push(part);
      sums.push(part.smtp + part.queue + part.consumer);
    }
    const ratio = median(candidate.map((value, index) => value / (sums[index] ?? value)));
    return {
      name: "one message SMTP -> websocket",
      against: "sum of its hops measured alone: SMTP to S3, topic to queue, consumer to socket",
      target: `<= ${TARGET}`,
      ratio,
      reached: ratio <= TARGET,
      details: {
        "whole (ms)": median(candidate),
        "SMTP to S3 (ms)": median(parts.map(({ smtp }) => smtp)),
        "topic to queue (ms)": median(parts.map(({ queue }) => queue)),
        "consumer to socket (ms)": median(parts.map(({ consumer }) => consumer)),
      },
      growth: "a message's size alone: each hop reads and writes it once",
    };
  } finally {
    stopRecording();
    await system.stop();
  }
}
