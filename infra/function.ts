import type { LayerName } from "../layers/contents";
import type { Grant } from "./grants";
import { layersOf } from "./layers";
import { functionVpc } from "./network";
import { accountId, permanent, settings, stage } from "./stage";

/** What every function sees of the settings. Names and addresses only. */
export const settingsLink = new sst.Linkable("Settings", {
  properties: {
    stage,
    permanent,
    homeRegion: settings.homeRegion,
    mailRegion: settings.mailRegion,
    mailDomain: settings.mailDomain,
    workspaceDomain: settings.workspaceDomain,
    mailboxes: settings.mailboxes,
    allowedOrigins: settings.allowedOrigins,
    jobHistoryDays: settings.jobHistoryDays,
    logLevel: settings.logLevel,
    claimCheckBytes: settings.claimCheckBytes,
  },
});

// Stages with the same code share its archive (SST 3.19.3 names it by the code alone): one that is removed must not
// take it from the others.
$transform(aws.s3.BucketObjectv2, (_, options) => {
  options.retainOnDelete = true;
});

interface FunctionOptions {
  /** `path/to/file.export` below packages/functions/src. */
  handler: string;
  description: string;
  links?: unknown[];
  grants: Grant[];
  /** Whose packages it loads; they stay out of its bundle. */
  layers?: LayerName[];
  timeoutSeconds?: number;
  memory?: `${number} MB`;
  /** Runs in the VPC: only what needs Postgres or Redis. Default: with the functions' security group. */
  vpc?: typeof functionVpc | false;
  /** What must be done before this code takes traffic. */
  after?: $util.Resource[];
}

/** A function with a role of its own, which may write its own log and do what `grants` says. */
export function createFunction(name: string, options: FunctionOptions) {
  const functionName = `${$app.name}-${stage}-${name}`;
  const vpc = options.vpc ?? functionVpc;
  const layers = layersOf(options.layers ?? []);
  return new sst.aws.Function(name, {
    name: functionName,
    description: options.description,
    handler: `packages/functions/src/${options.handler}`,
    runtime: "nodejs22.x",
    architecture: "arm64",
    timeout: `${options.timeoutSeconds ?? 20} seconds`,
    memory: options.memory ?? "512 MB",
    logging: { retention: "1 month", format: "json" },
    // SST would attach what links imply; ours carry names, so this is all there is.
    permissions: options.grants,
    link: [settingsLink, ...(options.links ?? [])],
    ...(vpc && { vpc }),
    layers: layers.arns,
    environment: {
      // Since Node 20 Lambda does not load Amazon's own CAs (RDS, ElastiCache) by itself.
      NODE_EXTRA_CA_CERTS: "/var/runtime/ca-cert.pem",
    },
    nodejs: {
      sourcemap: true,
      minify: true,
      // What is imported late (AWS clients, drizzle) is read when it is needed and not at every cold start.
      splitting: true,
      esbuild: { mainFields: ["module", "main"], external: layers.external },
    },
    transform: {
      // AWSLambdaBasicExecutionRole and the VPC one reach every log group; here the function's own.
      role: (args) => {
        // SST 3.19.3 lets the whole account take every function's role, which only `sst dev` needs: the flag that it
        // asks is an output, and so always true (createRole of function.ts).
        if (!$dev) args.assumeRolePolicy = lambdaTrust(functionName);
        args.managedPolicyArns = [];
        args.inlinePolicies = $output(args.inlinePolicies).apply((own) => [
          ...(own ?? []),
          { name: "runtime", policy: runtimePolicy(functionName, vpc !== false) },
        ]);
      },
      // On the function itself: a component's dependsOn does not reach the resources that it makes later.
      function: (_, resource) => {
        resource.dependsOn = options.after ?? [];
      },
    },
  });
}

/**
 * Lambda alone, and for this function alone where it says for which: AWS documents both keys for service roles in
 * general and does not list what Lambda sends, so a call without them is let in (docs/unverified.md).
 */
function lambdaTrust(functionName: string) {
  return aws.iam.getPolicyDocumentOutput({
    statements: [
      {
        actions: ["sts:AssumeRole"],
        principals: [{ type: "Service", identifiers: ["lambda.amazonaws.com"] }],
        conditions: [
          { test: "StringEqualsIfExists", variable: "aws:SourceAccount", values: [accountId] },
          {
            test: "ArnEqualsIfExists",
            variable: "aws:SourceArn",
            values: [
              $interpolate`arn:aws:lambda:${settings.homeRegion}:${accountId}:function:${functionName}`,
            ],
          },
        ],
      },
    ],
  }).json;
}

function runtimePolicy(functionName: string, inVpc: boolean) {
  return aws.iam.getPolicyDocumentOutput({
    statements: [
      {
        sid: "OwnLog",
        actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
        resources: [
          $interpolate`arn:aws:logs:${settings.homeRegion}:${accountId}:log-group:/aws/lambda/${functionName}:*`,
        ],
      },
      ...(inVpc
        ? [
            {
              sid: "NetworkInterfaces",
              // Lambda makes the interfaces as this role; these actions know no narrower resource.
              actions: [
                "ec2:CreateNetworkInterface",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSubnets",
                "ec2:DeleteNetworkInterface",
                "ec2:AssignPrivateIpAddresses",
                "ec2:UnassignPrivateIpAddresses",
              ],
              resources: ["*"],
            },
          ]
        : []),
    ],
  }).json;
}
