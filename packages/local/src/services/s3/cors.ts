/** Cross-origin requests by the bucket's rules. https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html */
import { AwsError } from "../../cloud/errors.ts";
import type { AwsAnswer } from "../../cloud/types.ts";
import type { BucketSpec } from "../../plan/types.ts";

type Rule = BucketSpec["cors"][number];

function fits(pattern: string, value: string): boolean {
  const [before = "", after] = pattern.split("*", 2);
  return after === undefined
    ? pattern === value
    : value.length >= before.length + after.length && value.startsWith(before) && value.endsWith(after);
}
function ruleFor(bucket: BucketSpec, origin: string, method: string): Rule | undefined {
  return bucket.cors.find(
    (rule) =>
      rule.allowedMethods.includes(method) && rule.allowedOrigins.some((allowed) => fits(allowed, origin)),
  );
}
function answerHeaders(rule: Rule, origin: string): Record<string, string> {
  const any = rule.allowedOrigins.includes("*");
  return {
    "access-control-allow-origin": any ? "*" : origin,
    ...(!any && { "access-control-allow-credentials": "true" }),
    "access-control-allow-methods": rule.allowedMethods.join(", "),
    ...(rule.exposeHeaders.length > 0 && { "access-control-expose-headers": rule.exposeHeaders.join(", ") }),
    vary: "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
  };
}

export function corsHeaders(
  bucket: BucketSpec,
  method: string,
  headers: Record<string, string>,
): Record<string, string> {
  const { origin } = headers;
  const rule = origin === undefined ? undefined : ruleFor(bucket, origin, method);
  return rule && origin !== undefined ? answerHeaders(rule, origin) : {};
}

export function preflight(bucket: BucketSpec, headers: Record<string, string>): AwsAnswer {
  const { origin = "" } = headers;
  const rule = ruleFor(bucket, origin, headers["access-control-request-method"] ?? "");
  const asked = (headers["access-control-request-headers"] ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  const allowed =
    rule && asked.every((name) => rule.allowedHeaders.some((pattern) => fits(pattern.toLowerCase(), name)));
  if (!rule || !allowed)
    throw new AwsError(
      "AccessForbidden",
      "CORSResponse: This CORS request is not allowed. This is usually because the evaluation of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
      403,
    );
  return {
    headers: {
      ...answerHeaders(rule, origin),
      ...(asked.length > 0 && { "access-control-allow-headers": asked.join(", ") }),
      ...(rule.maxAgeSeconds !== undefined && { "access-control-max-age": String(rule.maxAgeSeconds) }),
    },
    body: Buffer.alloc(0),
  };
}
