/**
 * One Postgres server: its folder, its process, nothing of AWS. It listens on a Unix socket in a folder that only
 * this user can enter; whoever else shall reach it passes the front.
 */
import { execFile } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type Supervised, supervise } from "../cloud/supervise.ts";
import { type Binaries, findBinaries } from "./binaries.ts";

export interface ServerOptions {
  /** Holds the data; made if it is missing. */
  folder: string;
  /** Lines of pg_hba.conf (https://www.postgresql.org/docs/17/auth-pg-hba-conf.html). */
  hba: string[];
  /** No fsync and no full page writes: several times faster. Survives a kill of every process, not a loss of power. */
  fast?: boolean;
  /** Also listens on this port of 127.0.0.1. */
  tcpPort?: number;
  /** Further settings of postgresql.conf. */
  settings?: Record<string, string>;
}
export interface PostgresServer {
  /** Folder of the socket `.s.PGSQL.5432`. */
  socketFolder: string;
  socketPath: string;
  /** Whether the folder was new. */
  created: boolean;
  /** Resolves when the process ends, stopped or not. */
  exited: Promise<number | null>;
  stop(): Promise<void>;
}

export const SUPERUSER = "rdsadmin";
export const SOCKET_PORT = 5432;

/** @throws Error with the last lines of Postgres' own log. */
export async function startServer(options: ServerOptions): Promise<PostgresServer> {
  const binaries = await findBinaries();
  const data = join(options.folder, "data");
  mkdirSync(options.folder, { recursive: true });
  const created = !existsSync(data);
  if (created) await initialise(binaries, options.folder, data);
  else await endOrphan(data);

  const hba = join(data, "pg_hba.conf");
  writeFileSync(hba, `${options.hba.join("\n")}\n`);
  const socketFolder = makeSocketFolder(options.folder, binaries);
  const settings: Record<string, string> = {
    listen_addresses: options.tcpPort === undefined ? "" : "127.0.0.1",
    // The number is part of the socket's name, listening or not.
    port: String(options.tcpPort ?? SOCKET_PORT),
    unix_socket_directories: socketFolder,
    unix_socket_permissions: "0700",
    max_connections: "200",
    timezone: "UTC",
    log_timezone: "UTC",
    // Statements may carry passwords (ALTER ROLE): they do not belong in a log.
    log_min_error_statement: "panic",
    ...(options.fast && { fsync: "off", full_page_writes: "off" }),
    ...options.settings,
  };
  const removeSocket = () => rmSync(socketFolder, { recursive: true, force: true });
  const child = await launch(binaries, data, settings).catch((error: Error) => {
    removeSocket();
    throw error;
  });
  return {
    socketFolder,
    socketPath: join(socketFolder, `.s.PGSQL.${settings.port}`),
    created,
    exited: child.exited,
    async stop() {
      await child.stop();
      removeSocket();
    },
  };
}

const environment = { LC_ALL: "C", PATH: "/usr/bin:/bin" };

/**
 * Folder and `-D` argument to run a program in. Started by root, Postgres runs as somebody who may not pass the
 * folders above its own (a temporary folder of root's has mode 0700). Linux resolves /proc/self/cwd without walking
 * the path, and the working folder is entered before root's rights are dropped.
 */
function place(binaries: Binaries, data: string) {
  return {
    cwd: data,
    argument: binaries.user && process.platform === "linux" ? "/proc/self/cwd" : data,
  };
}

/** Made beside and renamed: an interrupted initialisation leaves nothing that looks like data. */
async function initialise(binaries: Binaries, folder: string, data: string) {
  const draft = join(folder, "data.new");
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  if (binaries.user) chownSync(draft, binaries.user.uid, binaries.user.gid);
  const { cwd, argument } = place(binaries, draft);
  // Sorted by ICU's en-US: AWS's default en_US.UTF-8 is not on every machine, and C would sort otherwise.
  const args = `--username=${SUPERUSER} --auth=reject --encoding=UTF8 --locale=C --locale-provider=icu --icu-locale=en-US --no-sync --no-instructions`;
  try {
    await promisify(execFile)(binaries.initdb, ["-D", argument, ...args.split(" ")], {
      cwd,
      env: environment,
      ...binaries.user,
    });
  } catch (error) {
    const { message, stderr, code } = error as Error & { stderr?: string; code?: string | number };
    if (code === "EACCES") throw new Error(notExecutable(binaries));
    throw new Error(`Postgres' data folder ${data} could not be made: ${stderr?.trim() || message}`);
  }
  renameSync(draft, data);
}

function notExecutable(binaries: Binaries) {
  return binaries.user
    ? `Postgres refuses to run as root, and user ${binaries.user.uid} may not run ${binaries.postgres}: run as an ordinary user, or open the folders above to others (chmod o+x)`
    : `${binaries.postgres} may not be executed`;
}

async function launch(binaries: Binaries, data: string, settings: Record<string, string>) {
  const { cwd, argument } = place(binaries, data);
  const args = [
    "-D",
    argument,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  for (let attempt = 0; ; attempt++) {
    const child = supervise(binaries.postgres, args, {
      ask: "INT", // "fast" shutdown: transactions are rolled back, the data is left clean
      cwd,
      env: environment,
      ...binaries.user,
    });
    const problem = await readiness(child);
    if (problem === undefined) return child;
    await child.stop();
    // A postmaster that was killed leaves backends that take a moment to notice.
    if (attempt < 50 && /pre-existing shared memory block|is already in use/.test(problem)) {
      await sleep(100);
      continue;
    }
    throw new Error(
      /Permission denied|not found/.test(problem) && problem.includes(basename(binaries.postgres))
        ? `${notExecutable(binaries)}: ${problem}`
        : `Postgres did not start: ${problem}`,
    );
  }
}

/** @returns undefined when it accepts connections, else its last lines. */
async function readiness(child: Supervised): Promise<string | undefined> {
  const lines: string[] = [];
  const ready = new Promise<undefined>((resolve) => {
    let rest = "";
    child.stderr.setEncoding("utf8");
    // Read to the end: a full pipe would stop the server.
    child.stderr.on("data", (chunk: string) => {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) {
        lines.push(line.replace(/^.*?\] /, ""));
        if (lines.length > 20) lines.shift();
        if (line.includes("database system is ready to accept connections")) resolve(undefined);
      }
    });
    child.stderr.on("error", (error) => lines.push(error.message));
    child.stdout.resume();
  });
  return Promise.race([ready, child.exited.then((code) => lines.join("; ") || `it ended with code ${code}`)]);
}

/** Short, because the path of a Unix socket may have 103 bytes (macOS) or 107 (Linux). */
function makeSocketFolder(folder: string, binaries: Binaries) {
  const note = join(folder, "socket");
  if (existsSync(note)) rmSync(readFileSync(note, "utf8"), { recursive: true, force: true });
  // Root's own TMPDIR may be closed to the user that Postgres runs as.
  const base = binaries.user || tmpdir().length > 70 ? "/tmp" : tmpdir();
  const made = mkdtempSync(join(base, "pg-"));
  writeFileSync(note, made);
  chmodSync(made, 0o700);
  if (binaries.user) chownSync(made, binaries.user.uid, binaries.user.gid);
  return made;
}

/**
 * A server of a run that was killed. The caller holds the folder's lock, so nobody uses it any more. A process id
 * that now belongs to another program is replaced by one that nobody can have: Postgres would take it for a live
 * server and refuse, and removing the file would also remove its check for backends still attached.
 */
async function endOrphan(data: string) {
  const file = join(data, "postmaster.pid");
  for (let waited = 0; existsSync(file); waited += 50) {
    const pid = Number.parseInt(readFileSync(file, "utf8"), 10);
    if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return;
    if (!isServerOf(pid, data)) {
      writeFileSync(file, readFileSync(file, "utf8").replace(/^\d+/, "2147483646"));
      return;
    }
    if (waited === 0) process.kill(pid, "SIGINT");
    else if (waited === 10_000) process.kill(pid, "SIGQUIT");
    else if (waited > 20_000) throw new Error(`a Postgres of an earlier run (process ${pid}) does not end`);
    await sleep(50);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A postmaster's working folder is its data folder. Where that cannot be read, its own record is believed. */
function isServerOf(pid: number, data: string) {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === data;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" && process.platform !== "linux";
  }
}
