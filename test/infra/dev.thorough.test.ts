/** `sst dev`: functions are live, and SST leaves out what has a `dev` block. */
import { expect, test } from "vitest";
import { graphOf } from "../../scripts/run/graphs.ts";
import { all } from "./support/read.ts";

const dev = () => graphOf("anna", { dev: true });

test("the program evaluates under sst dev, and nothing in it is guessed", async () => {
  const graph = await dev();
  expect(graph.unknownTypes).toEqual([]);
  const live = all(graph, "function").filter(({ inputs }) =>
    JSON.stringify(inputs.environment).includes("SST_FUNCTION_ID"),
  );
  expect(live.length).toBe(all(graph, "function").length);
});

test("no policy, link or address under sst dev is SST's placeholder", async () => {
  const graph = await dev();
  expect(JSON.stringify([graph.links, graph.resources.map(({ inputs }) => inputs)])).not.toMatch(
    /"placeholder|:placeholder/,
  );
});

test("functions on the developer's machine have the database and the cache of that machine, which migrates itself", async () => {
  const graph = await dev();
  expect(graph.links.Database).toMatchObject({ host: "localhost", port: 54_329, local: true });
  expect(graph.links.Cache).toMatchObject({ host: "localhost", port: 63_799, local: true });
  expect(all(graph, "aws:lambda/invocation:Invocation")).toEqual([]);
  for (const stage of ["anna", "staging", "production"]) {
    const { links } = await graphOf(stage);
    expect(links.Database).toMatchObject({ host: expect.stringMatching(/amazonaws/), local: false });
    expect(links.Cache).toMatchObject({ host: expect.stringMatching(/amazonaws/), local: false });
  }
});

test("a stage has the same resources under sst dev, layers, archives of functions and the migration apart", async () => {
  const names = (graph: Awaited<ReturnType<typeof dev>>) =>
    new Set(
      graph.resources.flatMap(({ type, name }) =>
        /^aws:/.test(type) && !/s3\/bucketObjectv2|lambda\/(?:layerVersion|invocation)/.test(type)
          ? [`${type} ${name}`]
          : [],
      ),
    );
  const live = names(await dev());
  expect([...names(await graphOf("anna"))].filter((name) => !live.has(name))).toEqual([]);
});
