import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));
/** What runs leave behind: addresses, graphs, figures, state. Never committed. */
export const workFolder = join(root, ".frontdesk");
