/** A running Frontdesk for the benchmarks that need one, with a socket that listens to every mailbox. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunningApp } from "@frontdesk/local";
import { type Api, apiClient, type Listener, listen } from "../scripts/demo/inbox.ts";
import { type Addresses, developerOf, startFrontdesk } from "../scripts/run/start.ts";
import { tokenFor } from "../scripts/run/tokens.ts";

export interface System {
  app: RunningApp;
  addresses: Addresses;
  api: Api;
  mailboxes: { id: string; address: string }[];
  socket: Listener;
  stop(): Promise<void>;
}

/** State goes to a folder of its own that is removed at the end; nothing is printed. */
export async function startSystem(): Promise<System> {
  const stateDir = mkdtempSync(join(tmpdir(), "frontdesk-bench-"));
  const { app, addresses } = await startFrontdesk({ stateDir, fast: true, log: () => undefined });
  const developer = developerOf(app);
  const token = await tokenFor(
    { ...developer, endpoint: addresses.aws },
    `admin@${developer.workspaceDomain}`,
    "admin",
  );
  const api = apiClient(addresses.api, token, developer.origin);
  const { items: mailboxes } = await api.get<{ items: { id: string; address: string }[] }>("/mailboxes");
  const socket = await listen(
    api,
    addresses.websocket,
    developer.origin,
    mailboxes.map(({ id }) => `mailbox:${id}`),
  );
  return {
    app,
    addresses,
    api,
    mailboxes,
    socket,
    async stop() {
      socket.close();
      await app.stop();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}
