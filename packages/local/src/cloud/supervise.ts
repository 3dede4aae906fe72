/**
 * Servers that must not outlive this process, however it ends. SIGKILL runs no exit handler, so the server is
 * started by a small shell that holds a pipe from us: when the pipe closes, for whatever reason, it stops the server.
 */
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";

export interface Supervised {
  stdout: Readable;
  stderr: Readable;
  /** Resolves when the server has ended and been reaped, with its exit code (128 + signal if one ended it). */
  exited: Promise<number | null>;
  /** Asks the server to end, and resolves when it has. After 30 s it is killed. */
  stop(): Promise<void>;
}

/**
 * `$1` is the signal that asks the server to end; the rest is its command. The pipe is file descriptor 3; the server
 * gets /dev/null instead, so that no copy of the pipe's end keeps anything alive. Every child is waited for: under a
 * container's init, which may not reap, nothing stays behind.
 */
const script = `
ask=$1; shift
exec 3<&0
"$@" 3<&- </dev/null &
server=$!
( while read -r _; do :; done <&3; kill -s "$ask" "$server" ) >/dev/null 2>&1 &
watcher=$!
wait "$server"
code=$?
kill "$watcher" 2>/dev/null
wait "$watcher"
exit "$code"
`;

export function supervise(
  command: string,
  args: string[],
  options: {
    /** Signal that asks the server to end, e.g. `TERM`. */
    ask: string;
    uid?: number | undefined;
    gid?: number | undefined;
    cwd?: string;
    env?: Record<string, string>;
  },
): Supervised {
  const child = spawn("/bin/sh", ["-c", script, "supervise", options.ask, command, ...args], {
    // A session of its own: Ctrl-C in the terminal reaches us, and we decide when the server ends.
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    env: options.env ?? {},
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.uid !== undefined && { uid: options.uid }),
    ...(options.gid !== undefined && { gid: options.gid }),
  });
  child.stdin.on("error", () => {}); // it ended first: `exited` tells
  const exited = new Promise<number | null>((resolve) => {
    child.once("error", (error) => {
      child.stderr.destroy(error);
      resolve(null);
    });
    child.once("close", (code) => resolve(code));
  });
  return {
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    async stop() {
      child.stdin.end();
      const insist = setTimeout(() => {
        if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
      }, 30_000);
      await exited;
      clearTimeout(insist);
    },
  };
}
