/**
 * The work queues and their dead letters: how many there are, why they failed, sending them back, giving them up, and
 * who did it. For administrators alone.
 */
export { type Depth, listQueues, type Oldest, type Queue } from "./depths.ts";
export {
  type DeadLetter,
  type DeadLetterInFull,
  get,
  ListDeadLetters,
  type LookedAt,
  list,
} from "./letters.ts";
export { expire } from "./look.ts";
export { cancelRedrive } from "./moves.ts";
export {
  ListOperations,
  listOperations,
  type Operation,
  operationKinds,
  operationStates,
} from "./operations.ts";
export { type Outcome, RedriveInput, type Redriven, redrive } from "./redrive.ts";
export { MessageId, type QueueName, QueueNameSchema, queueNames } from "./registry.ts";
export { remove } from "./remove.ts";
