import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type App, config, makeApp } from "./support.ts";

const apps: App[] = [];
afterEach(() => {
  for (const app of apps.splice(0)) app.remove();
});
async function app(files: Record<string, string>) {
  const made = await makeApp(files);
  apps.push(made);
  return made;
}
const running = (run: string, more: Record<string, string> = {}) =>
  app({ "sst.config.ts": config(run), ...more });

describe("what is wrong is named, with how to mend it", () => {
  test("a folder without sst.config.ts", async () => {
    const { synthesise } = await app({ "README.md": "" });
    await expect(synthesise()).rejects.toThrow(/has no sst\.config\.ts: give the folder of an SST v3 app/);
  });

  test("a folder without the platform", async () => {
    const { dir, synthesise } = await running("");
    rmSync(join(dir, ".sst", "platform"));
    await expect(synthesise()).rejects.toThrow(/has no \.sst\/platform: call ensurePlatform first/);
  });

  test("an import at the top of sst.config.ts", async () => {
    const { synthesise } = await app({
      "sst.config.ts": `import { x } from "./x";\n${config("return { x }")}`,
      "x.ts": "export const x = 1;",
    });
    await expect(synthesise()).rejects.toThrow(
      /imports "\.\/x" at its top: move it into run\(\) as await import/,
    );
  });

  test("an app without a name", async () => {
    const { synthesise } = await app({
      "sst.config.ts": `export default $config({ app: () => ({ home: "aws" }), async run() {} });`,
    });
    await expect(synthesise()).rejects.toThrow(/app\(\) of sst\.config\.ts must return a `name`/);
  });

  test("a stage name that AWS would refuse", async () => {
    const { synthesise } = await running("");
    await expect(synthesise({ stage: "my stage" })).rejects.toThrow(/"my stage" is no stage name/);
  });

  test("a mistake in the program, with file and line", async () => {
    const { synthesise } = await running(`await import("./infra");`, {
      "infra.ts": `const table: Record<string, { url: string }> = {};\n\nexport const url = table.nothing.url;\n`,
    });
    await expect(synthesise()).rejects.toThrow(/reading 'url'\) \(infra\.ts:3\)/);
  });

  test("an error inside an apply that nobody awaits", async () => {
    const { synthesise } = await running(
      `const q = new sst.aws.Queue("Q"); q.url.apply(() => { throw new Error("lost in an apply"); });`,
    );
    await expect(synthesise()).rejects.toThrow(/stage "test": lost in an apply/);
  });

  test("a handler that is not there", async () => {
    const { synthesise } = await running(`new sst.aws.Function("F", { handler: "src/nowhere.handler" });`);
    await expect(synthesise()).rejects.toThrow(
      /function "F": its handler "src\/nowhere\.handler" leads to no file/,
    );
  });

  test("a secret without a value", async () => {
    const { synthesise } = await running(
      `const s = new sst.Secret("StripeKey"); new sst.aws.Function("F", { handler: "f.handler", link: [s] });`,
      { "f.ts": "export const handler = async () => {};" },
    );
    await expect(synthesise()).rejects.toThrow(
      /the secret "StripeKey" has no value: set SST_SECRET_StripeKey/,
    );
  });

  test("two resources of one name", async () => {
    const { synthesise } = await running(`for (const _ of [1, 2]) new aws.sqs.Queue("Same");`);
    await expect(synthesise()).rejects.toThrow(/two resources of type aws:sqs\/queue:Queue are named "Same"/);
  });

  test("a program that wants the network", async () => {
    const { synthesise } = await running(`await fetch("http://192.0.2.1/zone");`);
    await expect(synthesise()).rejects.toThrow(
      /tried to connect to 192\.0\.2\.1: sst\.config\.ts must not need a network/,
    );
  });
});

describe("a program that does not come to an end", () => {
  test("outputs that wait for each other are named at once, without waiting for the deadline", async () => {
    const { synthesise } = await running(`
      let resolve;
      const later = new Promise((done) => { resolve = done; });
      const first = new aws.sqs.Queue("First", { name: $output(later) });
      new aws.sqs.QueuePolicy("Second", { queueUrl: first.url, policy: "{}" });
      first.url.apply(resolve);`);
    await expect(synthesise({ deadlineMs: 600_000 })).rejects.toThrow(
      /waits for itself[\s\S]*aws:sqs\/queue:Queue "First" waits for its name[\s\S]*aws:sqs\/queuePolicy:QueuePolicy "Second" waits for its queueUrl/,
    );
  });

  test("one that keeps itself busy is stopped at the deadline, and what it left undone is named", async () => {
    const { synthesise } = await running(`
      setInterval(() => {}, 1_000);
      new aws.sqs.Queue("Never", { name: $output(new Promise(() => {})) });`);
    await expect(synthesise({ deadlineMs: 1_500 })).rejects.toThrow(
      /was not done after 1\.5 s; still waiting:\n {2}aws:sqs\/queue:Queue "Never" waits for its name/,
    );
  });

  test("an aborted synthesis rejects with the reason", async () => {
    const { synthesise } = await running("setInterval(() => {}, 1_000);");
    const reason = new Error("enough");
    await expect(synthesise({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("surroundings", () => {
  test("secrets come from the option, then the environment, then .env; AWS credentials never reach the program", async () => {
    const { dir, synthesise } = await running(
      `const one = new sst.Secret("One"); const two = new sst.Secret("Two"); const three = new sst.Secret("Three", "no");
       const unknown = new aws.qldb.Ledger("Book", { permissionsMode: "STANDARD" });
       return { one: one.value, two: two.value, three: three.value, key: process.env.AWS_SECRET_ACCESS_KEY ?? "none",
                plain: process.env.PLAIN, region: aws.getRegionOutput().name, ledger: unknown.arn };`,
    );
    writeFileSync(
      join(dir, ".env"),
      "SST_SECRET_One=file\nSST_SECRET_Two=file\nSST_SECRET_Three=file\nPLAIN=file\n",
    );
    const graph = await synthesise({
      secrets: { One: "option" },
      env: { SST_SECRET_One: "environment", SST_SECRET_Two: "environment", AWS_SECRET_ACCESS_KEY: "mine" },
    });
    expect(graph.outputs).toEqual({
      one: "option",
      two: "environment",
      three: "file",
      key: "none",
      plain: "file",
      region: "eu-west-1",
      ledger: expect.stringMatching(/^arn:aws:qldb:eu-west-1:\d{12}:ledger\/Book-[0-9a-f]{7}$/),
    });
    // Reported, and there all the same.
    expect(graph.unknownTypes).toEqual(["aws:qldb/ledger:Ledger"]);
    expect(graph.resources.map(({ type }) => type)).toContain("aws:qldb/ledger:Ledger");
  });

  test("a program may talk to loopback", async () => {
    const server = createServer((_, response) => response.end("hello"));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as AddressInfo;
    try {
      const { synthesise } = await running(
        `return { said: await (await fetch("http://127.0.0.1:${port}")).text() };`,
      );
      expect((await synthesise()).outputs).toEqual({ said: "hello" });
    } finally {
      await new Promise((done) => server.close(done));
    }
  });
});
