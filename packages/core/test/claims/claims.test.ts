import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Claim, ClaimError, put, read, threshold } from "../../src/claims/index.ts";
import * as database from "../../src/database/index.ts";
import { Answer } from "../support/aws.ts";
import { createWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(() => world.reset());

const job = "job_01M85RK07HS9T8XPHXKBPSSDSF";
const value = { letters: Array.from({ length: 500 }, (_, index) => `letter ${index} – é 🙂`) };
const objects = () => [...(world.aws.buckets.get("home") ?? new Map()).keys()];

test("what was put is read back, under the job's name", async () => {
  const claim = await put(job, "payload", value);
  expect(claim.key.startsWith(`claims/${job}/payload/`)).toBe(true);
  expect(claim.size).toBe(Buffer.byteLength(JSON.stringify(value)));
  expect(await read(claim)).toEqual(value);
});

test.each([null, 0, "", [], { a: null }])("%j is a value like others", async (small) => {
  expect(await read(await put(job, "result", small))).toEqual(small);
});

test("putting the same again is the same claim; another value leaves the one before as it was", async () => {
  const first = await put(job, "payload", { version: 1 });
  expect(await put(job, "payload", { version: 1 })).toEqual(first);
  const second = await put(job, "payload", { version: 2 });
  expect(await read(first)).toEqual({ version: 1 });
  expect(await read(second)).toEqual({ version: 2 });
  expect(objects()).toHaveLength(2);
});

test("what JSON cannot say is refused before anything is put", async () => {
  for (const none of [undefined, () => 1, Symbol("a")])
    await expect(put(job, "result", none)).rejects.toThrow(/JSON/);
  expect(objects()).toEqual([]);
});

describe("reading does not believe what lies there", () => {
  let claim: Claim;
  beforeEach(async () => {
    claim = await put(job, "payload", value);
  });
  const broken = async () => {
    const error = await read(claim).catch((caught: unknown) => caught);
    if (!(error instanceof ClaimError)) throw error;
    return error.code;
  };

  test.each([
    ["other bytes of the same length", (size: number) => Buffer.alloc(size, "x")],
    ["fewer bytes", (size: number) => Buffer.alloc(size - 1, "x")],
    ["far more bytes", (size: number) => Buffer.alloc(size + 5_000_000, "x")],
    ["no bytes", () => Buffer.alloc(0)],
  ])("%s", async (_, bytes) => {
    world.aws.put("home", claim.key, bytes(claim.size));
    expect(await broken()).toBe("claim_corrupt");
  });

  test("an object that is gone, or forbidden", async () => {
    world.aws.buckets.get("home")?.clear();
    expect(await broken()).toBe("claim_missing");
    world.aws.intercept = () => {
      throw new Answer(403, "AccessDenied");
    };
    expect(await broken()).toBe("claim_forbidden");
  });

  test("S3 that is away is not taken for a broken claim", async () => {
    world.aws.intercept = () => {
      throw new Answer(400, "SomethingElse");
    };
    await expect(read(claim)).rejects.not.toBeInstanceOf(ClaimError);
  });
});

test("neither happens inside a transaction", async () => {
  const claim = await put(job, "payload", value);
  await expect(database.transaction(() => put(job, "result", 1))).rejects.toThrow(
    /inside a database transaction/,
  );
  await expect(database.transaction(() => read(claim))).rejects.toThrow(/inside a database transaction/);
  expect(objects()).toEqual([claim.key]);
});

test("the threshold is the setting's", () => {
  expect(threshold()).toBe(131_072);
});
