import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** `npm run test:corpus`: mail of real people, which is not in the repository. Apart from `npm test`, which needs none. */
export default defineConfig({
  test: {
    name: "corpus",
    root: fileURLToPath(new URL("../..", import.meta.url)),
    include: ["test/corpus/**/*.test.ts"],
    testTimeout: 300_000,
  },
});
