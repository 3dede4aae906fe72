/** The role that a schedule's target is called as. */
import { createHash } from "node:crypto";
import type { Cloud, Principal } from "../../cloud/types.ts";
import { groupArn } from "./types.ts";

/**
 * Scheduler as a role's trust policy sees it: for a schedule it comes from the schedule's group, never from the
 * schedule itself.
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
 */
function sourceOf(cloud: Cloud, region: string, group: string): Extract<Principal, { kind: "service" }> {
  return {
    kind: "service",
    service: "scheduler.amazonaws.com",
    sourceArn: groupArn(cloud.plan.accountId, { region, name: group }),
    sourceAccount: cloud.plan.accountId,
  };
}

/** @throws AccessDenied when the role's trust policy does not let Scheduler take it on. */
export function assume(cloud: Cloud, region: string, group: string, roleArn: string): void {
  cloud.authoriser.authorise({
    principal: sourceOf(cloud, region, group),
    action: "sts:AssumeRole",
    resource: roleArn,
  });
}

/** The role, taken on. Sessions are named by 32 hexadecimal digits, as AWS does; a group has one. */
export function roleSession(cloud: Cloud, region: string, group: string, roleArn: string): Principal {
  assume(cloud, region, group, roleArn);
  const sessionName = createHash("md5").update(`${region}/${group}`).digest("hex");
  return { kind: "role", roleArn, sessionName };
}
