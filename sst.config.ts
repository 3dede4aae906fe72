/// <reference path="./.sst/platform/config.d.ts" />

export default $config({
  // SST evaluates app() alone, before any module of the app can be imported: what it decides, infra/stage.ts reads
  // back from $app.
  app(input) {
    const production = input.stage === "production";
    const permanent = production || input.stage === "staging";
    return {
      name: "frontdesk",
      home: "aws",
      // SST's "retain" leaves out the cluster, the user pool and the secrets.
      removal: permanent ? "retain-all" : "remove",
      protect: production,
      providers: { aws: { version: "6.66.2", region: "ca-central-1" }, random: "4.16.6" },
    };
  },
  async run() {
    await import("./infra/stage");
    await import("./infra/links");
    await import("./infra/network");
    await import("./infra/secrets");
    await import("./infra/database");
    await import("./infra/cache");
    await import("./infra/queues");
    await import("./infra/storage");
    await import("./infra/inbound");
    await import("./infra/auth");
    await import("./infra/migrations");
    const { realtime } = await import("./infra/realtime");
    const { api } = await import("./infra/api");
    await import("./infra/workers");
    return { api: api.url, websocket: realtime.url };
  },
});
