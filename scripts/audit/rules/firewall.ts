import { rule } from "../rule.ts";
import { blocks, isTrue, type World } from "../world.ts";

const acls = { absent: "no web ACL", over: (world: World) => world.all("webAcl") };

export const firewallRules = [
  rule({
    name: "firewall.rules",
    controls: ["WAF.10"],
    statement: "Every web ACL has a rule",
    mend: "add a rule or a rule group",
    ...acls,
    wrong: (acl) => blocks(acl, "rules").length === 0 && "has no rule",
  }),
  rule({
    name: "firewall.logs",
    controls: ["WAF.11"],
    statement: "Every web ACL logs",
    mend: "add an aws.wafv2.WebAclLoggingConfiguration",
    ...acls,
    wrong: (acl, world) => world.about("webAclLogging", "resourceArn", acl).length === 0 && "does not log",
  }),
  rule({
    name: "firewall.metrics",
    controls: ["WAF.12"],
    statement: "Every rule of a web ACL counts what it did",
    mend: "set visibilityConfig.cloudwatchMetricsEnabled on the rule",
    absent: "no web ACL with rules",
    over: (world) => acls.over(world).filter((acl) => blocks(acl, "rules").length > 0),
    wrong: (acl) =>
      blocks(acl, "rules").map(
        ({ name, visibilityConfig }) =>
          !isTrue(
            (visibilityConfig as { cloudwatchMetricsEnabled?: unknown } | undefined)
              ?.cloudwatchMetricsEnabled,
          ) && `does not count what its rule ${name} did`,
      ),
  }),
];
