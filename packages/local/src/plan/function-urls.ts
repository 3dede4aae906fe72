import { readCors } from "./gateway.ts";
import { property, type Reader, record, text, toText } from "./read.ts";
import type { FunctionSpec, FunctionUrlSpec, Plan } from "./types.ts";

export function readFunctionUrls(
  reader: Reader,
  functions: FunctionSpec[],
  functionArn: (reference: string) => string,
  notRun: Plan["notRun"],
): FunctionUrlSpec[] {
  return reader.all("aws:lambda/functionUrl:FunctionUrl").flatMap((resource) => {
    const arn = functionArn(text(resource, "functionArn"));
    if (!functions.some((fn) => fn.arn === arn)) {
      notRun.push({ type: resource.type, name: resource.name, reason: "its function does not run here" });
      return [];
    }
    const cors = record(property(resource, "cors"));
    return [
      {
        id: text(resource, "urlId"),
        name: reader.ancestor(resource, "sst:aws:Function")?.name ?? resource.name,
        region: resource.region,
        functionArn: arn,
        host: new URL(text(resource, "functionUrl")).host,
        authorization: toText(property(resource, "authorizationType")) === "AWS_IAM" ? "AWS_IAM" : "NONE",
        streaming: property(resource, "invokeMode") === "RESPONSE_STREAM",
        ...(Object.keys(cors).length > 0 && { cors: readCors(cors) }),
      } satisfies FunctionUrlSpec,
    ];
  });
}
