/// <reference path="./.sst/platform/config.d.ts" />

export default $config({
  app() {
    return { name: "components", home: "aws", removal: "remove" };
  },
  async run() {
    await import("./infra.ts");
  },
});
