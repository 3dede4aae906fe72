import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { createKeeper } from "../../src/functions/keeper.ts";

/** Shells that are children of this process and keep function processes. */
function keepers(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return state !== "Z" && Number(parent) === process.pid && command.includes("read -r sign pid");
      } catch {
        return false; // it ended meanwhile
      }
    })
    .map(Number);
}

test("a shell that a signal ended is replaced by one that knows every process, and stopping does not wait for the dead", async () => {
  const sleeper = spawn("sleep", ["600"], { detached: true, stdio: "ignore" });
  const ended = once(sleeper, "exit");
  const keeper = createKeeper();
  keeper.add(sleeper.pid ?? 0);
  const [first] = await vi.waitFor(() => {
    const found = keepers();
    expect(found).toHaveLength(1);
    return found;
  });
  process.kill(first ?? 0, "SIGKILL");
  const [second] = await vi.waitFor(() => {
    const found = keepers().filter((pid) => pid !== first);
    expect(found).toHaveLength(1);
    return found;
  });
  expect(sleeper.exitCode).toBeNull();
  await keeper.stop();
  expect(await ended).toEqual([null, "SIGKILL"]);
  expect(keepers()).not.toContain(second);
});

test("stopping resolves when its shell was killed a moment before", async () => {
  const keeper = createKeeper();
  keeper.add(2 ** 22); // beyond Linux's largest process id
  const [shell] = await vi.waitFor(() => {
    const found = keepers();
    expect(found).toHaveLength(1);
    return found;
  });
  process.kill(shell ?? 0, "SIGKILL");
  await keeper.stop();
  expect(keepers()).toEqual([]);
});
