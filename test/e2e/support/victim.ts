/** `node victim.ts <template> <state folder>`: a system that tells where it takes mail, and stays until it is killed. */
import { startSystem } from "./system.ts";

const [, , template = "", stateDir = ""] = process.argv;
const { addresses, mailbox } = await startSystem({ template, stateDir });
process.stdout.write(`${JSON.stringify({ smtp: addresses.smtp, mailbox: mailbox.jobs.address })}\n`);
