/** The operations on schedules. https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Operations.html */
import { createHash } from "node:crypto";
import { AwsError } from "../../cloud/errors.ts";
import type { AwsCall, Cloud } from "../../cloud/types.ts";
import { conflict, invalid, missing } from "./errors.ts";
import { checkName, type Input, pageSize, readDefinition, readToken } from "./input.ts";
import { notRunHere } from "./requests.ts";
import { assume } from "./role.ts";
import { expressionOf, type Runner } from "./runner.ts";
import { DEFAULT_GROUP, type Store } from "./store.ts";
import { BEGINNING, type Definition, type Group, type Schedule, scheduleArn } from "./types.ts";

/** @param name Of the path: of a schedule or group, or a resource's ARN. */
export type Operation = (call: AwsCall, name: string, input: Input) => Input;

export function createScheduleOperations(
  cloud: Cloud,
  store: Store,
  runner: Runner,
  gone: (scheduleArn: string) => void,
): Record<string, Operation> {
  const { clock, plan } = cloud;

  /** A schedule that a call names, once the caller may do the action on it. */
  function named(call: AwsCall, action: string, name: string, group: string) {
    checkName(name, "name");
    checkName(group, "groupName");
    const arn = scheduleArn(plan.accountId, { region: call.region, group, name });
    call.authorise(`scheduler:${action}`, arn);
    return { arn, schedule: store.schedules.get(arn) };
  }
  const groupOf = (given: unknown): string => {
    if (given === undefined || given === null) return DEFAULT_GROUP;
    if (typeof given !== "string") throw invalid("GroupName must be a string.");
    return given;
  };
  function openGroup(call: AwsCall, name: string): Group {
    const group = store.group(call.region, name);
    if (!group) throw missing(`Schedule group ${name} does not exist.`);
    return group;
  }
  const doesNotExist = (name: string) => missing(`Schedule ${name} does not exist.`);

  /** Who makes a schedule hands its role to Scheduler: the caller must be allowed to, and Scheduler to take it. */
  function passRole(call: AwsCall, arn: string, group: string, { target }: Definition) {
    call.authorise("iam:PassRole", target.RoleArn, {
      "iam:PassedToService": "scheduler.amazonaws.com",
      "iam:AssociatedResourceArn": arn,
    });
    try {
      assume(cloud, call.region, group, target.RoleArn);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      throw invalid(
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
      );
    }
    const reason = notRunHere(target.Arn);
    if (reason !== undefined) cloud.log(`not run here: target ${target.Arn} of schedule ${arn}: ${reason}`);
  }

  return {
    CreateSchedule(call, name, input) {
      const group = groupOf(input.GroupName);
      const { arn, schedule } = named(call, "CreateSchedule", name, group);
      return once(store, clock.now, call, "CreateSchedule", arn, input, () => {
        const definition = readDefinition(input);
        openGroup(call, group);
        passRole(call, arn, group, definition);
        if (schedule) throw conflict(`Schedule ${name} already exists.`);
        const made = createSchedule(definition, { arn, region: call.region, group, name }, clock.now());
        store.put(made);
        runner.arm(made);
        return { ScheduleArn: arn };
      });
    },

    UpdateSchedule(call, name, input) {
      const group = groupOf(input.GroupName);
      const { arn, schedule } = named(call, "UpdateSchedule", name, group);
      return once(store, clock.now, call, "UpdateSchedule", arn, input, () => {
        const definition = readDefinition(input);
        openGroup(call, group);
        if (!schedule) throw doesNotExist(name);
        passRole(call, arn, group, definition);
        const changed = changeSchedule(schedule, definition, clock.now());
        store.put(changed);
        runner.arm(changed);
        return { ScheduleArn: arn };
      });
    },

    GetSchedule(call, name) {
      const group = call.http.query.get("groupName") ?? DEFAULT_GROUP;
      const { schedule } = named(call, "GetSchedule", name, group);
      openGroup(call, group);
      if (!schedule) throw doesNotExist(name);
      return describe(schedule);
    },

    DeleteSchedule(call, name) {
      const { query } = call.http;
      const group = query.get("groupName") ?? DEFAULT_GROUP;
      const { arn, schedule } = named(call, "DeleteSchedule", name, group);
      const input = { ClientToken: query.get("clientToken") };
      return once(store, clock.now, call, "DeleteSchedule", arn, input, () => {
        openGroup(call, group);
        if (!schedule) throw doesNotExist(name);
        store.remove(arn);
        gone(arn);
        return {};
      });
    },

    ListSchedules(call) {
      const { query } = call.http;
      call.authorise("scheduler:ListSchedules", "*");
      const group = query.get("ScheduleGroup");
      const prefix = query.get("NamePrefix") ?? "";
      const state = query.get("State");
      if (group !== null) openGroup(call, checkName(group, "groupName"));
      if (prefix !== "") checkName(prefix, "namePrefix");
      if (state !== null && state !== "ENABLED" && state !== "DISABLED")
        throw invalid(
          `1 validation error detected: Value '${state}' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ENABLED, DISABLED]`,
        );
      const found = [...store.schedules.values()].filter(
        (schedule) =>
          schedule.region === call.region &&
          (group === null || schedule.group === group) &&
          schedule.name.startsWith(prefix) &&
          (state === null || schedule.state === state),
      );
      const { items, next } = page(found, query, ({ name, group: of }) => `${name} ${of}`);
      return { Schedules: items.map(summarise), ...next };
    },
  };
}

/** A new schedule, of what a caller or the graph says. */
export function createSchedule(
  definition: Definition,
  at: Pick<Schedule, "arn" | "region" | "group" | "name">,
  now: number,
): Schedule {
  const created = Math.floor(now);
  return {
    ...at,
    ...definition,
    createdAt: created,
    modifiedAt: created,
    anchor: definition.startAt ?? created,
    // A rate without a start is due at once.
    cursor: expressionOf(definition).once ? BEGINNING : created - 1,
  };
}

/**
 * All that can be said of a schedule is said anew. The times of one whose expression stays go on as they were; what
 * passed while it was disabled is over.
 */
export function changeSchedule(before: Schedule, definition: Definition, now: number): Schedule {
  const { arn, region, group, name, createdAt } = before;
  const modifiedAt = Math.floor(now);
  const same =
    definition.expression === before.expression &&
    definition.zone === before.zone &&
    definition.startAt === before.startAt;
  const { once } = expressionOf(definition);
  const enabledAgain = before.state === "DISABLED" && definition.state === "ENABLED";
  const cursor = once ? (same ? before.cursor : BEGINNING) : modifiedAt;
  return {
    ...definition,
    arn,
    region,
    group,
    name,
    createdAt,
    modifiedAt,
    anchor: same ? before.anchor : (definition.startAt ?? modifiedAt),
    cursor: same && enabledAgain ? Math.max(cursor, modifiedAt) : cursor,
    ...(before.planned !== undefined && { planned: before.planned }),
  };
}

/** A request that comes again with its token gets the same answer and has no further effect. */
export function once(
  store: Store,
  now: () => number,
  call: AwsCall,
  operation: string,
  arn: string,
  input: Input,
  effect: () => Input,
): Input {
  const { ClientToken: given, ...rest } = input;
  const token = readToken(given);
  if (token === undefined) return effect();
  const key = `${call.region} ${operation} ${token}`;
  const digest = createHash("sha256")
    .update(`${arn} ${JSON.stringify(rest)}`)
    .digest("base64");
  const known = store.recall(key);
  if (known) {
    if (known.digest !== digest)
      throw conflict("The client token was used with another request: its parameters are not the same.");
    return known.answer;
  }
  const answer = effect();
  store.remember({ key, digest, answer, at: Math.floor(now()) });
  return answer;
}

/** One page in the order of the keys; the token is the last key. */
export function page<T>(
  items: T[],
  query: URLSearchParams,
  keyOf: (item: T) => string,
): { items: T[]; next: { NextToken?: string } } {
  const size = pageSize(query);
  const token = query.get("NextToken");
  const after = token === null ? undefined : Buffer.from(token, "base64url").toString();
  if (after === "") throw invalid("Invalid NextToken.");
  const sorted = items
    .map((item) => ({ key: keyOf(item), item }))
    .filter(({ key }) => after === undefined || key > after)
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const last = sorted[size - 1];
  const more = last !== undefined && sorted.length > size;
  return {
    items: sorted.slice(0, size).map(({ item }) => item),
    next: more ? { NextToken: Buffer.from(last.key).toString("base64url") } : {},
  };
}

/** Seconds, as the REST-JSON protocol writes times. */
export const timestamp = (at: number) => at / 1000;

function describe(schedule: Schedule): Input {
  const { startAt, endAt, windowMinutes: minutes } = schedule;
  return {
    Arn: schedule.arn,
    GroupName: schedule.group,
    Name: schedule.name,
    ScheduleExpression: schedule.expression,
    ScheduleExpressionTimezone: schedule.zone,
    StartDate: startAt === undefined ? undefined : timestamp(startAt),
    EndDate: endAt === undefined ? undefined : timestamp(endAt),
    Description: schedule.description,
    State: schedule.state,
    CreationDate: timestamp(schedule.createdAt),
    LastModificationDate: timestamp(schedule.modifiedAt),
    KmsKeyArn: schedule.kmsKeyArn,
    Target: schedule.target,
    FlexibleTimeWindow:
      minutes === undefined ? { Mode: "OFF" } : { Mode: "FLEXIBLE", MaximumWindowInMinutes: minutes },
    ActionAfterCompletion: schedule.afterCompletion,
  };
}
function summarise({ arn, name, group, state, createdAt, modifiedAt, target }: Schedule): Input {
  return {
    Arn: arn,
    Name: name,
    GroupName: group,
    State: state,
    CreationDate: timestamp(createdAt),
    LastModificationDate: timestamp(modifiedAt),
    Target: { Arn: target.Arn },
  };
}
