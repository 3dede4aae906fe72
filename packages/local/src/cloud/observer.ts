import type { Clock } from "./clock.ts";
import type { Observation, Observer } from "./types.ts";

export function createObserver(clock: Clock): Observer {
  const listeners = new Set<(observation: Observation) => void>();
  return {
    record(kind, resource, traces, detail = {}) {
      if (listeners.size === 0) return;
      const roots = traces === undefined ? [] : typeof traces === "string" ? [traces] : traces;
      const observation: Observation = { at: clock.now(), kind, resource, traces: roots, detail };
      for (const listener of listeners) listener(observation);
    },
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
