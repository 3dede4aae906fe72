/** What Pulumi's AWS provider takes, read from the type declarations that SST's platform brings. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ensurePlatform } from "@frontdesk/local";
import { root } from "../../../scripts/run/root.ts";

interface ProviderTypes {
  knows(token: string): boolean;
  /** Paths of properties, blocks included, that the type does not take. */
  unknownProperties(token: string, inputs: Record<string, unknown>): string[];
}

/** Property -> its type as text. */
type Shape = Map<string, string>;

export async function providerTypes(): Promise<ProviderTypes> {
  await ensurePlatform(root, "local", (line) => console.error(line));
  const folder = join(root, ".sst/platform/node_modules/@pulumi/aws");
  const blocks = readBlocks(readFileSync(join(folder, "types/input.d.ts"), "utf8"));

  /** `aws:s3/bucketV2:BucketV2` is declared in `s3/bucketV2.d.ts`. */
  const fileOf = (token: string) => join(folder, `${token.split(":")[1]}.d.ts`);
  const shapes = new Map<string, Shape | undefined>();
  function shapeOf(token: string): Shape | undefined {
    if (!shapes.has(token)) {
      const file = fileOf(token);
      const found = existsSync(file)
        ? readInterface(readFileSync(file, "utf8"), `${token.split(":")[2]}Args`)
        : undefined;
      shapes.set(token, found);
    }
    return shapes.get(token);
  }

  function unknown(shape: Shape, given: Record<string, unknown>, path: string): string[] {
    return Object.entries(given).flatMap(([key, value]) => {
      const type = shape.get(key);
      const at = path === "" ? key : `${path}.${key}`;
      if (type === undefined) return [at];
      const block = /inputs\.([\w.]+)/.exec(type)?.[1];
      const inner = block === undefined ? undefined : blocks.get(block);
      if (block !== undefined && !inner) throw new Error(`no declaration of ${block}`);
      return inner
        ? [value]
            .flat()
            .flatMap((item) =>
              typeof item === "object" && item !== null
                ? unknown(inner, item as Record<string, unknown>, at)
                : [],
            )
        : [];
    });
  }

  return {
    knows: (token) => shapeOf(token) !== undefined,
    unknownProperties(token, inputs) {
      const shape = shapeOf(token);
      if (!shape) throw new Error(`the provider has no ${token}`);
      return unknown(shape, inputs, "");
    },
  };
}

/** Blocks by `namespace.Name`. Declarations have one member a line. */
function readBlocks(source: string): Map<string, Shape> {
  const found = new Map<string, Shape>();
  const spaces: string[] = [];
  let shape: Shape | undefined;
  for (const line of source.split("\n")) {
    const space = /^\s*(?:export )?(?:declare )?namespace (\w+) \{/.exec(line)?.[1];
    const name = /^\s*(?:export )?interface (\w+) \{/.exec(line)?.[1];
    if (space !== undefined) spaces.push(space);
    else if (name !== undefined) {
      shape = new Map();
      found.set([...spaces, name].join("."), shape);
    } else if (/^\s*\}$/.test(line)) {
      if (shape) shape = undefined;
      else spaces.pop();
    } else if (shape) member(line, shape);
  }
  return found;
}

function readInterface(source: string, name: string): Shape | undefined {
  const start = source.indexOf(`export interface ${name} {`);
  if (start < 0) return undefined;
  const shape: Shape = new Map();
  for (const line of source.slice(start, source.indexOf("\n}", start)).split("\n")) member(line, shape);
  return shape;
}

function member(line: string, shape: Shape): void {
  const [, key, type] = /^\s+(?:readonly )?(\w+)\??: (.+?);?$/.exec(line) ?? [];
  if (key !== undefined && type !== undefined) shape.set(key, type);
}
