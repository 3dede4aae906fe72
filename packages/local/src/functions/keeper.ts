/**
 * Ends function processes when we are killed. They end by themselves when their channel closes, unless their event
 * loop is busy for ever, and what they started themselves does not notice. So a small shell knows the process groups
 * and kills what is left when its pipe from us closes, whatever closed it.
 */
import { type ChildProcess, spawn } from "node:child_process";

const script = `
trap '' INT TERM HUP
pids=""
while read -r sign pid; do
  case $sign in
    +) pids="$pids $pid" ;;
    -) left=""; for known in $pids; do [ "$known" = "$pid" ] || left="$left $known"; done; pids=$left ;;
  esac
done
for pid in $pids; do kill -s KILL -- "-$pid"; done 2>/dev/null
`;

export interface Keeper {
  /** `pid` leads a process group. */
  add(pid: number): void;
  remove(pid: number): void;
  stop(): Promise<void>;
}

/** Starts with the first process. */
export function createKeeper(): Keeper {
  let shell: ChildProcess | undefined;
  const pids = new Set<number>();
  const tell = (line: string) => {
    shell ??= open();
    shell.stdin?.write(line);
  };

  function open(): ChildProcess {
    const opened = spawn("/bin/sh", ["-c", script], {
      // A session of its own: Ctrl-C in the terminal must not end it before us.
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      env: {},
    });
    opened.on("error", () => {}); // without a shell, processes still end with their channel
    opened.stdin?.on("error", () => {});
    // A Ctrl-C between its fork and its session ends it all the same: another takes over.
    opened.once("exit", (_, signal) => {
      if (shell !== opened) return;
      shell = undefined;
      if (signal) for (const pid of pids) tell(`+ ${pid}\n`);
    });
    return opened;
  }

  return {
    add(pid) {
      pids.add(pid);
      tell(`+ ${pid}\n`);
    },
    remove(pid) {
      pids.delete(pid);
      tell(`- ${pid}\n`);
    },
    async stop() {
      const ending = shell;
      shell = undefined;
      if (!ending || ending.pid === undefined || ending.exitCode !== null || ending.signalCode !== null)
        return;
      await new Promise<void>((resolve) => {
        ending.once("exit", () => resolve());
        ending.stdin?.end();
      });
    },
  };
}
