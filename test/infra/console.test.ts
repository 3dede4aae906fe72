import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { root } from "../../scripts/run/root.ts";

interface GitEvent {
  type: string;
  action?: string;
  branch?: string;
  number?: number;
}

/** What the SST console asks of sst.config.ts when somebody pushes. */
async function target(event: GitEvent): Promise<unknown> {
  vi.stubGlobal("$config", (config: unknown) => config);
  const { default: config } = (await import(join(root, "sst.config.ts"))) as {
    default: { console: { autodeploy: { target(event: GitEvent): unknown } } };
  };
  return config.console.autodeploy.target(event);
}

test.each([
  [{ type: "branch", action: "pushed", branch: "main" }, { stage: "staging" }],
  [{ type: "branch", action: "pushed", branch: "production" }, { stage: "production" }],
  [{ type: "branch", action: "pushed", branch: "try-this" }, undefined],
  [{ type: "branch", action: "pushed", branch: "constructor" }, undefined],
  [{ type: "branch", action: "removed", branch: "production" }, undefined],
  [{ type: "pull_request", action: "pushed", number: 7 }, undefined],
  [{ type: "tag", action: "pushed" }, undefined],
])("the console deploys %j to %j", async (event, stage) => {
  expect(await target(event)).toEqual(stage);
});
