/** Event source mappings: queues that feed functions. */
import type { Cloud, Part, Ports } from "../cloud/types.ts";
import { DEFAULT_PROCESSES } from "../functions/index.ts";
import { createPoller, type Poller } from "./poller.ts";

export interface EventSourceMappings extends Part {
  start(): Promise<void>;
  /** While true, nothing is received. */
  readonly paused: boolean;
  /** Resolves when what was received has been handled. */
  pause(): Promise<void>;
  resume(): void;
}

/**
 * @param options.cores Of this machine. Batches beyond them would only take turns, each in a process with its own cold
 * code: measured at 11 ms of CPU a mail with ten batches at the same time on two cores, and 6.4 ms with two.
 * @throws Error naming the mapping whose filter AWS would refuse.
 */
export function createEventSourceMappings(
  cloud: Cloud,
  ports: Ports,
  options: { cores?: number } = {},
): EventSourceMappings {
  const { plan } = cloud;
  const pollers: Poller[] = [];
  for (const mapping of plan.eventSourceMappings) {
    if (!mapping.enabled) continue;
    const fn = plan.functions.find(({ arn }) => arn === mapping.functionArn);
    const queue = plan.queues.find(({ arn }) => arn === mapping.queueArn);
    if (!fn || !queue) {
      cloud.log(
        `event source mapping ${mapping.id} feeds nothing: ${fn ? mapping.queueArn : mapping.functionArn} does not run here`,
      );
      continue;
    }
    try {
      const { visibilityTimeoutSeconds } = queue;
      pollers.push(
        createPoller(cloud, ports, mapping, {
          fn,
          visibilityTimeoutSeconds,
          maximumConcurrency: DEFAULT_PROCESSES,
          cores: options.cores ?? Number.POSITIVE_INFINITY,
        }),
      );
    } catch (error) {
      throw new Error(`event source mapping ${mapping.id}: ${(error as Error).message}`);
    }
  }
  let paused = false;
  return {
    get paused() {
      return paused;
    },
    async start() {
      for (const poller of pollers) poller.start();
    },
    async pause() {
      paused = true;
      await Promise.all(pollers.map((poller) => poller.pause()));
    },
    resume() {
      paused = false;
      for (const poller of pollers) poller.resume();
    },
    async stop() {
      await Promise.all(pollers.map((poller) => poller.stop()));
    },
  };
}
