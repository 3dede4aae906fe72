/**
 * What the company already runs is taken over by the setting `import`: docs/importing.md. Imported before the first
 * resource. SST leaves the tags of what it imports alone.
 */
import { settings } from "./stage";

$util.runtime.registerStackTransformation(({ name, type, props, opts }) => {
  const identifier = type.startsWith("aws:") ? settings.import[name] : undefined;
  return identifier === undefined ? undefined : { props, opts: { ...opts, import: identifier } };
});
