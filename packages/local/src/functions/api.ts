/** Lambda's own API (https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html), as far as running code uses it. */
import { randomUUID } from "node:crypto";
import { AwsError } from "../cloud/errors.ts";
import type { AwsAnswer, AwsCall, Cloud, InvokeResult } from "../cloud/types.ts";
import type { FunctionSpec } from "../plan/types.ts";
import type { ExecutionRequest } from "./execution.ts";
import { MAX_ASYNC_BYTES, MAX_SYNC_BYTES, refuseTooLarge } from "./limits.ts";

export interface LambdaApi {
  handle(call: AwsCall): Promise<AwsAnswer>;
}

/** Lambda answers with the end of the log: four kilobytes. */
const TAIL_BYTES = 4096;

export function createApi(
  cloud: Cloud,
  run: {
    invoke(fn: FunctionSpec, request: ExecutionRequest): Promise<InvokeResult>;
    accept(fn: FunctionSpec, payload: string, traces: string[]): void;
    /** SHA-256 of the function's code in base64; undefined while it does not build. */
    codeHash(fn: FunctionSpec): string | undefined;
  },
): LambdaApi {
  const { plan } = cloud;

  /** By name, partial ARN or ARN, each with or without a qualifier; authorised before anything is said about it. */
  function authorised(call: AwsCall, reference: string, action: string): FunctionSpec {
    const { arn, qualifier } = functionArn(reference, call.region, plan.accountId);
    call.authorise(action, arn);
    const fn = plan.functions.find((candidate) => candidate.arn === arn);
    const asked = qualifier ?? call.http.query.get("Qualifier") ?? "$LATEST";
    if (!fn || asked !== "$LATEST")
      throw new AwsError(
        "ResourceNotFoundException",
        `Function not found: ${arn}${fn ? `:${asked}` : ""}`,
        404,
        {
          Type: "User",
        },
      );
    return fn;
  }

  async function invoke(call: AwsCall, reference: string): Promise<AwsAnswer> {
    const { headers, rawBody } = call.http;
    const fn = authorised(call, reference, "lambda:InvokeFunction");
    const type = headers["x-amz-invocation-type"] ?? "RequestResponse";
    const payload = readPayload(rawBody, type === "Event" ? MAX_ASYNC_BYTES : MAX_SYNC_BYTES);
    const traces = call.trace ? [call.trace] : [];
    switch (type) {
      case "DryRun":
        return { status: 204 };
      case "Event":
        run.accept(fn, payload, traces);
        return { status: 202, body: "" };
      case "RequestResponse": {
        const wantsTail = headers["x-amz-log-type"] === "Tail";
        const requestId = randomUUID();
        const tail = wantsTail ? [`START RequestId: ${requestId} Version: $LATEST`] : undefined;
        const result = await run.invoke(fn, {
          payload,
          requestId,
          traces,
          clientContext: clientContext(headers["x-amz-client-context"]),
          ...(tail && { tail }),
        });
        return {
          status: 200,
          headers: {
            "content-type": "application/json",
            "x-amz-executed-version": "$LATEST",
            ...(result.functionError && { "x-amz-function-error": result.functionError }),
            ...(tail && { "x-amz-log-result": endOf(tail) }),
          },
          body: result.payload,
        };
      }
      default:
        throw new AwsError(
          "InvalidParameterValueException",
          `InvocationType ${type} is none of RequestResponse, Event, DryRun`,
        );
    }
  }

  function configuration(fn: FunctionSpec): Record<string, unknown> {
    const codeHash = run.codeHash(fn);
    return {
      FunctionName: fn.name,
      FunctionArn: fn.arn,
      Runtime: fn.build.runtime,
      Role: fn.roleArn,
      Handler: fn.build.handler,
      ...(codeHash && { CodeSha256: codeHash }),
      Timeout: fn.timeoutSeconds,
      MemorySize: fn.memoryMB,
      EphemeralStorage: { Size: fn.storageMB },
      Environment: { Variables: fn.environment },
      Architectures: [fn.architecture],
      ...(fn.deadLetterArn && { DeadLetterConfig: { TargetArn: fn.deadLetterArn } }),
      Layers: fn.layers.map((Arn) => ({ Arn })),
      PackageType: "Zip",
      Version: "$LATEST",
      State: "Active",
      LastUpdateStatus: codeHash ? "Successful" : "Failed",
    };
  }

  return {
    async handle(call) {
      const path = /^\/2015-03-31\/functions\/?(?:([^/]+)(\/.*)?)?$/.exec(call.http.path);
      const reference = decode(path?.[1] ?? "");
      const route = `${call.http.method} ${path?.[2] ?? ""}`;
      if (path && reference && route === "POST /invocations") return invoke(call, reference);
      if (path && reference && route === "GET /configuration")
        return { body: configuration(authorised(call, reference, "lambda:GetFunctionConfiguration")) };
      if (path && reference && route === "GET ") {
        const fn = authorised(call, reference, "lambda:GetFunction");
        return {
          body: {
            Configuration: configuration(fn),
            ...(fn.reservedConcurrency !== undefined && {
              Concurrency: { ReservedConcurrentExecutions: fn.reservedConcurrency },
            }),
          },
        };
      }
      if (path && !reference && call.http.method === "GET") {
        call.authorise("lambda:ListFunctions", "*");
        return {
          body: {
            Functions: plan.functions.filter(({ region }) => region === call.region).map(configuration),
          },
        };
      }
      throw new AwsError(
        "NotImplemented",
        `lambda: ${call.http.method} ${call.http.path} is not part of this local run; Invoke, GetFunction, GetFunctionConfiguration and ListFunctions are`,
        501,
      );
    },
  };
}

/** Accepts `name`, `account:function:name`, a whole ARN, and each of them followed by `:qualifier`. */
function functionArn(
  reference: string,
  region: string,
  accountId: string,
): { arn: string; qualifier?: string } {
  const match =
    /^(?:(?:arn:(?<partition>aws[\w-]*):lambda:(?<region>[\w-]+):)?(?<account>\d{12}):function:)?(?<name>[\w-]+)(?::(?<qualifier>[\w$-]+))?$/.exec(
      reference,
    )?.groups;
  if (!match?.name)
    throw new AwsError("ValidationException", `"${reference}" is neither a function's name nor its ARN`);
  const arn = `arn:${match.partition ?? "aws"}:lambda:${match.region ?? region}:${match.account ?? accountId}:function:${match.name}`;
  return { arn, ...(match.qualifier && { qualifier: match.qualifier }) };
}

function readPayload(body: Buffer, limit: number): string {
  refuseTooLarge(body.length, limit);
  const payload = body.length > 0 ? body.toString("utf8") : "{}";
  try {
    JSON.parse(payload);
  } catch (error) {
    throw new AwsError(
      "InvalidRequestContentException",
      `Could not parse request body into json: ${(error as Error).message}`,
      400,
      { Type: "User" },
    );
  }
  return payload;
}

function clientContext(header: string | undefined): unknown {
  if (header === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(header, "base64").toString("utf8"));
  } catch {
    throw new AwsError(
      "InvalidRequestContentException",
      "Client context must be a valid Base64-encoded JSON object.",
    );
  }
}

function endOf(lines: string[]): string {
  const bytes = Buffer.from(`${lines.join("\n")}\n`);
  return bytes.subarray(Math.max(0, bytes.length - TAIL_BYTES)).toString("base64");
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
