import type { GraphResource } from "@frontdesk/local";
import { admitsEverybody } from "../access.ts";
import { rule } from "../rule.ts";
import { secretsIn } from "../secrets.ts";
import { blocks, isRecord, texts, value, type World } from "../world.ts";

const functions = { absent: "no function", over: (world: World) => world.all("function") };
const zipped = {
  absent: "no function of a runtime of AWS's",
  over: (world: World) => functions.over(world).filter((fn) => value(fn, "packageType") !== "Image"),
};
const inVpc = (fn: GraphResource) => texts(value(fn, "vpcConfig.subnetIds")).length > 0;

/** Newest runtime of each family, and those that get no more patches by now: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html */
const latest: Record<string, string> = {
  nodejs: "nodejs24.x",
  python: "python3.14",
  java: "java25",
  ruby: "ruby3.4",
  provided: "provided.al2023",
};
const supported = new Set(
  "nodejs22.x nodejs24.x python3.11 python3.12 python3.13 python3.14 java11 java17 java21 java25 ruby3.3 ruby3.4 dotnet8 dotnet10 provided.al2023".split(
    " ",
  ),
);
const familyOf = (runtime: string) => /^[a-z]+/.exec(runtime)?.[0] ?? "";

/** A schedule's event says the time and nothing else: when it fails, the next one does as well. */
const isClock = (target: GraphResource, world: World) => {
  const rule = world.find("eventRule", value(target, "rule"));
  return rule !== undefined && Boolean(value(rule, "scheduleExpression"));
};

/** Invoked by a service that does not wait and hands over something that would be lost. */
function invokedUnwatched(fn: GraphResource, world: World): boolean {
  const arn = value(fn, "arn");
  return [
    ...world
      .all("eventTarget")
      .filter((target) => !isClock(target, world))
      .map((target) => value(target, "arn")),
    ...world.all("schedule").map((schedule) => value(schedule, "target.arn")),
    ...world.all("subscription").map((subscription) => value(subscription, "endpoint")),
    ...world
      .all("bucketNotification")
      .flatMap((own) => blocks(own, "lambdaFunctions").map((to) => to.lambdaFunctionArn)),
    ...world
      .all("eventInvokeConfig")
      .map((config) => world.find("function", value(config, "functionName"))?.outputs.arn),
  ].includes(arn);
}

export const functionRules = [
  rule({
    name: "functions.concurrency",
    controls: ["CKV_AWS_115"],
    statement: "Every function has a limit of its own on how many run at once",
    mend: "set reservedConcurrentExecutions",
    ...functions,
    wrong: (fn) =>
      !(Number(value(fn, "reservedConcurrentExecutions") ?? -1) >= 0) && "shares the account's limit",
  }),
  rule({
    name: "functions.dead-letters",
    controls: ["CKV_AWS_116"],
    statement: "What a function that is invoked asynchronously gives up on is kept",
    mend: "set deadLetterConfig, or a failure destination by aws.lambda.FunctionEventInvokeConfig",
    absent: "no function that is invoked asynchronously with anything to lose",
    over: (world) => functions.over(world).filter((fn) => invokedUnwatched(fn, world)),
    wrong: (fn, world) =>
      !value(fn, "deadLetterConfig.targetArn") &&
      !world
        .about("eventInvokeConfig", "functionName", fn)
        .some((config) => value(config, "destinationConfig.onFailure.destination")) &&
      "loses what it fails at",
  }),
  rule({
    name: "functions.vpc",
    controls: ["CKV_AWS_117", "Lambda.3"],
    statement: "Every function is in a VPC",
    mend: "set vpcConfig",
    ...functions,
    wrong: (fn) => !inVpc(fn) && "is in no VPC",
  }),
  rule({
    name: "functions.zones",
    controls: ["Lambda.5"],
    statement: "Every function in a VPC runs in two zones or more",
    mend: "name subnets of two zones",
    absent: "no function in a VPC",
    over: (world) => functions.over(world).filter(inVpc),
    wrong: (fn, world) => {
      const zones = texts(value(fn, "vpcConfig.subnetIds")).map((id) => {
        const subnet = world.find("subnet", id);
        return subnet && value(subnet, "availabilityZone");
      });
      return new Set(zones).size < 2 && "runs in one zone";
    },
  }),
  rule({
    name: "functions.signed",
    controls: ["CKV_AWS_272"],
    statement: "Every function runs signed code only",
    mend: "set codeSigningConfigArn",
    ...functions,
    wrong: (fn) => !value(fn, "codeSigningConfigArn") && "runs whatever it is given",
  }),
  rule({
    name: "functions.secrets",
    controls: ["CKV_AWS_45"],
    statement: "No function has a secret in its environment",
    mend: "read the secret at run time from Secrets Manager",
    ...functions,
    wrong: (fn) => {
      const variables = value(fn, "environment.variables");
      return Object.entries(isRecord(variables) ? variables : {}).flatMap(([name, text]) =>
        secretsIn([`${name}=${text}`]).map((kind) => `has ${kind} in ${name}`),
      );
    },
  }),
  rule({
    name: "functions.tracing",
    controls: ["CKV_AWS_50"],
    statement: "Every function is traced by X-Ray",
    mend: 'set tracingConfig.mode to "Active"',
    ...functions,
    wrong: (fn) => value(fn, "tracingConfig.mode") !== "Active" && "is not traced by X-Ray",
  }),
  rule({
    name: "functions.latest-runtime",
    controls: ["AwsSolutions-L1"],
    statement: "Every function runs on the newest runtime of its language",
    mend: "set runtime",
    absent: zipped.absent,
    // One that is out of support altogether is named by functions.supported-runtime.
    over: (world) => zipped.over(world).filter((fn) => supported.has(String(value(fn, "runtime")))),
    wrong: (fn) => {
      const runtime = String(value(fn, "runtime"));
      return latest[familyOf(runtime)] !== runtime && `runs on ${runtime}`;
    },
  }),
  rule({
    name: "functions.supported-runtime",
    controls: ["CKV_AWS_363", "Lambda.2"],
    statement: "No function runs on a runtime that gets no more patches",
    mend: "set runtime",
    ...zipped,
    wrong: (fn) => !supported.has(String(value(fn, "runtime"))) && `runs on ${value(fn, "runtime")}`,
  }),
  rule({
    name: "functions.private",
    controls: ["CKV_AWS_301", "Lambda.1"],
    statement: "No function can be invoked by everybody",
    mend: "name the principal in aws.lambda.Permission, and ask AWS_IAM of function URLs",
    ...functions,
    wrong: (fn, world) => [
      world.policyOf(value(fn, "arn")).some(admitsEverybody) && "can be invoked by everybody",
      world
        .about("functionUrl", "functionName", fn)
        .some((url) => value(url, "authorizationType") === "NONE") && "has a URL that anybody may call",
    ],
  }),
  rule({
    name: "functions.sources",
    controls: ["CKV_AWS_364"],
    statement: "A service may invoke a function for one source only",
    mend: "set sourceArn or sourceAccount on the aws.lambda.Permission",
    absent: "no service may invoke a function",
    over: (world) =>
      world
        .all("permission")
        .filter((permission) => /\.amazonaws\.com$/.test(String(value(permission, "principal")))),
    wrong: (permission) =>
      !value(permission, "sourceArn") &&
      !value(permission, "sourceAccount") &&
      `lets ${value(permission, "principal")} invoke for anybody`,
  }),
];
