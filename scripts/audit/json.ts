import type { Report } from "./evaluate.ts";

/** The audit for programs. Of a rule the text alone: JSON has no room for its functions. */
export function renderJson({ rules, ...report }: Report): string {
  const described = rules.map(({ rule: { name, controls, statement, mend }, ...result }) => ({
    name,
    controls,
    statement,
    mend,
    ...result,
  }));
  return JSON.stringify({ ...report, rules: described }, null, 2);
}
