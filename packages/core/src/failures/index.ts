/** Why messages failed, and giving up on those that no further try can help. */
export { type Failure, record } from "./record.ts";
export { type Reason, type Received, refuse } from "./refuse.ts";
