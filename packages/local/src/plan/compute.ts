import { optional } from "./messaging.ts";
import {
  number,
  optionalText,
  property,
  type Reader,
  record,
  text,
  textRecord,
  texts,
  toNumber,
  toText,
} from "./read.ts";
import type { FunctionSpec, InvocationSpec, Plan } from "./types.ts";

export function readFunctions(reader: Reader, notRun: Plan["notRun"]): FunctionSpec[] {
  const functions: FunctionSpec[] = [];
  const configurations = reader.all("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig");
  for (const resource of reader.all("aws:lambda/function:Function")) {
    const component = reader.ancestor(resource, "sst:aws:Function");
    const build = component && reader.graph.functions[component.name];
    if (!build) {
      notRun.push({
        type: resource.type,
        name: resource.name,
        reason: "its code was not built by SST's function component",
      });
      continue;
    }
    if (!build.runtime.startsWith("nodejs")) {
      notRun.push({
        type: resource.type,
        name: resource.name,
        reason: `runtime ${build.runtime}: only Node.js functions run here`,
      });
      continue;
    }
    const name = text(resource, "name");
    const invoke = configurations.find((configuration) =>
      [name, text(resource, "arn")].includes(String(configuration.inputs.functionName)),
    );
    const reserved = toNumber(property(resource, "reservedConcurrentExecutions"));
    functions.push({
      arn: text(resource, "arn"),
      name,
      region: resource.region,
      roleArn: text(resource, "role"),
      timeoutSeconds: number(resource, "timeout", 3),
      memoryMB: number(resource, "memorySize", 128),
      storageMB: toNumber(record(property(resource, "ephemeralStorage")).size) ?? 512,
      environment: textRecord(record(property(resource, "environment")).variables),
      architecture: texts(property(resource, "architectures"))[0] === "arm64" ? "arm64" : "x86_64",
      ...(reserved !== undefined && reserved >= 0 && { reservedConcurrency: reserved }),
      asyncRetries: toNumber(invoke?.inputs.maximumRetryAttempts) ?? 2,
      ...optional("maximumEventAgeSeconds", toNumber(invoke?.inputs.maximumEventAgeInSeconds)),
      ...optional(
        "onFailureArn",
        toText(record(record(invoke?.inputs.destinationConfig).onFailure).destination),
      ),
      ...optional("deadLetterArn", toText(record(property(resource, "deadLetterConfig")).targetArn)),
      vpc: texts(record(property(resource, "vpcConfig")).subnetIds).length > 0,
      layers: texts(property(resource, "layers")),
      build,
    });
  }
  return functions;
}

export function readInvocations(
  reader: Reader,
  functionArn: (reference: string) => string,
): InvocationSpec[] {
  return reader.all("aws:lambda/invocation:Invocation").map((resource) => ({
    name: resource.name,
    functionArn: functionArn(text(resource, "functionName")),
    input: optionalText(resource, "input") ?? "{}",
  }));
}

/** Turns a function's name, ARN or invoke ARN into its ARN. */
export function functionResolver(functions: FunctionSpec[]): (reference: string) => string {
  const byName = new Map(functions.map((fn) => [fn.name, fn.arn]));
  return (reference) => {
    // Invoke ARN: arn:aws:apigateway:region:lambda:path/2015-03-31/functions/<function arn>/invocations
    const inner = /\/functions\/(arn:[^/]+)\/invocations$/.exec(reference)?.[1] ?? reference;
    if (!inner.startsWith("arn:")) return byName.get(inner) ?? inner;
    // A qualifier (`:live`, `:3`) leads to the same code here.
    return inner.split(":").slice(0, 7).join(":");
  };
}
