import * as z from "zod";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fault } from "../faults/index.ts";
import { fn } from "../fn/index.ts";
import * as realtime from "../realtime/index.ts";
import { look } from "./look.ts";
import type { Operation } from "./operations.ts";
import * as operations from "./operations.ts";
import { leave, lock } from "./redrive.ts";
import { actorName, MessageId, type QueueName, QueueNameSchema, queueOf, requireAdmin } from "./registry.ts";
import * as sqs from "./sqs.ts";

/**
 * Gives up on a dead letter. Its job, if it is about one, stays dead.
 * @returns What deleted it, now or before.
 * @throws VisibleError `not_found`; `conflict` (`dead_letter_left`) for one that was sent back.
 */
export const remove = fn(
  z.object({ name: QueueNameSchema, messageId: MessageId }),
  async ({ name, messageId }): Promise<Operation> => {
    requireAdmin();
    const decided = (await decide(name, messageId)) ?? (await look(name).then(() => decide(name, messageId)));
    if (decided === undefined)
      throw new VisibleError(
        "not_found",
        "dead_letter_not_found",
        "There is no such dead letter (any more).",
      );
    return database.use((handle) => operations.read(handle, decided));
  },
);

/** @returns The operation that deleted it; undefined for a letter that is not known. */
async function decide(name: QueueName, messageId: string): Promise<string | undefined> {
  const decided = await database.transaction(async (handle) => {
    const letter = (await lock(handle, name, [messageId])).get(messageId);
    if (!letter || letter.state === "gone") return undefined;
    if (letter.state === "deleted" && letter.operationId !== null)
      return { operationId: letter.operationId, handles: [] };
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
    return { operationId, handles: [letter.handle] };
  });
  if (!decided) return undefined;
  await fault("queues.delete.committed");
  await sqs.remove(queueOf(name), decided.handles);
  return decided.operationId;
}
