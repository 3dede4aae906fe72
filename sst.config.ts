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
      providers: { aws: { version: "6.66.2", region: "ca-central-1" }, random: "4.16.6", tls: "5.0.1" },
    };
  },
  async run() {
    await import("./infra/stage");
    await import("./infra/watched");
    await import("./infra/logs");
    await import("./infra/imports");
    await import("./infra/protection");
    await import("./infra/boundary");
    await import("./infra/links");
    await import("./infra/vpc");
    await import("./infra/dns");
    await import("./infra/network");
    await import("./infra/secrets");
    await import("./infra/cluster");
    await import("./infra/proxy");
    await import("./infra/database");
    await import("./infra/bastion");
    await import("./infra/cache");
    await import("./infra/dev");
    await import("./infra/queues");
    await import("./infra/storage");
    await import("./infra/layers");
    await import("./infra/identities");
    await import("./infra/inbound");
    await import("./infra/uploads");
    await import("./infra/scheduler");
    await import("./infra/outbound");
    await import("./infra/feedback");
    await import("./infra/records");
    await import("./infra/cdn");
    await import("./infra/google");
    await import("./infra/auth");
    await import("./infra/migrations");
    const { realtime } = await import("./infra/realtime");
    const { api } = await import("./infra/api");
    await import("./infra/workers");
    await import("./infra/deploy");
    await import("./infra/operations");
    await import("./infra/alarms");
    await import("./infra/dashboard");
    const { dnsOutputs } = await import("./infra/dns");
    return { api: api.url, websocket: realtime.url, ...dnsOutputs() };
  },
  console: {
    autodeploy: {
      // What is merged is staged; what is moved to the branch `production` is live. Pull requests come from people who
      // may not deploy, so none of them does.
      target(event) {
        if (event.type !== "branch" || event.action !== "pushed") return undefined;
        if (event.branch === "main") return { stage: "staging" };
        return event.branch === "production" ? { stage: "production" } : undefined;
      },
    },
  },
});
