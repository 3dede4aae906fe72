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
  const tell = (line: string) => {
    if (!shell) {
      shell = spawn("/bin/sh", ["-c", script], {
        // A session of its own: Ctrl-C in the terminal must not end it before us.
        detached: true,
        stdio: ["pipe", "ignore", "ignore"],
        env: {},
      });
      shell.on("error", () => {}); // without a shell, processes still end with their channel
      shell.stdin?.on("error", () => {});
    }
    shell.stdin?.write(line);
  };
  return {
    add: (pid) => tell(`+ ${pid}\n`),
    remove: (pid) => tell(`- ${pid}\n`),
    async stop() {
      const ending = shell;
      shell = undefined;
      if (!ending || ending.exitCode !== null || ending.pid === undefined) return;
      await new Promise<void>((resolve) => {
        ending.once("exit", () => resolve());
        ending.stdin?.end();
      });
    },
  };
}
