/** Requests without a signature that AWS takes: Cognito's public operations, and S3 for the anonymous. */
import type { Plan } from "../plan/types.ts";
import { isOpenOperation, serviceOfTarget } from "./protocol.ts";
import { type RestRequest, s3Address } from "./rest-operations.ts";

/**
 * The service that a request would be for if it came unsigned, and the region.
 *
 * @returns undefined when AWS would ask for a signature.
 */
export function unsignedTarget(
  plan: Plan,
  request: RestRequest,
  operation: string,
): { service: string; region: string } | undefined {
  const target = request.headers["x-amz-target"];
  if (target !== undefined) {
    const service = serviceOfTarget(target);
    return service && isOpenOperation(service, operation)
      ? { service, region: regionOf(request.host) ?? plan.homeRegion }
      : undefined;
  }
  const { bucket } = s3Address(request);
  const spec = plan.buckets.find(({ name }) => name === bucket);
  const byHost = /(^|\.)s3[.-][a-z0-9.-]*amazonaws\.com$/.test(request.host);
  const byForm =
    request.method === "POST" && request.headers["content-type"]?.startsWith("multipart/form-data");
  const byPreflight = request.method === "OPTIONS" && request.headers["access-control-request-method"];
  if (!spec && !byHost && !byForm && !byPreflight) return undefined;
  return { service: "s3", region: regionOf(request.host) ?? spec?.region ?? plan.homeRegion };
}

/** `cognito-idp.eu-west-1.amazonaws.com` -> `eu-west-1` */
function regionOf(host: string): string | undefined {
  return /[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com$/.exec(host)?.[1];
}
