import type { Graph } from "../graph/types.ts";

/** What a synthesis found, for a terminal: a line a fact, resources by type, most first. */
export function summarise(graph: Graph): string {
  const counts = new Map<string, number>();
  for (const { type, custom } of graph.resources) if (custom) counts.set(type, (counts.get(type) ?? 0) + 1);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const components = graph.resources.length - total;
  const regions = [...new Set(graph.resources.filter(({ custom }) => custom).map(({ region }) => region))];
  const functions = Object.values(graph.functions);
  const width = Math.max(0, ...functions.map(({ id }) => id.length));
  return [
    `${graph.app}, stage ${graph.stage}: ${total} resources in ${components} components (${regions.toSorted().join(", ")})`,
    "",
    ...[...counts]
      .toSorted(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
      .map(([type, count]) => `  ${String(count).padStart(4)}  ${type}`),
    "",
    `${functions.length} functions`,
    ...functions.map(({ id, handler, runtime }) => `  ${id.padEnd(width)}  ${handler} (${runtime})`),
    ...(graph.unknownTypes.length > 0
      ? [
          "",
          "answered generically, because nobody taught their shape here:",
          ...graph.unknownTypes.map((type) => `  ${type}`),
        ]
      : []),
  ].join("\n");
}
