/** Reading a graph: resources by type, and their properties with the types that AWS documents. */
import type { Graph, GraphResource } from "../graph/types.ts";
import type { PolicyDocument, RedriveAllow } from "./types.ts";

export class Reader {
  readonly graph: Graph;
  readonly #byType = new Map<string, GraphResource[]>();
  readonly #byUrn = new Map<string, GraphResource>();

  constructor(graph: Graph) {
    this.graph = graph;
    for (const resource of graph.resources) {
      this.#byUrn.set(resource.urn, resource);
      const list = this.#byType.get(resource.type);
      if (list) list.push(resource);
      else this.#byType.set(resource.type, [resource]);
    }
  }

  /** All resources of the types, in the graph's order. */
  all(...types: string[]): GraphResource[] {
    return types.flatMap((type) => this.#byType.get(type) ?? []);
  }

  parent(resource: GraphResource): GraphResource | undefined {
    return resource.parent === undefined ? undefined : this.#byUrn.get(resource.parent);
  }

  /** The nearest ancestor of a type. */
  ancestor(resource: GraphResource, type: string): GraphResource | undefined {
    for (let at = this.parent(resource); at; at = this.parent(at)) if (at.type === type) return at;
    return undefined;
  }
}

/** A property of a resource: its output where AWS computes it, else its input. */
export function property(resource: GraphResource, key: string): unknown {
  return resource.outputs[key] ?? resource.inputs[key];
}
export function text(resource: GraphResource, key: string): string {
  const value = property(resource, key);
  if (typeof value !== "string")
    throw new Error(`${resource.type} "${resource.name}" has no ${key} in the graph`);
  return value;
}
export function optionalText(resource: GraphResource, key: string): string | undefined {
  const value = property(resource, key);
  return typeof value === "string" && value !== "" ? value : undefined;
}
export function number(resource: GraphResource, key: string, fallback: number): number {
  return toNumber(property(resource, key)) ?? fallback;
}
export function flag(resource: GraphResource, key: string, fallback = false): boolean {
  return toFlag(property(resource, key)) ?? fallback;
}
export function list(value: unknown): Record<string, unknown>[] {
  return (Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]).filter(
    isRecord,
  );
}
export function texts(value: unknown): string[] {
  return Array.isArray(value)
    ? value.filter((item) => typeof item === "string")
    : typeof value === "string"
      ? [value]
      : [];
}
export function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}
export function textRecord(value: unknown): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [key, item] of Object.entries(record(value)))
    if (item !== undefined && item !== null) out[key] = String(item);
  return out;
}
export function toText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
export function toNumber(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value))
    ? Number(value)
    : undefined;
}
export function toFlag(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : value === "true" ? true : value === "false" ? false : undefined;
}
function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A policy given as JSON text or as an object. */
export function policy(value: unknown, where: string): PolicyDocument {
  const document: unknown = typeof value === "string" ? parseJson(value, where) : value;
  if (!isRecord(document) || document.Statement === undefined)
    throw new Error(`${where} is not an IAM policy document`);
  return document as unknown as PolicyDocument;
}
export function parseJson(value: string, where: string): unknown {
  try {
    return JSON.parse(value);
  } catch (error) {
    throw new Error(`${where} is not JSON: ${(error as Error).message}`);
  }
}
/** The last part of an ARN after `/` or `:`. */
export function arnName(arn: string): string {
  return arn.slice(Math.max(arn.lastIndexOf("/"), arn.lastIndexOf(":")) + 1);
}
/** `{deadLetterTargetArn, maxReceiveCount}` as JSON text or object, as queues and subscriptions carry it. */
export function redrive(
  value: unknown,
  where: string,
): { deadLetterTargetArn: string; maxReceiveCount: number } | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const parsed = record(typeof value === "string" ? parseJson(value, where) : value);
  const target = toText(parsed.deadLetterTargetArn);
  return target
    ? { deadLetterTargetArn: target, maxReceiveCount: toNumber(parsed.maxReceiveCount) ?? 10 }
    : undefined;
}
/** `{redrivePermission, sourceQueueArns}` as JSON text or object. */
export function redriveAllow(value: unknown, where: string): RedriveAllow | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const parsed = record(typeof value === "string" ? parseJson(value, where) : value);
  const { redrivePermission: permission } = parsed;
  if (permission !== "allowAll" && permission !== "denyAll" && permission !== "byQueue")
    throw new Error(`${where}: redrivePermission is allowAll, denyAll or byQueue`);
  const sources = texts(parsed.sourceQueueArns);
  return { redrivePermission: permission, ...(sources.length > 0 && { sourceQueueArns: sources }) };
}
