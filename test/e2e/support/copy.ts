/** The repository in another folder, as a second checkout would be, sharing what npm and SST have installed. */
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../../../scripts/run/root.ts";

export function copyRepository(folder: string): void {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  for (const name of listed.split("\0")) {
    // What was removed and is not committed yet is listed all the same.
    if (!statSync(join(root, name), { throwIfNoEntry: false })?.isFile()) continue;
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    copyFileSync(join(root, name), join(folder, name));
  }
  shareModules("node_modules", folder);
  // Our own packages are those of the copy.
  const own = join(folder, "node_modules", "@frontdesk");
  mkdirSync(own);
  for (const name of readdirSync(join(folder, "packages"))) {
    symlinkSync(join("..", "..", "packages", name), join(own, name));
    const nested = join(root, "packages", name, "node_modules");
    if (existsSync(nested)) symlinkSync(nested, join(folder, "packages", name, "node_modules"));
  }
  const modules = join(root, ".sst", "platform", "node_modules");
  cpSync(join(root, ".sst"), join(folder, ".sst"), {
    recursive: true,
    filter: (path) => path !== modules,
  });
  symlinkSync(modules, join(folder, ".sst", "platform", "node_modules"));
}

/** One link an entry, so that a new one goes into the copy. */
function shareModules(name: string, folder: string): void {
  mkdirSync(join(folder, name));
  for (const entry of readdirSync(join(root, name)))
    if (entry !== "@frontdesk" && entry !== ".package-lock.json")
      symlinkSync(join(root, name, entry), join(folder, name, entry));
}
