import { accountId, settings } from "../stage";
import type { Grant, Named, Text } from "./grant";

/**
 * Make, change, look at and remove schedules of one group, and hand them the one role that sends to the jobs queue. No
 * ListSchedules, which knows no narrower resource than all groups: the database knows what there is.
 */
export const manageSchedules = (group: { name: Text }, role: Named): Grant[] => [
  {
    actions: [
      "scheduler:CreateSchedule",
      "scheduler:UpdateSchedule",
      "scheduler:GetSchedule",
      "scheduler:DeleteSchedule",
    ],
    resources: [$interpolate`arn:aws:scheduler:${settings.homeRegion}:${accountId}:schedule/${group.name}/*`],
  },
  {
    actions: ["iam:PassRole"],
    resources: [role.arn],
    conditions: [
      { test: "StringEquals", variable: "iam:PassedToService", values: ["scheduler.amazonaws.com"] },
    ],
  },
];
