/** What the tests of queues and dead letters share. */
import * as clock from "../../src/clock/index.ts";
import { record } from "../../src/failures/index.ts";
import type { QueueName } from "../../src/queues/index.ts";
import { as, signIn, type TestUser, type World } from "../support/world.ts";

/** The stand-in's names of a queue and its dead letters. */
export const places: Record<QueueName, { work: string; dead: string }> = {
  email: { work: "email", dead: "emaildeadletter" },
  jobs: { work: "jobs", dead: "jobsdeadletter" },
  images: { work: "image", dead: "imagedeadletter" },
  mailEvents: { work: "mailevents", dead: "maileventsdeadletter" },
};

export const asAdmin = async <T>(callback: (admin: TestUser) => Promise<T>): Promise<T> => {
  const admin = await signIn("admin", "admin");
  return as(admin, () => callback(admin));
};

/** A clock that is ahead of the machine's, for the domain and the queues alike. */
export function advance(world: World, ms: number): void {
  world.aws.queues.ahead += ms;
}

export function moveClock(world: World): () => void {
  return clock.provide({ ...clock.systemClock, now: () => world.aws.queues.now() });
}

/** A dead letter with the cause of its death. */
export async function bury(
  world: World,
  queue: QueueName,
  body: string,
  {
    code = "notice_malformed",
    cause = "the message is not JSON",
    sentAt,
  }: { code?: string; cause?: string; sentAt?: number } = {},
): Promise<string> {
  const id = world.aws.queues.put(places[queue].dead, body, sentAt === undefined ? {} : { sentAt });
  await record(
    [1, 2].map((attempt) => ({ queue, queueMessageId: id, attempt, code, cause, trace: "a".repeat(32) })),
  );
  return id;
}

/** Bodies that were sent to a work queue, by the outbox. */
export function sent(world: World, queue: QueueName): string[] {
  return world.aws.sent.filter(({ url }) => url.endsWith(`/${places[queue].work}`)).map(({ body }) => body);
}
