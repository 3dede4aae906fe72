/**
 * Faults that tests and developers put in the way of the local cloud: an AWS call that fails, waits, or
 * succeeds and loses its answer.
 */
import { AwsError } from "./errors.ts";

export interface Fault {
  /** Signing name of the service, e.g. `sqs`. Absent: any. */
  service?: string;
  /** e.g. `SendMessage`. Absent: any. */
  operation?: string;
  /** Matches the resource ARN where the call has one. */
  resource?: string | RegExp;
  /** How often it strikes; default once. */
  times?: number;
  /** `before` (default): the call has no effect. `after`: it took effect and the caller does not learn it. */
  phase?: "before" | "after";
  /** What happens: an AWS error, a delay on the machine's clock, or a connection cut without an answer. */
  effect:
    | { error: { code: string; status: number; message?: string } }
    | { delayMs: number }
    | { disconnect: true };
}

export interface FaultPoint {
  service: string;
  operation: string;
  resource?: string | undefined;
  phase: "before" | "after";
}

/** Thrown for `disconnect`; the front door destroys the socket. */
export class Disconnect extends Error {}

export interface Faults {
  /** Adds a fault; the returned function removes it. */
  add(fault: Fault): () => void;
  clear(): void;
  /** Faults that have not struck as often as they shall. */
  pending(): number;
  /** Called at every point; rejects with the fault's error. */
  strike(point: FaultPoint): Promise<void>;
}

export function createFaults(): Faults {
  const armed = new Set<{ fault: Fault; left: number }>();
  return {
    add(fault) {
      const entry = { fault, left: fault.times ?? 1 };
      armed.add(entry);
      return () => armed.delete(entry);
    },
    clear: () => armed.clear(),
    pending: () => armed.size,
    async strike(point) {
      for (const entry of armed) {
        const { fault } = entry;
        if ((fault.phase ?? "before") !== point.phase) continue;
        if (fault.service && fault.service !== point.service) continue;
        if (fault.operation && fault.operation !== point.operation) continue;
        if (fault.resource !== undefined && !matches(fault.resource, point.resource)) continue;
        entry.left -= 1;
        if (entry.left <= 0) armed.delete(entry);
        if ("delayMs" in fault.effect) {
          const { delayMs } = fault.effect;
          await new Promise((resolve) => setTimeout(resolve, delayMs));
        } else if ("disconnect" in fault.effect) throw new Disconnect();
        else
          throw new AwsError(
            fault.effect.error.code,
            fault.effect.error.message ?? "injected fault",
            fault.effect.error.status,
          );
      }
    },
  };
}

function matches(wanted: string | RegExp, resource: string | undefined) {
  if (resource === undefined) return false;
  return typeof wanted === "string" ? wanted === resource : wanted.test(resource);
}
