/** Knows which resources were constructed and never registered, and what they wait for. */
import type { Pulumi, Transformation } from "./pulumi.ts";

export interface Pending {
  /** One line a resource, e.g. `aws:s3/bucketPolicy:BucketPolicy "Uploads" waits for its policy`. */
  list(): Promise<string[]>;
}

/** Call inside the stack, before the program. */
export function watchPending(pulumi: Pulumi): Pending {
  const waiting = new Map<unknown, Transformation>();
  pulumi.runtime.registerStackTransformation((transformation) => {
    const { resource } = transformation;
    waiting.set(resource, transformation);
    // The URN is set by Pulumi right after the transformations have run.
    queueMicrotask(() => {
      const settled = () => waiting.delete(resource);
      resource.urn?.promise().then(settled, settled);
    });
    return undefined;
  });
  return {
    async list() {
      const lines: string[] = [];
      for (const { type, name, props } of waiting.values()) {
        if (type === "pulumi:pulumi:Stack") continue;
        const inputs: string[] = [];
        for (const [key, value] of Object.entries(props ?? {}))
          if (await unresolved(pulumi, value, 4)) inputs.push(key);
        lines.push(`${type} "${name}"${inputs.length > 0 ? ` waits for its ${inputs.join(", ")}` : ""}`);
      }
      return lines;
    },
  };
}

async function unresolved(pulumi: Pulumi, value: unknown, depth: number): Promise<boolean> {
  if (typeof value !== "object" || value === null || depth === 0) return false;
  const promise = pulumi.Output.isInstance(value)
    ? value.promise()
    : value instanceof Promise
      ? (value as Promise<unknown>)
      : undefined;
  if (promise) {
    const nothingYet = Symbol();
    const turn = new Promise((resolve) => setImmediate(resolve, nothingYet));
    return (await Promise.race([promise.catch(() => undefined), turn])) === nothingYet;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype && !Array.isArray(value)) return false;
  for (const item of Object.values(value)) if (await unresolved(pulumi, item, depth - 1)) return true;
  return false;
}
