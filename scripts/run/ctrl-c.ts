/** From a terminal the signal comes twice within a moment: to us, and by npm, which hands on what it gets itself. */
const SAME_SIGNAL_MS = 1000;

/**
 * Ctrl-C at any moment. The first signal aborts `signal` and runs what was given to `onStop`; a second one ends at once.
 */
export function stopOnSignals(): {
  signal: AbortSignal;
  onStop(stop: () => Promise<void>): void;
  stopped: Promise<void>;
} {
  const controller = new AbortController();
  const stops: (() => Promise<void>)[] = [];
  let finished: () => void = () => {};
  const stopped = new Promise<void>((resolve) => {
    finished = resolve;
  });
  let first: number | undefined;
  const handle = () => {
    if (first !== undefined) {
      if (performance.now() - first > SAME_SIGNAL_MS) process.exit(130);
      return;
    }
    first = performance.now();
    process.stderr.write("\nstopping …\n");
    controller.abort(new Error("stopped by a signal"));
    void Promise.allSettled(stops.map((stop) => stop())).then(finished);
  };
  process.on("SIGINT", handle);
  process.on("SIGTERM", handle);
  process.on("SIGHUP", handle);
  return {
    signal: controller.signal,
    onStop: (stop) => {
      if (controller.signal.aborted) void stop();
      else stops.push(stop);
    },
    stopped,
  };
}
