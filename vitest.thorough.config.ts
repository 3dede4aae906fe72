import { defineConfig } from "vitest/config";

/** `npm run test:thorough`: what takes many starts, syntheses or kills; `npm run test:soak`: what takes ten minutes alone. The everyday tests are in vitest.config.ts. */
export default defineConfig({
  test: {
    include: [`{test,packages}/**/*.${process.env.SOAK ? "soak" : "thorough"}.test.ts`],
    globalSetup: ["test/e2e/support/setup.ts", "packages/core/test/support/setup.ts"],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // One file at a time: some say what a whole machine must look like meanwhile (lifecycle: nobody writes to .sst).
    maxWorkers: 1,
  },
});
