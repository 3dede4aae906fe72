/** The audit as text. */
import type { Outcome, Report, RuleResult } from "./evaluate.ts";

const marks: Record<Outcome, string> = {
  pass: "pass",
  fail: "FAIL",
  suppressed: "supp",
  "not applicable": "n/a",
};
const order: Outcome[] = ["pass", "suppressed", "not applicable", "fail"];

export function renderTable(report: Report): string {
  const nouns = Map.groupBy(report.rules, ({ rule }) => rule.name.split(".")[0] ?? "");
  const width = Math.max(...report.rules.map(({ rule }) => rule.name.length));
  const lines = [`stage ${report.stage} (${report.kind})`, ""];
  for (const [noun, results] of nouns) {
    lines.push(`${noun}  ${tally(results)}`);
    for (const { rule, outcome, resources } of results)
      lines.push(
        `  ${marks[outcome].padEnd(4)}  ${rule.name.padEnd(width)}  ${String(resources || "-").padStart(3)}  ${rule.controls.join(" ")}`,
      );
  }
  const unruled = report.controls.filter(({ rule }) => rule === undefined).length;
  lines.push(
    "",
    `${report.controls.length} controls: ${order.map((outcome) => `${report.counts[outcome]} ${outcome}`).join(", ")}`,
    `${report.rules.length} rules answer ${report.controls.length - unruled} of them; ${unruled} have no rule because they do not apply (--json says why)`,
    ...suppressedOf(report),
    ...failuresOf(report),
    ...report.errors.map((text) => `\nERROR  ${text}`),
  );
  return lines.join("\n");
}

function tally(results: readonly RuleResult[]): string {
  return order
    .map((outcome) => [results.filter((result) => result.outcome === outcome).length, outcome] as const)
    .filter(([count]) => count > 0)
    .map(([count, outcome]) => `${count} ${outcome}`)
    .join(", ");
}

function suppressedOf({ rules }: Report): string[] {
  return rules.flatMap(({ rule, findings }) => {
    const kept = findings.filter(({ suppressed }) => suppressed !== undefined);
    return [...Map.groupBy(kept, ({ suppressed }) => suppressed)].map(
      ([reason, group]) =>
        `\nsuppressed  ${rule.name}, ${count(new Set(group.map(({ resource }) => resource)).size, "resource")}: ${reason}`,
    );
  });
}

function failuresOf({ rules }: Report): string[] {
  return rules
    .filter(({ outcome }) => outcome === "fail")
    .flatMap(({ rule, findings }) => {
      const open = findings.filter(({ suppressed }) => suppressed === undefined);
      return [
        `\nFAIL  ${rule.name}: ${rule.statement} (${rule.controls.join(" ")})`,
        ...[...Map.groupBy(open, ({ wrong }) => wrong)].map(
          ([wrong, same]) => `      ${same.map(({ resource }) => resource).join(", ")}: ${wrong}`,
        ),
        `      To mend it: ${rule.mend}.`,
      ];
    });
}

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;
