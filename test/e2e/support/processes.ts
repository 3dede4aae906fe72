/** Processes of this machine, as /proc (Linux) or ps (elsewhere) tells of them. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

export interface Process {
  pid: number;
  parent: number;
  session: number;
  /** Z: it has ended, and its parent has not looked yet. */
  state: string;
  command: string;
}

export function processes(): Process[] {
  return existsSync("/proc/self/stat") ? fromProc() : fromPs();
}

function fromProc(): Process[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      // The name in parentheses may hold anything, parentheses too.
      const [state = "", parent, , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      return [{ pid: Number(name), parent: Number(parent), session: Number(session), state, command }];
    } catch {
      return []; // it ended meanwhile
    }
  });
}

function fromPs(): Process[] {
  const text = execFileSync("ps", ["-A", "-o", "pid=,ppid=,sess=,state=,command="], { encoding: "utf8" });
  return text.split("\n").flatMap((line) => {
    const [, pid, parent, session, state = "", command = ""] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined
      ? []
      : [{ pid: Number(pid), parent: Number(parent), session: Number(session), state, command }];
  });
}

/** What runs below a process, at any depth. */
export function descendants(pid: number, all = processes()): Process[] {
  return all
    .filter(({ parent }) => parent === pid)
    .flatMap((child) => [child, ...descendants(child.pid, all)]);
}

/** Kills the processes of a function of a system that runs in this one. @returns How many there were. */
export function killFunction(name: string): number {
  const found = descendants(process.pid).filter(
    ({ command }) => command.includes(`/${name}/`) && command.includes("bootstrap.mjs"),
  );
  for (const { pid } of found) process.kill(-pid, "SIGKILL");
  return found.length;
}
