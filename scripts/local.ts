/** `npm run local [-- --fresh] [--stage local] [--port api=4000 …]`: everything up, data kept, until Ctrl-C. */
import { join } from "node:path";
import { stopOnSignals } from "./run/ctrl-c.ts";
import { readOptions } from "./run/options.ts";
import { workFolder } from "./run/root.ts";
import { publish, startFrontdesk, unpublish } from "./run/start.ts";

const options = readOptions("npm run local");
const { signal, onStop, stopped } = stopOnSignals();
try {
  const { app, addresses } = await startFrontdesk({
    stage: options.stage,
    fresh: options.fresh,
    watch: true,
    stateDir: join(workFolder, "state", options.stage),
    ports: options.ports,
    signal,
  });
  onStop(async () => {
    unpublish();
    await app.stop();
  });
  publish(app, addresses);
  for (const [name, address] of Object.entries(addresses))
    if (typeof address === "string") console.log(`${name.padEnd(10)} ${address}`);
  console.log("\nready. A token: npm run -s token -- --role admin. Ctrl-C stops.");
  await stopped;
  process.exit(0);
} catch (error) {
  if (signal.aborted) process.exit(130);
  process.stderr.write(`${(error as Error).stack ?? error}\n`);
  process.exit(1);
}
