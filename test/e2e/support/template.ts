/** `node template.ts <folder>`: a system starts there once, bundles its functions, migrates its database, and stops. */
import { startSystem } from "./system.ts";

const system = await startSystem({ stateDir: process.argv[2] ?? "" });
// SES tries a new rule with a message of its own, of which two notices come; the copies have that behind them.
await system.handled(2);
await system.stop();
process.exit(0);
