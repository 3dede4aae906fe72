import * as z from "zod";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fault } from "../faults/index.ts";
import { fn } from "../fn/index.ts";
import * as realtime from "../realtime/index.ts";
import { look } from "./look.ts";
import * as operations from "./operations.ts";
import { leave, lock } from "./redrive.ts";
import { actorName, MessageId, type QueueName, QueueNameSchema, queueOf, requireAdmin } from "./registry.ts";
import * as sqs from "./sqs.ts";

/**
 * Gives up on a dead letter. Its job, if it is about one, stays dead.
 * @throws VisibleError `not_found`; `conflict` (`dead_letter_left`) for one that was sent back.
 */
export const remove = fn(
  z.object({ name: QueueNameSchema, messageId: MessageId }),
  async ({ name, messageId }): Promise<void> => {
    requireAdmin();
    if ((await decide(name, messageId)) === "unknown") {
      await look(name);
      if ((await decide(name, messageId)) === "unknown")
        throw new VisibleError(
          "not_found",
          "dead_letter_not_found",
          "There is no such dead letter (any more).",
        );
    }
  },
);

async function decide(name: QueueName, messageId: string): Promise<"deleted" | "unknown"> {
  const outcome = await database.transaction(async (handle) => {
    const letter = (await lock(handle, name, [messageId])).get(messageId);
    if (!letter || letter.state === "gone") return "unknown";
    if (letter.state === "deleted") return "deleted";
    if (letter.state !== "waiting")
      throw new VisibleError("conflict", "dead_letter_left", "This dead letter was sent back to its queue.");
    const operationId = await operations.add(handle, {
      queue: name,
      kind: "delete",
      state: "completed",
      letters: 1,
    });
    await leave(handle, name, [messageId], "deleted", operationId);
    await realtime.publish([
      {
        topic: "queues",
        type: "queue.deadLetterDeleted",
        data: { queue: name, messageId, operationId, by: actorName() },
      },
    ]);
    return letter;
  });
  if (typeof outcome === "string") return outcome;
  await fault("queues.delete.committed");
  await sqs.remove(queueOf(name), [outcome.handle]);
  return "deleted";
}
