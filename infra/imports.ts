/** What the company already runs is taken over by the setting `import`. Imported before the first resource. */
import { importable } from "./settings-import";
import { settings } from "./stage";

$util.runtime.registerStackTransformation(({ name, type, props, opts }) => {
  const identifier = type.startsWith("aws:") ? settings.import[name] : undefined;
  if (identifier === undefined) return undefined;
  // Tags as SST does for what is imported, which it looks for before this.
  const left = new Set([...(opts.ignoreChanges ?? []), ...(importable[name] ?? []), "tags", "tagsAll"]);
  return { props, opts: { ...opts, import: identifier, ignoreChanges: [...left] } };
});
