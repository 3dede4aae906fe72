/** Amazon EventBridge Scheduler: schedules of the graph, and those that programs make at run time. */
import { AwsError } from "../../cloud/errors.ts";
import type { AwsService, Cloud, Part, Ports } from "../../cloud/types.ts";
import { decode } from "../../front-door/canonical.ts";
import { parseJson } from "../../front-door/protocol.ts";
import { createDeliveries } from "./deliveries.ts";
import { createGroupOperations } from "./group-operations.ts";
import { createScheduleOperations } from "./operations.ts";
import { plant } from "./planned.ts";
import { createRunner } from "./runner.ts";
import { createStore } from "./store.ts";

const routes: [method: string, path: RegExp, operation: string][] = [
  ["GET", /^\/schedules\/?$/, "ListSchedules"],
  ["POST", /^\/schedules\/([^/]+)$/, "CreateSchedule"],
  ["GET", /^\/schedules\/([^/]+)$/, "GetSchedule"],
  ["PUT", /^\/schedules\/([^/]+)$/, "UpdateSchedule"],
  ["DELETE", /^\/schedules\/([^/]+)$/, "DeleteSchedule"],
  ["GET", /^\/schedule-groups\/?$/, "ListScheduleGroups"],
  ["POST", /^\/schedule-groups\/([^/]+)$/, "CreateScheduleGroup"],
  ["GET", /^\/schedule-groups\/([^/]+)$/, "GetScheduleGroup"],
  ["DELETE", /^\/schedule-groups\/([^/]+)$/, "DeleteScheduleGroup"],
  ["POST", /^\/tags\/(.+)$/, "TagResource"],
  ["DELETE", /^\/tags\/(.+)$/, "UntagResource"],
  ["GET", /^\/tags\/(.+)$/, "ListTagsForResource"],
];

export interface Scheduler extends AwsService, Part {
  start(): Promise<void>;
  /** Begins to invoke: once the targets are up. */
  run(): void;
}

export function createScheduler(cloud: Cloud, ports: Ports): Scheduler {
  const store = createStore(cloud);
  const runner = createRunner(cloud, store, () => deliveries);
  const deliveries = createDeliveries(cloud, ports, store, runner.settled);
  const gone = (scheduleArn: string) => {
    runner.disarm(scheduleArn);
    deliveries.cancel(scheduleArn);
  };
  const operations = {
    ...createScheduleOperations(cloud, store, runner, gone),
    ...createGroupOperations(cloud, store, gone),
  };

  return {
    signingNames: ["scheduler"],
    async handle(call) {
      const { method, path, rawBody } = call.http;
      for (const [verb, pattern, name] of routes) {
        const match = verb === method ? pattern.exec(path) : null;
        const operation = operations[name];
        if (match && operation) return { body: operation(call, decode(match[1] ?? ""), parseJson(rawBody)) };
      }
      throw new AwsError("UnknownOperationException", `Scheduler has no ${method} ${path}.`, 404);
    },
    async start() {
      store.open();
      plant(cloud, store);
    },
    run: () => runner.resume(),
    async stop() {
      runner.stop();
      await deliveries.stop();
      store.close();
    },
  };
}
