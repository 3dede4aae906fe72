import { configDefaults, defineConfig } from "vitest/config";

/** Tests of many starts, syntheses or kills, minutes of them: `npm run test:thorough`. */
const thorough = ["**/*.thorough.test.ts", "**/*.soak.test.ts"];

/** One project a kind of test, so that each can be run alone: `npx vitest run --project core`. */
const postgres = "packages/core/test/support/setup.ts";

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    exclude: [...configDefaults.exclude, ...thorough],
    // Modules are read once a worker and not once a file, a third of all CPU. A file puts back whatever it provides.
    isolate: false,
    // vitest leaves one core to itself, which on CI's two means one file at a time; most tests wait for processes.
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: "local", include: ["packages/local/test/**/*.test.ts"] } },
      {
        extends: true,
        test: { name: "core", include: ["packages/core/test/**/*.test.ts"], globalSetup: postgres },
      },
      {
        extends: true,
        test: { name: "functions", include: ["packages/functions/test/**/*.test.ts"], globalSetup: postgres },
      },
      {
        extends: true,
        // The first test that needs a graph makes it: seconds alone, minutes when the machine is busy.
        test: { name: "infra", include: ["test/infra/**/*.test.ts"], testTimeout: 240_000 },
      },
      {
        extends: true,
        test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], globalSetup: "test/e2e/support/setup.ts" },
      },
    ],
  },
});
