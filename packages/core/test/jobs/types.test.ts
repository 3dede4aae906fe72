/** From caller to handler: what does not fit does not compile. */
import { expectTypeOf, test } from "vitest";
import * as z from "zod";
import { define, enqueue, order } from "../../src/jobs/index.ts";

const typed = define({
  name: "typed",
  description: "Has a schema whose input is not its output.",
  schema: z.object({ at: z.iso.datetime().transform((text) => new Date(text)), n: z.number().default(1) }),
  options: { concurrencyKey: ({ at }) => at.toISOString() },
  handler: async ({ at, n }) => ({ at, n }),
});

test("a caller gives the schema's input, the handler gets its output, and the result is known", () => {
  expectTypeOf<Parameters<typeof typed.handler>[0]>().toEqualTypeOf<{ at: Date; n: number }>();
  expectTypeOf<Awaited<ReturnType<typeof typed.handler>>>().toEqualTypeOf<{ at: Date; n: number }>();
  expectTypeOf(typed.name).toEqualTypeOf<"typed">();
  expectTypeOf(enqueue<typeof typed.schema>)
    .parameter(1)
    .toEqualTypeOf<{ at: string; n?: number | undefined }>();
  const wrong = [
    // @ts-expect-error a date is sent as text
    () => enqueue(typed, { at: new Date() }),
    // @ts-expect-error the field is not optional
    () => enqueue(typed, { n: 1 }),
    // @ts-expect-error a number is none of text
    () => order(typed, { at: "2026-01-01T00:00:00Z", n: "one" }),
  ];
  expectTypeOf(wrong).toBeArray();
});
