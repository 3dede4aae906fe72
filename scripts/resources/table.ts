/** `docs/resources.md`: each line of the notes, and what answers it on each kind of stage. */
import type { Graph, GraphResource } from "@frontdesk/local";
import { type Kind, kinds } from "./graphs.ts";
import { type Line, sections } from "./notes.ts";
import { type Selector, typeName } from "./select.ts";

const allKinds = Object.keys(kinds) as Kind[];
const plainKinds = allKinds.filter((kind) => kind !== "configured");

export interface Rendered {
  markdown: string;
  /** Lines whose selector finds nothing, or whose "never" finds something. */
  wrong: string[];
}

/** @param graphs A graph of each kind of stage. */
export function renderResources(graphs: Record<Kind, Graph>): Rendered {
  const wrong: string[] = [];
  const parts = [intro];
  for (const { title, lines } of sections) {
    parts.push(`## ${title}`, "", "| note | answer | resources | declared in |", "| --- | --- | --- | --- |");
    for (const line of lines) parts.push(row(line, graphs, wrong));
    parts.push("");
  }
  return { markdown: `${parts.join("\n").trimEnd()}\n`, wrong };
}

const intro = `# The notes, line by line

<!-- Generated from the graph by \`npm run documents\`; \`npm run check\` fails when it is out of date. What is said of each line is in scripts/resources/notes.ts. -->

Every line of the company's infrastructure notes, and the resources that answer it, by logical name. Where nothing else is said a resource is on every stage, whatever its settings; a file is the one whose code makes it. A line that asked or described a process has a verdict.
`;

function row(line: Line, graphs: Record<Kind, Graph>, wrong: string[]): string {
  const found = new Map<string, { resource: GraphResource; on: Kind[] }>();
  for (const selector of line.resources ?? []) {
    let matches = 0;
    for (const kind of allKinds)
      for (const resource of selector.find(graphs[kind])) {
        matches++;
        const key = `${resource.type} ${shown(resource)}`;
        const known = found.get(key);
        if (!known) found.set(key, { resource, on: [kind] });
        else if (!known.on.includes(kind)) known.on.push(kind);
      }
    if (matches === 0) wrong.push(`"${line.note}" names ${selector.text}, and no stage has one`);
  }
  for (const selector of line.never ?? []) refuse(line, selector, graphs, wrong);
  const entries = [...found.values()];
  const files = new Set<string>();
  for (const { resource } of entries) {
    if (resource.declaredIn) files.add(resource.declaredIn);
    else wrong.push(`"${line.note}": nobody knows which file declares ${resource.type} ${resource.name}`);
  }
  return `| ${[
    cell(line.note),
    cell(line.answer),
    byKind(entries),
    [...files]
      .toSorted()
      .map((file) => `[${file.replace(/^infra\//, "")}](../${file})`)
      .join(", "),
  ].join(" | ")} |`;
}

function refuse(line: Line, selector: Selector, graphs: Record<Kind, Graph>, wrong: string[]) {
  for (const kind of allKinds)
    for (const { name } of selector.find(graphs[kind]))
      wrong.push(`"${line.note}" says that there is no ${selector.text}, and ${kind} has ${name}`);
}

/** SST names what belongs to a route or a subscriber by letters that follow from ARNs, and so from the stage. */
const shown = ({ name }: GraphResource) => name.replace(/(Route|Subscriber)[A-Z][a-z]{5}(?=[A-Z])/, "$1…");

const cell = (text: string) => text.replaceAll("|", "\\|");

/** Resources by where they are, then by type. */
function byKind(entries: { resource: GraphResource; on: Kind[] }[]): string {
  const groups = new Map<string, GraphResource[]>();
  for (const { resource, on } of entries) {
    const label = labelOf(on);
    groups.set(label, [...(groups.get(label) ?? []), resource]);
  }
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, resources]) => label + byType(resources))
    .join("<br>");
}

function labelOf(on: Kind[]): string {
  const where = on.filter((kind) => kind !== "configured");
  if (where.length === plainKinds.length) return "";
  return where.length === 0 ? "once a setting asks for it: " : `${where.join(" and ")}: `;
}

function byType(resources: GraphResource[]): string {
  const types = new Map<string, string[]>();
  for (const resource of resources) {
    const type = typeName(resource.type);
    types.set(type, [...(types.get(type) ?? []), shown(resource)]);
  }
  return [...types]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([type, names]) => `\`${type}\` ${names.toSorted().join(", ")}`)
    .join("; ");
}
