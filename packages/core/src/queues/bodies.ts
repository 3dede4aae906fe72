/** What each queue's consumer takes, for bodies that people edit before they send them back. */
import * as z from "zod";
import { config } from "../config/index.ts";
import { VisibleError } from "../error/index.ts";
import { parseNotices } from "../mail/notices.ts";
import type { QueueName } from "./registry.ts";

/** Where uploads land, of which S3 tells the image queue (infra/uploads.ts). */
const uploadPrefix = "tmp/uploads/";

const jobMessage = z.union([
  z.strictObject({ job: z.string().min(1), death: z.int().min(1).optional() }),
  z.looseObject({ schedule: z.string().min(1), revision: z.int(), dueAt: z.string().min(1) }),
]);

const uploadEvent = z.object({
  Records: z
    .array(
      z.object({
        eventSource: z.literal("aws:s3"),
        eventName: z.string().startsWith("ObjectCreated:"),
        s3: z.object({
          bucket: z.object({ name: z.string() }),
          object: z.object({ key: z.string().startsWith(uploadPrefix) }),
        }),
      }),
    )
    .min(1),
});

const envelope = z.object({ Type: z.literal("Notification"), Message: z.string() });
/** https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html */
const mailEvent = z.object({
  eventType: z.string().min(1),
  mail: z.object({ messageId: z.string().min(1) }),
});

const checks: Record<QueueName, (body: string) => void> = {
  email(body) {
    const { name } = config("MailBucket");
    for (const { bucket } of parseNotices(body))
      if (bucket !== name) throw new Error("the notice is about another bucket than the mail bucket");
  },
  jobs: (body) => void check(jobMessage, json(body)),
  images(body) {
    const { Records } = check(uploadEvent, json(body));
    const { name } = config("HomeBucket");
    if (Records.some(({ s3 }) => s3.bucket.name !== name))
      throw new Error("the event is about another bucket than the home bucket");
  },
  mailEvents(body) {
    const value = json(body);
    const enveloped = envelope.safeParse(value);
    check(mailEvent, enveloped.success ? json(enveloped.data.Message) : value);
  },
};

/** @throws VisibleError `validation` (`invalid_body`) that says what is wrong with it. */
export function checkBody(queue: QueueName, body: string, path: string): void {
  try {
    checks[queue](body);
  } catch (error) {
    const message = error instanceof Error ? error.message : "it is not what the consumer takes";
    throw new VisibleError("validation", "invalid_body", `${path}: ${message}`, {
      issues: [{ path, message }],
    });
  }
}

export function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("the body is not JSON");
  }
}

function check<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const wrong = result.error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
  throw new Error(wrong.join("; "));
}
