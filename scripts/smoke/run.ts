/** Makes every check, one after the other: they share an account, and a mailbox. */
import { Broken, type Smoke, Unable } from "./context.ts";
import { type Item, items } from "./items.ts";

export type Result = { item: Item } & (
  | { outcome: "passed"; seen: string }
  | { outcome: "failed"; why: string }
  /** Still to be seen. */
  | { outcome: "left"; why: string }
);

export async function runSmoke(smoke: Smoke, list: readonly Item[] = items): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of list) results.push(await check(smoke, item));
  return results;
}

async function check(smoke: Smoke, item: Item): Promise<Result> {
  if (!item.check) return { item, outcome: "left", why: `by hand: ${item.byHand}` };
  if (smoke.local && !item.local) return { item, outcome: "left", why: "the local cloud has nothing to ask" };
  try {
    return { item, outcome: "passed", seen: await item.check(smoke) };
  } catch (error) {
    if (error instanceof Unable) return { item, outcome: "left", why: error.message };
    if (error instanceof Broken) return { item, outcome: "failed", why: error.message };
    const { name, message } = error as Error;
    return { item, outcome: "failed", why: `the check itself failed: ${name}: ${message}` };
  }
}

/** What is left of the list, failures first; what passed is a number. */
export function report(results: readonly Result[]): string {
  const passed = results.filter(({ outcome }) => outcome === "passed").length;
  const lines = (outcome: "failed" | "left", mark: string) =>
    results.flatMap((result) =>
      result.outcome === outcome
        ? [`${mark} ${result.item.id.padEnd(20)} ${result.item.claim}\n       ${result.why}`]
        : [],
    );
  const failed = lines("failed", "FAIL ");
  const left = lines("left", "left ");
  return [
    `${passed} of ${results.length} seen${failed.length ? `, ${failed.length} failed` : ""}, ${left.length} left`,
    ...failed,
    ...left,
  ].join("\n");
}
