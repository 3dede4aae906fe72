/** Schedules and groups of the graph: made, changed and removed as a deployment would. */
import { createHash } from "node:crypto";
import type { Cloud } from "../../cloud/types.ts";
import { readDefinition } from "./input.ts";
import { changeSchedule, createSchedule } from "./operations.ts";
import type { Store } from "./store.ts";
import { type Group, groupArn, scheduleArn } from "./types.ts";

/** @throws Error naming the schedule that AWS would refuse. */
export function plant(cloud: Cloud, store: Store): void {
  const { plan } = cloud;
  const now = Math.floor(cloud.clock.now());

  for (const { region, name, tags } of plan.scheduleGroups) {
    const known = store.group(region, name);
    const arn = groupArn(plan.accountId, { region, name });
    const made: Group = {
      arn,
      region,
      name,
      createdAt: known?.createdAt ?? now,
      modifiedAt: now,
      tags,
      planned: true,
    };
    if (!known?.planned || JSON.stringify(known.tags) !== JSON.stringify(tags)) store.putGroup(made);
  }

  const wanted = new Set<string>();
  for (const { region, group, name, input } of plan.schedules) {
    const arn = scheduleArn(plan.accountId, { region, group, name });
    wanted.add(arn);
    const planned = createHash("sha256").update(JSON.stringify(input)).digest("hex");
    const known = store.schedules.get(arn);
    if (known?.planned === planned) continue;
    try {
      const definition = readDefinition(input);
      const made = known
        ? changeSchedule(known, definition, now)
        : createSchedule(definition, { arn, region, group, name }, now);
      store.put({ ...made, planned });
    } catch (error) {
      throw new Error(`schedule ${name}: ${(error as Error).message}`);
    }
  }
  for (const schedule of [...store.schedules.values()])
    if (schedule.planned !== undefined && !wanted.has(schedule.arn)) store.remove(schedule.arn);
  for (const group of store.allGroups()) {
    if (!group.planned) continue;
    const kept = plan.scheduleGroups.some(
      ({ region, name }) => region === group.region && name === group.name,
    );
    if (!kept) store.removeGroup(group);
  }
}
