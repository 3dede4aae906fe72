/**
 * `npm run grants [-- --stage name] [--json]`: who may do what, from what sst.config.ts declares for a stage, without
 * AWS. One line a function (or other role, or resource with a policy), action and resource; ARNs by logical names.
 */
import { parseArgs } from "node:util";
import { ensurePlatform, installationSeed, synthesise } from "@frontdesk/local";
import { type Sentence, sentencesOf } from "./grants/read.ts";
import { root, workFolder } from "./run/root.ts";

const note = (line: string) => process.stderr.write(`${line}\n`);

/** One for each action and resource, without repeats. */
function rows(sentences: readonly Sentence[]): string[][] {
  const all = sentences.flatMap(({ kind, holder, effect, principal, actions, resources, conditions }) =>
    actions.flatMap((action) =>
      (resources.length > 0 ? resources : ["itself"]).map((resource) => {
        const subject = kind === "identity" ? holder : (principal ?? "");
        const object =
          kind === "identity" ? resource : holder === resource ? holder : `${holder}: ${resource}`;
        return [subject, effect === "Deny" ? `not ${action}` : action, object, conditions.join(", ")];
      }),
    ),
  );
  return [...new Map(all.map((row) => [row.join("\t"), row])).values()];
}

function table(lines: string[][]): string {
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

try {
  const { values } = parseArgs({
    options: { stage: { type: "string", default: "local" }, json: { type: "boolean", default: false } },
  });
  await ensurePlatform(root, values.stage, note);
  const graph = await synthesise({
    appDir: root,
    stage: values.stage,
    secretSeed: installationSeed(workFolder),
    log: note,
  });
  const sentences = sentencesOf(graph);
  if (values.json) process.stdout.write(`${JSON.stringify({ stage: values.stage, sentences }, null, 2)}\n`);
  else {
    const of = (...kinds: Sentence["kind"][]) => rows(sentences.filter(({ kind }) => kinds.includes(kind)));
    process.stdout.write(
      [
        `what functions and other roles may do in stage ${values.stage}`,
        table(of("identity")),
        "",
        "who may take a role, and what resources let others do",
        table(of("trust", "resource")),
        "",
      ].join("\n"),
    );
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
