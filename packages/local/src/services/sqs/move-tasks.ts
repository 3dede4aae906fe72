/**
 * Moving dead letters back ("redrive"): StartMessageMoveTask and its companions. The messages become new ones.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/troubleshooting-dlq-redrive.html
 */
import { AwsError } from "../../cloud/errors.ts";
import type { Cloud } from "../../cloud/types.ts";
import type { Queue } from "./queue.ts";

interface Task {
  id: string;
  sourceArn: string;
  /** Undefined: each message goes to the queue it came from. */
  destinationArn?: string;
  perSecond?: number;
  status: "RUNNING" | "COMPLETED" | "CANCELLED" | "FAILED";
  moved: number;
  toMove: number;
  startedAt: number;
  failure?: string;
}

export interface MoveTasks {
  start(source: Queue, destination: Queue | undefined, perSecond: number | undefined): string;
  /** @returns messages moved so far. */
  cancel(taskHandle: string): number;
  /** ARN of a task's source queue. */
  sourceOf(taskHandle: string): string;
  /** The latest first. */
  list(sourceArn: string, max: number): Record<string, unknown>[];
  /** Goes on with the tasks that were running when the last run ended. */
  resume(): void;
  stop(): void;
}

const STATE = "sqs/move-tasks";
/** Amazon SQS chooses the rate itself, up to 500 a second. */
const DEFAULT_PER_SECOND = 500;
const KEPT = 100;
const GONE = "AWS.SimpleQueueService.NonExistentQueue";

export function createMoveTasks(cloud: Cloud, find: (queueArn: string) => Queue | undefined): MoveTasks {
  let tasks: Task[] = [];
  let next = 1;
  const timers = new Map<string, () => void>();
  const save = () => cloud.state.write(STATE, { tasks: tasks.slice(-KEPT), next });

  function step(task: Task) {
    const source = find(task.sourceArn);
    if (!source) return end(task, "FAILED", GONE);
    let failure: string | undefined;
    let moved = 0;
    const limit = task.perSecond ?? DEFAULT_PER_SECOND;
    source.withdraw(limit, (message) => {
      const arn = task.destinationArn ?? message.deadLetterSource;
      const target = arn === undefined ? undefined : find(arn);
      if (!target) {
        // Sent to the dead-letter queue by somebody: where it belongs, the starter of the task must say.
        failure = arn === undefined ? "CouldNotDetermineMessageSource" : GONE;
        return false;
      }
      target.send([
        {
          body: message.body,
          md5: message.md5,
          attributes: message.attributes,
          senderId: message.senderId,
          delaySeconds: 0,
          groupId: message.groupId,
          // Its own id would be known there still, and the message dropped.
          deduplicationId: target.spec.fifo ? message.id : undefined,
          trace: message.trace,
        },
      ]);
      moved += 1;
      return true;
    });
    task.moved += moved;
    if (failure !== undefined && moved === 0) return end(task, "FAILED", failure);
    if (moved < limit && failure === undefined) return end(task, "COMPLETED");
    timers.set(
      task.id,
      cloud.clock.after(1000, () => step(task)),
    );
  }
  function end(task: Task, status: Task["status"], failure?: string) {
    timers.get(task.id)?.();
    timers.delete(task.id);
    task.status = status;
    if (failure !== undefined) task.failure = failure;
    save();
  }
  function running(handle: string): Task {
    const task = tasks.find((one) => handleOf(one) === handle);
    if (!task) throw new AwsError("ResourceNotFoundException", "The specified task does not exist.", 404);
    return task;
  }

  return {
    start(source, destination, perSecond) {
      if (tasks.some((task) => task.sourceArn === source.spec.arn && task.status === "RUNNING"))
        throw new AwsError(
          "UnsupportedOperation",
          "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        );
      const { visible } = source.counts();
      const task: Task = {
        id: String(next++),
        sourceArn: source.spec.arn,
        ...(destination && { destinationArn: destination.spec.arn }),
        ...(perSecond !== undefined && { perSecond }),
        status: "RUNNING",
        moved: 0,
        toMove: visible,
        startedAt: cloud.clock.now(),
      };
      tasks.push(task);
      save();
      timers.set(
        task.id,
        cloud.clock.after(0, () => step(task)),
      );
      return handleOf(task);
    },
    sourceOf: (handle) => running(handle).sourceArn,
    cancel(handle) {
      const task = running(handle);
      if (task.status !== "RUNNING")
        throw new AwsError("UnsupportedOperation", "Only active tasks can be cancelled.");
      end(task, "CANCELLED");
      return task.moved;
    },
    list: (sourceArn, max) =>
      tasks
        .filter((task) => task.sourceArn === sourceArn)
        .toReversed()
        .slice(0, max)
        .map((task) => ({
          ...(task.status === "RUNNING" && { TaskHandle: handleOf(task) }),
          Status: task.status,
          SourceArn: task.sourceArn,
          DestinationArn: task.destinationArn,
          MaxNumberOfMessagesPerSecond: task.perSecond,
          ApproximateNumberOfMessagesMoved: task.moved,
          ApproximateNumberOfMessagesToMove: task.toMove,
          FailureReason: task.failure,
          StartedTimestamp: Math.floor(task.startedAt),
        })),
    resume() {
      ({ tasks, next } = cloud.state.read<{ tasks: Task[]; next: number }>(STATE, { tasks: [], next: 1 }));
      for (const task of tasks)
        if (task.status === "RUNNING")
          timers.set(
            task.id,
            cloud.clock.after(0, () => step(task)),
          );
    },
    stop() {
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}

function handleOf(task: Task): string {
  return Buffer.from(JSON.stringify({ taskId: task.id, sourceArn: task.sourceArn })).toString("base64");
}
