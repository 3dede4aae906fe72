/** SST's own RPC, which its components call while the program runs. Loopback only. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, extname, isAbsolute, join, relative } from "node:path";
import type { FunctionBuild, LinkProperties } from "../graph/types.ts";
import { SynthesisError } from "./errors.ts";
import type { Mocker } from "./mocks/index.ts";
import { plainRecord } from "./pulumi.ts";

/** What `Runtime.Build` is called with (`function.ts` of SST). */
interface BuildInput {
  functionID: string;
  handler: string;
  bundle?: string;
  runtime: string;
  links?: Record<string, LinkProperties>;
  copyFiles?: { from: string; to: string }[];
  properties?: Record<string, unknown>;
}

export interface SstRpc {
  url: string;
  functions: Record<string, FunctionBuild>;
}

const sources = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"];

/** The server does not keep the process alive: when nothing else is left to do, the synthesis is over. */
export async function serveRpc(options: {
  appDir: string;
  workDir: string;
  mocker: Mocker;
}): Promise<SstRpc> {
  const functions: Record<string, FunctionBuild> = {};
  const methods: Record<string, (input: Record<string, unknown>) => unknown> = {
    "Runtime.Build": (input) => build(input as unknown as BuildInput, options, functions),
    "Runtime.AddTarget": () => ({}),
    "Provider.Aws.Bootstrap": ({ region }) => options.mocker.bootstrap(String(region)),
    "Provider.Aws.Appsync": () => options.mocker.appsync(),
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.setHeader("content-type", "application/json");
    try {
      const { method, params } = JSON.parse(Buffer.concat(chunks).toString()) as {
        method: string;
        params: [Record<string, unknown>?];
      };
      const answer = methods[method];
      // Go's wording; SST's client takes it to mean "this provider does not do that".
      if (!answer) response.end(JSON.stringify({ error: `rpc: can't find method ${method}` }));
      else response.end(JSON.stringify({ result: answer(plainRecord(params[0] ?? {})), error: null }));
    } catch (error) {
      response.end(JSON.stringify({ error: (error as Error).message }));
    }
  });
  server.on("connection", (socket) => socket.unref());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  server.unref();
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, functions };
}

function build(
  input: BuildInput,
  { appDir, workDir }: { appDir: string; workDir: string },
  functions: Record<string, FunctionBuild>,
) {
  if (input.runtime === "worker")
    throw new SynthesisError(`worker "${input.functionID}": there is no Cloudflare here, only AWS`);
  if (typeof input.handler !== "string")
    throw new SynthesisError(
      `function "${input.functionID}" has no handler: give it as "path/to/file.export"`,
    );
  const folder = input.bundle
    ? isAbsolute(input.bundle)
      ? relative(appDir, input.bundle)
      : input.bundle
    : "";
  const handler = join(folder, input.handler);
  const file = handler.slice(0, handler.length - extname(handler).length);
  const nodejs = input.runtime.startsWith("nodejs");
  if (nodejs && !sources.some((extension) => existsSync(join(appDir, file + extension))))
    throw new SynthesisError(
      `function "${input.functionID}": its handler "${input.handler}" leads to no file; expected ${file}${sources[0]} (or ${sources.slice(1).join(", ")}) in ${appDir}`,
    );
  functions[input.functionID] = {
    id: input.functionID,
    handler,
    runtime: input.runtime,
    ...(folder && { bundle: folder }),
    links: input.links ?? {},
    properties: input.properties ?? {},
    ...(input.copyFiles?.length && {
      copyFiles: input.copyFiles.map(({ from, to }) => ({ from: relative(appDir, from), to })),
    }),
  };
  // SST zips what comes back; the code itself is bundled when a function first runs.
  const out = join(workDir, "functions", input.functionID);
  const target = join(
    out,
    `${input.handler.slice(0, input.handler.length - extname(input.handler).length)}.mjs`,
  );
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, "");
  return { handler: input.handler, out, errors: [], sourcemaps: [] };
}
