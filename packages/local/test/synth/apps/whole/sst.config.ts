/// <reference path="./.sst/platform/config.d.ts" />

export default $config({
  app(input) {
    return {
      name: "whole",
      home: "aws",
      removal: input.stage === "production" ? "retain" : "remove",
      providers: { aws: { version: "6.66.2", region: "ca-central-1" } },
    };
  },
  async run() {
    const { outputs } = await import("./infra.ts");
    return outputs;
  },
});
