import {
  ListObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  paginateListObjectsV2,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bucketSpec, developer, planOf, type Services, startServices } from "../support/services.ts";

let services: Services;
let s3: ReturnType<Services["s3Client"]>;
const tree = [
  "a",
  "a/",
  "a/1",
  "a/2/x",
  "a/2/y",
  "a!",
  "b/1",
  "b/2",
  "c",
  "d/e/f/g",
  "é/1",
  "\uffee",
  "\u{1f600}",
];
const odd = ["&<>\"'", "line\nbreak", "sp ace", "plus+", "per%25cent", "ctrl\u0001"];

beforeAll(async () => {
  services = await startServices(
    planOf({ buckets: ["tree", "odd", "many", "empty"].map((name) => bucketSpec(name)) }),
  );
  s3 = services.s3Client();
  const put = (bucket: string, key: string) =>
    services.ports.s3.put(developer, bucket, key, Buffer.from("x"));
  for (const key of [...tree].reverse()) await put("tree", key);
  for (const key of odd) await put("odd", key);
  for (let at = 0; at < 2500; at++) await put("many", `dir${at % 7}/key${String(at).padStart(5, "0")}`);
});
afterAll(() => services.stop());

const list = (input: Partial<ListObjectsV2CommandInput> = {}) =>
  s3.send(new ListObjectsV2Command({ Bucket: "tree", ...input }));
const keys = ({ Contents = [] }: { Contents?: { Key?: string }[] }) => Contents.map(({ Key }) => Key);
const prefixes = ({ CommonPrefixes = [] }: { CommonPrefixes?: { Prefix?: string }[] }) =>
  CommonPrefixes.map(({ Prefix }) => Prefix);
async function all(input: Partial<ListObjectsV2CommandInput>) {
  const found: { keys: (string | undefined)[]; prefixes: (string | undefined)[]; pages: number } = {
    keys: [],
    prefixes: [],
    pages: 0,
  };
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: "tree", ...input })) {
    found.keys.push(...keys(page));
    found.prefixes.push(...prefixes(page));
    found.pages += 1;
  }
  return found;
}
const utf8Order = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe("a listing", () => {
  test("has the keys in the order of their UTF-8 bytes", async () => {
    expect(keys(await list())).toEqual(tree.toSorted(utf8Order));
  });
  test("of an empty bucket is empty", async () => {
    expect(await list({ Bucket: "empty" })).toMatchObject({ KeyCount: 0, IsTruncated: false });
  });
  test("keeps to a prefix", async () => {
    expect(keys(await list({ Prefix: "a/" }))).toEqual(["a/", "a/1", "a/2/x", "a/2/y"]);
    expect(keys(await list({ Prefix: "nothing" }))).toEqual([]);
  });
  test("folds what is behind the delimiter", async () => {
    const root = await list({ Delimiter: "/" });
    expect(keys(root)).toEqual(["a", "a!", "c", "\uffee", "\u{1f600}"]);
    expect(prefixes(root)).toEqual(["a/", "b/", "d/", "é/"]);
    expect(root.KeyCount).toBe(9);
    const below = await list({ Delimiter: "/", Prefix: "a/" });
    expect([keys(below), prefixes(below)]).toEqual([["a/", "a/1"], ["a/2/"]]);
    expect(prefixes(await list({ Delimiter: "/e/" }))).toEqual(["d/e/"]);
  });
  test.each([1, 2, 3, 4, 5])("in pages of %i is the same, and nothing twice", async (MaxKeys) => {
    for (const input of [{}, { Delimiter: "/" }, { Delimiter: "/", Prefix: "a/" }]) {
      const { pages, ...whole } = await all(input);
      expect(pages).toBe(1);
      expect(await all({ ...input, MaxKeys })).toMatchObject(whole);
    }
  });
  test("starts after a key, and tells no prefix that lies before it", async () => {
    expect(keys(await list({ StartAfter: "c" }))).toEqual(["d/e/f/g", "é/1", "\uffee", "\u{1f600}"]);
    expect(prefixes(await list({ StartAfter: "b/1", Delimiter: "/" }))).toEqual(["d/", "é/"]);
  });
  test("of none is asked with none, of more than a thousand gives a thousand", async () => {
    expect(await list({ MaxKeys: 0 })).toMatchObject({ KeyCount: 0, IsTruncated: false });
    expect(await list({ Bucket: "many", MaxKeys: 5000 })).toMatchObject({
      KeyCount: 1000,
      IsTruncated: true,
    });
  });
  test("carries every character of a key, encoded or not", async () => {
    // A control character has no place in XML: for it there is the encoding.
    expect(keys(await list({ Bucket: "odd" })).filter((key) => !key?.startsWith("ctrl"))).toEqual(
      odd.filter((key) => !key.startsWith("ctrl")).toSorted(utf8Order),
    );
    const encoded = keys(await list({ Bucket: "odd", EncodingType: "url" }));
    expect(encoded.map((key) => decodeURIComponent((key ?? "").replaceAll("+", " ")))).toEqual(
      odd.toSorted(utf8Order),
    );
  });
  test("refuses numbers and tokens that are none", async () => {
    await expect(list({ MaxKeys: -1 })).rejects.toMatchObject({ name: "InvalidArgument" });
    await expect(list({ ContinuationToken: "nonsense" })).rejects.toMatchObject({ name: "InvalidArgument" });
  });
});

test("the first version lists by marker", async () => {
  const found: (string | undefined)[] = [];
  let Marker: string | undefined;
  do {
    const page = await s3.send(
      new ListObjectsCommand({ Bucket: "tree", Delimiter: "/", MaxKeys: 2, Marker }),
    );
    found.push(...keys(page), ...prefixes(page));
    Marker = page.IsTruncated ? page.NextMarker : undefined;
  } while (Marker !== undefined);
  expect(found.toSorted()).toEqual(
    ["a", "a!", "a/", "b/", "c", "d/", "é/", "\uffee", "\u{1f600}"].toSorted(),
  );
});

test("thousands of keys are listed whole, and folded without a look at each", async () => {
  const { keys: found } = await all({ Bucket: "many" });
  expect(found).toHaveLength(2500);
  expect(new Set(found).size).toBe(2500);
  expect((await all({ Bucket: "many", Delimiter: "/" })).prefixes).toEqual(
    Array.from({ length: 7 }, (_, at) => `dir${at}/`),
  );
});
