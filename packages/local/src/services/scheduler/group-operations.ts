/** The operations on schedule groups and their tags. */
import type { AwsCall, Cloud } from "../../cloud/types.ts";
import { conflict, invalid, missing } from "./errors.ts";
import { checkName, type Input, readTags } from "./input.ts";
import { type Operation, once, page, timestamp } from "./operations.ts";
import { DEFAULT_GROUP, type Store } from "./store.ts";
import { type Group, groupArn } from "./types.ts";

export function createGroupOperations(
  cloud: Cloud,
  store: Store,
  gone: (scheduleArn: string) => void,
): Record<string, Operation> {
  const { clock, plan } = cloud;

  function named(call: AwsCall, action: string, name: string) {
    checkName(name, "name");
    const arn = groupArn(plan.accountId, { region: call.region, name });
    call.authorise(`scheduler:${action}`, arn);
    return { arn, group: store.group(call.region, name) };
  }
  /** Only groups have tags. */
  function tagged(call: AwsCall, action: string, arn: string): Group {
    call.authorise(`scheduler:${action}`, arn);
    const [, region = "", name = ""] =
      /^arn:aws[a-z-]*:scheduler:([a-z0-9-]+):\d{12}:schedule-group\/(.+)$/.exec(arn) ?? [];
    if (name === "") throw invalid("Only schedule groups have tags: the ARN must be a schedule group's.");
    const group = region === call.region ? store.group(region, name) : undefined;
    if (!group) throw missing(`Schedule group ${name} does not exist.`);
    return group;
  }
  const touch = (group: Group, tags: Record<string, string>) =>
    store.putGroup({ ...group, tags, modifiedAt: Math.floor(clock.now()) });

  return {
    CreateScheduleGroup(call, name, input) {
      const { arn, group } = named(call, "CreateScheduleGroup", name);
      return once(store, clock.now, call, "CreateScheduleGroup", arn, input, () => {
        const tags = readTags(input);
        if (group) throw conflict(`Schedule group ${name} already exists.`);
        const now = Math.floor(clock.now());
        store.putGroup({ arn, region: call.region, name, createdAt: now, modifiedAt: now, tags });
        return { ScheduleGroupArn: arn };
      });
    },

    GetScheduleGroup(call, name) {
      const { group } = named(call, "GetScheduleGroup", name);
      if (!group) throw missing(`Schedule group ${name} does not exist.`);
      return describe(group);
    },

    /** AWS takes minutes over the schedules of the group; here they are gone at once. */
    DeleteScheduleGroup(call, name) {
      const { arn, group } = named(call, "DeleteScheduleGroup", name);
      const input = { ClientToken: call.http.query.get("clientToken") };
      return once(store, clock.now, call, "DeleteScheduleGroup", arn, input, () => {
        if (name === DEFAULT_GROUP) throw invalid("The default schedule group cannot be deleted.");
        if (!group) throw missing(`Schedule group ${name} does not exist.`);
        for (const schedule of store.removeGroup(group)) gone(schedule);
        return {};
      });
    },

    ListScheduleGroups(call) {
      const { query } = call.http;
      call.authorise("scheduler:ListScheduleGroups", "*");
      const prefix = query.get("NamePrefix") ?? "";
      if (prefix !== "") checkName(prefix, "namePrefix");
      const found = store.groups(call.region).filter(({ name }) => name.startsWith(prefix));
      const { items, next } = page(found, query, ({ name }) => name);
      return { ScheduleGroups: items.map(describe), ...next };
    },

    TagResource(call, arn, input) {
      const group = tagged(call, "TagResource", arn);
      touch(group, { ...group.tags, ...readTags(input) });
      return {};
    },
    UntagResource(call, arn) {
      const group = tagged(call, "UntagResource", arn);
      const keys = new Set(call.http.query.getAll("TagKeys"));
      touch(group, Object.fromEntries(Object.entries(group.tags).filter(([key]) => !keys.has(key))));
      return {};
    },
    ListTagsForResource(call, arn) {
      const { tags } = tagged(call, "ListTagsForResource", arn);
      return { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) };
    },
  };
}

function describe({ arn, name, createdAt, modifiedAt }: Group): Input {
  return {
    Arn: arn,
    Name: name,
    State: "ACTIVE",
    CreationDate: timestamp(createdAt),
    LastModificationDate: timestamp(modifiedAt),
  };
}
