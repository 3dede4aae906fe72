/** The environment of a function's process: what Lambda and SST give it, and what leads it to the local run. */
import { dirname } from "node:path";
import type { Credentials } from "../cloud/types.ts";
import type { FunctionSpec } from "../plan/types.ts";

export interface EnvironmentOptions {
  fn: FunctionSpec;
  app: string;
  stage: string;
  credentials: Credentials;
  /** Port of the front door, speaking HTTP. */
  frontDoorPort: number;
  /** PEM file of the run's own CA. */
  caFile: string;
  addresses: Record<string, string>;
  /** How far the run's clock is ahead of the machine's. */
  clockMs: number;
  /** Folder of the bundle. */
  taskRoot: string;
  /** As Lambda names it: `bundle.handler`. */
  handler: string;
  /** A folder of this process alone. */
  tmpDir: string;
  logStream: string;
}

/**
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html. Nothing of the environment of this machine
 * is passed on.
 */
export function functionEnvironment(options: EnvironmentOptions): Record<string, string> {
  const { fn, credentials, tmpDir } = options;
  // On AWS the links come encrypted in a file beside the bundle; here each is a variable, which SST reads as well.
  const { SST_KEY, SST_KEY_FILE, ...own } = fn.environment;
  const links = Object.entries(fn.build.links).map(([name, properties]) => [
    `SST_RESOURCE_${name}`,
    JSON.stringify(properties),
  ]);
  return {
    LANG: "en_US.UTF-8",
    PATH: [dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"].join(":"),
    SST_RESOURCE_App: JSON.stringify({ name: options.app, stage: options.stage }),
    ...own,
    ...Object.fromEntries(links),
    // Reserved by Lambda: a function cannot set these itself.
    TZ: ":UTC",
    _HANDLER: options.handler,
    AWS_EXECUTION_ENV: `AWS_Lambda_${fn.build.runtime}`,
    AWS_REGION: fn.region,
    AWS_DEFAULT_REGION: fn.region,
    AWS_LAMBDA_FUNCTION_NAME: fn.name,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMB),
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${fn.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: options.logStream,
    LAMBDA_TASK_ROOT: options.taskRoot,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
    // The way to the local run.
    AWS_ENDPOINT_URL: `http://127.0.0.1:${options.frontDoorPort}`,
    // The SDK sends to the host of the queue's URL in any case, and warns when that is not its endpoint.
    AWS_ENDPOINT_URL_SQS: `https://sqs.${fn.region}.amazonaws.com`,
    NODE_EXTRA_CA_CERTS: options.caFile,
    SST_LOCAL_ADDRESSES: JSON.stringify(options.addresses),
    ...(options.clockMs !== 0 && { SST_LOCAL_CLOCK_MS: String(options.clockMs) }),
    TMPDIR: tmpDir,
    // The SDKs read ~/.aws: what the developer keeps there is none of the function's business.
    HOME: tmpDir,
  };
}
