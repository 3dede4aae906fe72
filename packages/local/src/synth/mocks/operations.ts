import type { MockTable } from "./context.ts";
import { byName, plain } from "./shapes.ts";

/** CloudWatch, budgets, trails. */
export const operations: MockTable = {
  "aws:cloudwatch/logGroup:LogGroup": byName("name", (c, name) => ({
    arn: c.arn("logs", `log-group:${name}`),
  })),
  "aws:cloudwatch/logStream:LogStream": byName("name", (c, name) => ({
    arn: c.arn("logs", `log-group:${c.text("logGroupName")}:log-stream:${name}`),
  })),
  "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": byName("name"),
  "aws:cloudwatch/logMetricFilter:LogMetricFilter": byName("name"),
  "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": plain((c) => c.text("policyName")),
  "aws:cloudwatch/metricAlarm:MetricAlarm": byName("name", (c, name) => ({
    arn: c.arn("cloudwatch", `alarm:${name}`),
  })),
  "aws:cloudwatch/compositeAlarm:CompositeAlarm": (c) => {
    const alarmName = c.named("alarmName");
    return {
      id: alarmName,
      inputs: { alarmName },
      outputs: { arn: c.arn("cloudwatch", `alarm:${alarmName}`) },
    };
  },
  "aws:cloudwatch/dashboard:Dashboard": (c) => {
    const dashboardName = c.named("dashboardName");
    return {
      id: dashboardName,
      inputs: { dashboardName },
      outputs: { dashboardArn: c.arn("cloudwatch", `dashboard/${dashboardName}`, { region: "" }) },
    };
  },
  "aws:budgets/budget:Budget": byName("name", (c, name) => ({
    arn: c.arn("budgets", `budget/${name}`, { region: "" }),
  })),
  "aws:cloudtrail/trail:Trail": byName("name", (c, name) => ({ arn: c.arn("cloudtrail", `trail/${name}`) })),
  "aws:resourcegroups/group:Group": byName("name", (c, name) => ({
    arn: c.arn("resource-groups", `group/${name}`),
  })),
};
