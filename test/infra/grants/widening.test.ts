/**
 * Every statement of every policy, widened in every way: the matrix must notice it, and what the wider statement lets in
 * must be denied as things are.
 */
import { evaluateAgainst, type Plan } from "@frontdesk/local";
import { describe, expect, test } from "vitest";
import { describeStatement, type PlacedStatement, planWith, statementsOf } from "../../support/statements.ts";
import { stages } from "../support/graphs.ts";
import { expectedMatrix, matrixOf } from "./matrix.ts";
import { policiesOf } from "./policies.ts";
import { wideningsOf } from "./widenings.ts";

/** A plan of one holder's policies alone, since the others stay as they are. */
function about({ holder }: PlacedStatement, plan: Plan): Plan {
  const bare = {
    ...plan,
    functions: [],
    gateways: [],
    queues: [],
    databases: [],
    secrets: [],
    userPools: [],
  };
  return {
    ...bare,
    roles: plan.roles.filter(({ arn }) => arn === holder),
    resourcePolicies: plan.resourcePolicies.filter(({ resource }) => resource === holder),
  };
}

describe.each(stages)("stage %s", (stage) => {
  test("widening any action, resource, principal or condition of any statement is noticed", async () => {
    const { graph, plan, decide } = await policiesOf(stage);
    const expected = expectedMatrix(stage);
    const survivors: string[] = [];
    let tried = 0;
    let witnessed = 0;
    for (const placed of statementsOf(plan)) {
      const mine = about(placed, plan);
      for (const { what, statement, witness } of wideningsOf(placed)) {
        const wider = planWith(
          mine,
          statementsOf(mine).find((one) => sameAs(one, placed)) ?? placed,
          statement,
        );
        const name = `${what} of the ${describeStatement(placed)}`;
        tried += 1;
        const said = Object.entries(matrixOf(graph, wider)).flatMap(([holder, sentences]) =>
          sentences.filter((sentence) => !expected[holder]?.includes(sentence)),
        );
        if (said.length === 0) survivors.push(`the matrix has it: ${name}`);
        if (!witness) continue;
        witnessed += 1;
        if (decide(witness).allowed) survivors.push(`allowed as it is: ${JSON.stringify(witness)} (${name})`);
        if (!evaluateAgainst(wider, witness).allowed)
          survivors.push(`lets nothing in: ${JSON.stringify(witness)} (${name})`);
      }
    }
    expect(survivors).toEqual([]);
    expect(tried).toBeGreaterThan(400);
    expect(witnessed).toBeGreaterThan(300);
  });
});

/** Positions of a resource's policies differ in a plan that has fewer. */
function sameAs(a: PlacedStatement, b: PlacedStatement): boolean {
  return (
    a.kind === b.kind &&
    a.index === b.index &&
    (a.kind === "resource" || a.policy === b.policy) &&
    JSON.stringify(a.statement) === JSON.stringify(b.statement)
  );
}
