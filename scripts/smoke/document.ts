/** `docs/unverified.md`. */
import type { Graph } from "@frontdesk/local";
import { typeName } from "../resources/select.ts";
import { groups } from "./items.ts";

const intro = `# What has never run on AWS

<!-- Generated from scripts/smoke/items.ts by \`npm run documents\`; \`npm run check\` fails when it is out of date. -->

There was no AWS account to try on. What the graph holds is tested, and what runs on one machine runs with its permissions enforced; this is what only AWS can show, by type of resource, on production with all that settings turn on. After the first deployment

\`\`\`
npm run smoke -- --stage production
\`\`\`

asks each of them from outside and prints the list shorter: what passes is gone, what failed comes first. It needs the credentials of whoever deploys; \`FRONTDESK_TOKEN\` in the environment is an id token of an administrator, for what only a person sees (personal stages make their own). It sends one message to \`smoke@\` of the receiving domain. *local* marks what the same script asks of the local cloud in the tests.
`;

export function renderUnverified(graph: Graph): { markdown: string; wrong: string[] } {
  const wrong: string[] = [];
  const covered = new Set<string>();
  const parts = [intro];
  for (const { title, items } of groups) {
    parts.push(
      `## ${title}`,
      "",
      "| id | never seen | checked by | resources |",
      "| --- | --- | --- | --- |",
    );
    for (const { id, claim, check, byHand, local, resources } of items) {
      const found = resources.flatMap((selector) => {
        const some = selector.find(graph);
        if (some.length === 0)
          wrong.push(`${id} names ${selector.text}, and production has none, whatever its settings`);
        return some;
      });
      for (const { type } of found) covered.add(type);
      const by = check ? `\`npm run smoke\`${local ? ", *local*" : ""}` : byHand;
      if (!by) wrong.push(`${id} has neither a check nor a way by hand`);
      const types = [...new Set(found.map(({ type }) => typeName(type)))].toSorted();
      parts.push(`| ${[id, claim, by, types.map((type) => `\`${type}\``).join(", ")].join(" | ")} |`);
    }
    parts.push("");
  }
  const left = graph.resources
    .filter(({ custom, type }) => custom && !type.startsWith("pulumi:") && !covered.has(type) && !ofSst(type))
    .map(({ type }) => typeName(type));
  for (const type of new Set(left)) wrong.push(`no item is about ${type}`);
  return { markdown: `${parts.join("\n").trimEnd()}\n`, wrong };
}

/** SST's own helpers, which are no resources of AWS. */
const ofSst = (type: string) => type.startsWith("pulumi-nodejs:") || type.startsWith("sst:");
