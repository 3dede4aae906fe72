/** The work queues, by the names that the API has for them. */
import * as z from "zod";
import { current, isAdmin } from "../actor/index.ts";
import { type Queue, regionOf } from "../aws/index.ts";
import { config } from "../config/index.ts";
import { VisibleError } from "../error/index.ts";

export const queueNames = ["email", "jobs", "images", "mailEvents"] as const;
export type QueueName = (typeof queueNames)[number];
export const QueueNameSchema = z.enum(queueNames);

const sections = {
  email: ["EmailQueue", "EmailDeadLetterQueue"],
  jobs: ["JobsQueue", "JobsDeadLetterQueue"],
  images: ["ImageQueue", "ImageDeadLetterQueue"],
  mailEvents: ["MailEventsQueue", "MailEventsDeadLetterQueue"],
} as const satisfies Record<QueueName, readonly [string, string]>;

export interface WorkQueue {
  work: Queue;
  dead: Queue;
  region: string;
}

export function queueOf(name: QueueName): WorkQueue {
  const [work, dead] = sections[name];
  return { work: config(work), dead: config(dead), region: regionOf(config(work).arn) };
}

/** An identifier that SQS gave a message. */
export const MessageId = z
  .string()
  .max(100)
  .regex(/^[\w-]+$/, "must be a message's identifier");

/** Dead letters hold what people wrote, and what is done with them is done to everybody. */
export function requireAdmin(): void {
  if (!isAdmin(current()))
    throw new VisibleError("forbidden", "admins_only", "Only administrators may look into queues.");
}

/** Who acts, for the record. */
export function actorName(): string {
  const actor = current();
  return actor.kind === "user" ? actor.userId : actor.name;
}
