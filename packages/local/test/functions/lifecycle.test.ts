import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, it } from "vitest";
import { developer, functionSpec, startLambda } from "./support.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "local-lifecycle-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A process that only waits to be reaped has ended. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
async function vanish(pids: number[]) {
  while (pids.some(runs)) await new Promise((resolve) => setTimeout(resolve, 10));
}

it("a run that is killed leaves no process, and what it had accepted runs at the next start", async () => {
  const state = join(folder, "state");
  const file = join(folder, "attempts");
  const host: ChildProcess = spawn(
    process.execPath,
    [join(import.meta.dirname, "fixtures/host.ts"), state, file],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  if (!host.stdout) throw new Error("no output");
  const [line] = (await once(createInterface(host.stdout), "line")) as [string];
  const pids = JSON.parse(line) as number[];
  expect(pids.map(runs)).toEqual([true, true]);
  host.kill("SIGKILL");
  await once(host, "exit");
  await vanish(pids);

  await using test = await startLambda([functionSpec("src/flaky.handler")], { stateDir: state });
  if (!test.observations.some(({ kind }) => kind === "lambda.end"))
    await test.next(({ kind }) => kind === "lambda.end");
  expect(readFileSync(file, "utf8")).toBe(".");
});

it("stopping lets short invocations finish and leaves no process", async () => {
  const state = join(folder, "state");
  const specs = ["sleeps", "spins", "counter"].map((name) => functionSpec(`src/basic.${name}`));
  const test = await startLambda(specs, { stateDir: state });
  const { pid } = (await test.call("src/basic.counter")).value as { pid: number };
  const spinning = test.next(({ kind }) => kind === "lambda.log");
  const spun = expect(test.lambda.invoke(developer, test.arn("src/basic.spins"), {})).rejects.toThrow(
    "the local run is stopping",
  );
  const pids = [pid, Number((await spinning).detail.line)];
  expect(pids.map(runs)).toEqual([true, true]);
  const slept = test.lambda.invoke(developer, test.arn("src/basic.sleeps"), { ms: 100 });
  await test[Symbol.asyncDispose]();
  expect((await slept).functionError).toBeUndefined();
  await spun;
  expect(pids.map(runs)).toEqual([false, false]);
  await expect(test.lambda.invoke(developer, test.arn("src/basic.counter"), {})).rejects.toMatchObject({
    code: "ServiceException",
  });
});
