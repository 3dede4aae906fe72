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
  let signals = 0;
  const handle = () => {
    signals += 1;
    if (signals > 1) process.exit(130);
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
