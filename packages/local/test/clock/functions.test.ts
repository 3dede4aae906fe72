import { expect, it } from "vitest";
import { functionSpec, startLambda } from "../functions/support.ts";

const DAY_MS = 86_400_000;
interface Times {
  now: number;
  constructed: string;
  called: string;
  epoch: string;
  isDate: boolean;
  own: boolean;
  sub: number;
  constructorIsDate: boolean;
}

it("as long as the clock has not been moved, Date is V8's own", async () => {
  await using test = await startLambda([functionSpec("src/clock.native")]);
  const { value } = await test.call("src/clock.native");
  expect(value).toEqual({ native: true });
});

it("a process that is warm goes with the clock, one that begins later begins at its time", async () => {
  await using test = await startLambda([functionSpec("src/clock.times"), functionSpec("src/clock.native")]);
  await test.call("src/clock.times");
  const started = Date.now();
  test.cloud.clock.advance(5 * 60_000);
  const warm = (await test.call("src/clock.times")).value as Times;
  expect(warm.now - started).toSatisfy((ms: number) => ms >= 5 * 60_000 && ms < 6 * 60_000);

  // The idle process ends with the day; native has not run yet.
  test.cloud.clock.advance(DAY_MS);
  const cold = (await test.call("src/clock.times")).value as Times;
  expect(cold.now - started).toBeGreaterThanOrEqual(DAY_MS + 5 * 60_000);
  expect((await test.call("src/clock.native")).value).toEqual({ native: false });
  for (const times of [warm, cold]) {
    expect(Math.abs(Date.parse(times.constructed) - times.now)).toBeLessThan(1000);
    expect(Math.abs(Date.parse(times.called) - times.now)).toBeLessThan(2000);
    expect(times).toMatchObject({
      epoch: "1970-01-01T00:00:00.000Z",
      isDate: true,
      own: true,
      constructorIsDate: true,
    });
  }
  expect(Math.abs(cold.sub - cold.now)).toBeLessThan(1000);
});

it("worker threads and forks begin at its time, too", async () => {
  await using test = await startLambda([functionSpec("src/clock.others")]);
  test.cloud.clock.advance(DAY_MS);
  const { value } = await test.call("src/clock.others");
  const { thread, fork } = value as { thread: number; fork: number };
  const now = test.cloud.clock.now();
  expect(Math.abs(thread - now)).toBeLessThan(60_000);
  expect(Math.abs(fork - now)).toBeLessThan(60_000);
});

it("a function that is running sees the clock move", async () => {
  await using test = await startLambda([functionSpec("src/clock.untilMoved")]);
  const running = test.call("src/clock.untilMoved");
  await test.next(({ kind, detail }) => kind === "lambda.log" && String(detail.line).includes("looking"));
  test.cloud.clock.advance(10_000);
  const { value } = await running;
  expect((value as { jumped: number }).jumped).toBeGreaterThanOrEqual(9000);
});
