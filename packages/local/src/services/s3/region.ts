/**
 * A bucket answers in its own region only.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingRouting.html
 */
import { AwsError } from "../../cloud/errors.ts";
import type { AwsCall } from "../../cloud/types.ts";
import type { BucketSpec } from "../../plan/types.ts";

/**
 * @param host Of the request, without port.
 * @throws AwsError PermanentRedirect (301) at another region's endpoint, AuthorizationHeaderMalformed (400) at the
 * right or the global one with a signature for another region.
 */
export function checkRegion(call: AwsCall, host: string, bucket: BucketSpec): void {
  const endpoint = endpointRegion(call, host, bucket);
  if (endpoint !== bucket.region)
    throw new AwsError(
      "PermanentRedirect",
      `The bucket you are attempting to access must be addressed using the specified endpoint: it is in ${bucket.region}, not ${endpoint}.`,
      301,
      { Endpoint: `${bucket.name}.s3.${bucket.region}.amazonaws.com`, Bucket: bucket.name },
    );
  if (call.region !== bucket.region && call.principal.kind !== "anonymous")
    throw new AwsError(
      "AuthorizationHeaderMalformed",
      `The authorization header is malformed; the region '${call.region}' is wrong; expecting '${bucket.region}'`,
      400,
      { Region: bucket.region },
    );
}

function endpointRegion(call: AwsCall, host: string, bucket: BucketSpec): string {
  const named = /(?:^|\.)s3[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com$/.exec(host)?.[1];
  if (named !== undefined) return named;
  // The global endpoint sends on to the bucket's region.
  if (host.endsWith(".amazonaws.com") || call.principal.kind === "anonymous") return bucket.region;
  // Loopback stands for the endpoint of whatever region the client was made for.
  return call.region;
}
