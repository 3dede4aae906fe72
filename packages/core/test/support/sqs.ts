/**
 * Queues for the SDK's real client: what is received is hidden, handles grow old, and deleting by an old one answers well
 * and deletes nothing, as with SQS. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
 */
import { createHash, randomUUID } from "node:crypto";

interface Held {
  id: string;
  body: string;
  sentAt: number;
  receives: number;
  hiddenUntil: number;
}

interface TestTask {
  status: "RUNNING" | "COMPLETED" | "CANCELLED" | "FAILED";
  source: string;
  destination: string;
  moved: number;
  startedAt: number;
}

export class TestQueues {
  /** By the last part of the queue's address. */
  readonly held = new Map<string, Held[]>();
  readonly tasks: TestTask[] = [];
  /** Milliseconds that the queues' clock is ahead. */
  ahead = 0;

  now(): number {
    return Date.now() + this.ahead;
  }
  of(name: string): Held[] {
    const held = this.held.get(name) ?? [];
    this.held.set(name, held);
    return held;
  }
  put(name: string, body: string, { id = String(randomUUID()), sentAt = this.now() } = {}): string {
    this.of(name).push({ id, body, sentAt, receives: 0, hiddenUntil: 0 });
    return id;
  }
  bodies(name: string): string[] {
    return this.of(name).map(({ body }) => body);
  }
  visible(name: string): number {
    return this.of(name).filter(({ hiddenUntil }) => hiddenUntil <= this.now()).length;
  }
  clear(): void {
    this.held.clear();
    this.tasks.length = 0;
    this.ahead = 0;
  }
  /** Lets the move task that runs take up to `count` messages; it ends when none is left. */
  move(count = Number.POSITIVE_INFINITY): void {
    const task = this.tasks.at(-1);
    if (task?.status !== "RUNNING") throw new Error("no task runs");
    const from = this.of(task.source);
    for (const message of from.filter(({ hiddenUntil }) => hiddenUntil <= this.now()).slice(0, count)) {
      from.splice(from.indexOf(message), 1);
      this.put(task.destination, message.body);
      task.moved += 1;
    }
    if (this.visible(task.source) === 0) task.status = "COMPLETED";
  }

  /** @returns Undefined for an operation that is not of here. @throws an object with `code` for SQS's own errors. */
  call(operation: string, input: Record<string, unknown>): Record<string, unknown> | undefined {
    const name =
      String(input.QueueUrl ?? "")
        .split("/")
        .at(-1) ?? "";
    const entries = (input.Entries ?? []) as { Id: string; ReceiptHandle: string }[];
    switch (operation) {
      case "ReceiveMessage":
        return {
          Messages: this.#receive(
            name,
            Number(input.VisibilityTimeout ?? 30),
            Number(input.MaxNumberOfMessages ?? 1),
          ),
        };
      case "DeleteMessageBatch":
        for (const { ReceiptHandle } of entries) {
          const queue = this.of(name);
          const at = queue.findIndex((message) => handleOf(message) === ReceiptHandle);
          if (at >= 0) queue.splice(at, 1);
        }
        return { Successful: entries.map(({ Id }) => ({ Id })), Failed: [] };
      case "GetQueueAttributes": {
        const visible = this.visible(name);
        return {
          Attributes: {
            ApproximateNumberOfMessages: String(visible),
            ApproximateNumberOfMessagesNotVisible: String(this.of(name).length - visible),
            ApproximateNumberOfMessagesDelayed: "0",
          },
        };
      }
      case "StartMessageMoveTask":
        if (this.tasks.at(-1)?.status === "RUNNING")
          throw Object.assign(new Error(), { code: "UnsupportedOperation" });
        this.tasks.push({
          status: "RUNNING",
          source: String(input.SourceArn).split(":").at(-1) ?? "",
          destination: String(input.DestinationArn).split(":").at(-1) ?? "",
          moved: 0,
          startedAt: this.now(),
        });
        return { TaskHandle: `task ${this.tasks.length}` };
      case "ListMessageMoveTasks": {
        const source = String(input.SourceArn).split(":").at(-1);
        const task = this.tasks.findLast((one) => one.source === source);
        return {
          Results: task
            ? [
                {
                  ...(task.status === "RUNNING" && { TaskHandle: `task ${this.tasks.indexOf(task) + 1}` }),
                  Status: task.status,
                  ApproximateNumberOfMessagesMoved: task.moved,
                  ApproximateNumberOfMessagesToMove: task.moved + this.of(task.source).length,
                  StartedTimestamp: task.startedAt,
                },
              ]
            : [],
        };
      }
      case "CancelMessageMoveTask": {
        const task = this.tasks[Number(String(input.TaskHandle).split(" ")[1]) - 1];
        if (task?.status !== "RUNNING") throw Object.assign(new Error(), { code: "UnsupportedOperation" });
        task.status = "CANCELLED";
        return { ApproximateNumberOfMessagesMoved: task.moved };
      }
      default:
        return undefined;
    }
  }

  /** Shows those again whose handle is the latest. */
  show(name: string, handles: readonly string[]): void {
    for (const message of this.of(name)) if (handles.includes(handleOf(message))) message.hiddenUntil = 0;
  }

  #receive(name: string, hideSeconds: number, max: number): Record<string, unknown>[] {
    const now = this.now();
    const taken = this.of(name)
      .filter(({ hiddenUntil }) => hiddenUntil <= now)
      .slice(0, max);
    return taken.map((message) => {
      message.receives += 1;
      message.hiddenUntil = now + hideSeconds * 1_000;
      return {
        MessageId: message.id,
        ReceiptHandle: handleOf(message),
        Body: message.body,
        MD5OfBody: createHash("md5").update(message.body).digest("hex"),
        Attributes: {
          SentTimestamp: String(message.sentAt),
          ApproximateReceiveCount: String(message.receives),
        },
      };
    });
  }
}

const handleOf = ({ id, receives }: Held) => `${id} ${receives}`;
