/** A script as a person at a terminal starts it: in a session of its own, to which Ctrl-C goes as a whole. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, readlinkSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Addresses } from "../../../scripts/run/start.ts";
import { type Process, processes } from "./processes.ts";

export interface Command {
  child: ChildProcess;
  /** Everything it printed so far. */
  output(): string;
  /** Resolves when it has printed the text; rejects when it ends without. */
  prints(text: string): Promise<void>;
  /** Ctrl-C: to every process of the session, and once more to ours, since npm hands on what it gets itself. */
  interrupt(): void;
  /** Exit code, or the signal that ended it. */
  exit: Promise<number | NodeJS.Signals>;
}

const PATIENCE_MS = 180_000;

/** @param folder A copy of the repository. Home and temporary files are below it, too. */
export function run(folder: string, script: string, ...options: string[]): Command {
  const home = join(folder, "home");
  const tmp = join(folder, "tmp");
  for (const path of [home, tmp]) mkdirSync(path, { recursive: true });
  const node = join(folder, "node_modules", ".bin", "node");
  const child = spawn(node, ["--no-warnings", join(folder, "scripts", `${script}.ts`), ...options], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH, HOME: home, TMPDIR: tmp },
  });
  let text = "";
  const changed = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      for (const look of changed) look();
    });
  const exit = once(child, "close").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  return {
    child,
    output: () => text,
    async prints(wanted) {
      const found = new Promise<void>((resolve) => {
        const look = () => {
          if (!text.includes(wanted)) return;
          changed.delete(look);
          resolve();
        };
        changed.add(look);
        look();
      });
      const ended = exit.then((code) => {
        if (!text.includes(wanted)) throw new Error(`"${script}" ended with ${code}; it printed\n${text}`);
      });
      const late = sleep(PATIENCE_MS, undefined, { ref: false }).then(() => {
        throw new Error(`"${script}" did not print "${wanted}", but\n${text}`);
      });
      await Promise.race([found, ended, late]);
    },
    interrupt() {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGINT");
      child.kill("SIGINT");
    },
    exit,
  };
}

export function addressesIn(folder: string): Addresses {
  return JSON.parse(readFileSync(join(folder, ".frontdesk", "local.json"), "utf8")) as Addresses;
}

/** Processes that work in the folder or were started from it. */
export function processesOf(folder: string): Process[] {
  return processes().filter(({ pid, state, command }) => {
    if (state === "Z" || pid === process.pid) return false;
    if (command.includes(folder)) return true;
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
    } catch {
      return false; // ended, or no /proc on this system
    }
  });
}

/** Waits for the processes of a folder to be gone; they have a moment. */
export async function expectNobodyIn(folder: string): Promise<void> {
  let left: Process[] = [];
  for (let waited = 0; waited < 10_000; waited += 50) {
    left = processesOf(folder);
    if (left.length === 0) return;
    await sleep(50);
  }
  throw new Error(`still there: ${left.map(({ pid, command }) => `${pid} ${command}`).join("\n")}`);
}

/** The ports that nobody listens on any more must refuse. @returns Those that answer. */
export async function openPorts(addresses: Addresses): Promise<string[]> {
  const open: string[] = [];
  for (const address of Object.values(addresses)) {
    if (typeof address !== "string") continue;
    const socket = createConnection(Number(new URL(address).port), "127.0.0.1");
    const answered = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (answered) open.push(address);
  }
  return open;
}
