/** Schedules, groups and what has fallen due and is not delivered yet. A journal keeps them over the end of the process. */
import { join } from "node:path";
import { type Journal, openJournal } from "../../cloud/journal.ts";
import type { Cloud } from "../../cloud/types.ts";
import { type Group, groupArn, type Invocation, type Remembered, type Schedule } from "./types.ts";

type Line =
  | [kind: "s", schedule: Schedule]
  | [kind: "S", scheduleArn: string]
  | [kind: "g", group: Group]
  | [kind: "G", groupArn: string]
  /** What was due, and until when the schedule's times are taken. */
  | [kind: "i", invocation: Invocation, cursor: number]
  | [kind: "I", invocationId: string]
  | [kind: "t", remembered: Remembered];

/** How long a request that is repeated with its token gets the same answer. AWS does not say. */
const TOKEN_MS = 8 * 3_600_000;
export const DEFAULT_GROUP = "default";

export interface Store {
  readonly schedules: ReadonlyMap<string, Schedule>;
  readonly invocations: ReadonlyMap<string, Invocation>;
  open(): void;
  put(schedule: Schedule): void;
  /** With the invocations of it that are under way. */
  remove(scheduleArn: string): void;
  group(region: string, name: string): Group | undefined;
  /** The default group has been there always, in every region. */
  groups(region: string): Group[];
  /** Those that were made, of every region. */
  allGroups(): Group[];
  putGroup(group: Group): void;
  /** With its schedules. @returns ARNs of those. */
  removeGroup(group: Group): string[];
  /** A schedule is due: what is to be delivered, and until when its times are taken. */
  due(invocation: Invocation): void;
  settle(invocationId: string): void;
  recall(key: string): Remembered | undefined;
  remember(remembered: Remembered): void;
  close(): void;
}

export function createStore(cloud: Cloud): Store {
  const { clock, plan } = cloud;
  const schedules = new Map<string, Schedule>();
  const groups = new Map<string, Group>();
  const invocations = new Map<string, Invocation>();
  const tokens = new Map<string, Remembered>();
  let journal: Journal | undefined;
  const began = Math.floor(clock.now());

  function apply(line: Line) {
    switch (line[0]) {
      case "s":
        schedules.set(line[1].arn, line[1]);
        break;
      case "S":
        schedules.delete(line[1]);
        for (const { id, scheduleArn } of invocations.values())
          if (scheduleArn === line[1]) invocations.delete(id);
        break;
      case "g":
        groups.set(line[1].arn, line[1]);
        break;
      case "G":
        groups.delete(line[1]);
        break;
      case "i": {
        const [, invocation, cursor] = line;
        invocations.set(invocation.id, invocation);
        const schedule = schedules.get(invocation.scheduleArn);
        if (schedule) schedule.cursor = cursor;
        break;
      }
      case "I":
        invocations.delete(line[1]);
        break;
      case "t":
        tokens.set(line[1].key, line[1]);
    }
  }
  function write(...lines: Line[]) {
    if (!journal) throw new Error("Scheduler has not started");
    for (const line of lines) apply(line);
    journal.append(...lines);
  }
  const defaultGroup = (region: string): Group => ({
    arn: groupArn(plan.accountId, { region, name: DEFAULT_GROUP }),
    region,
    name: DEFAULT_GROUP,
    createdAt: began,
    modifiedAt: began,
    tags: {},
  });

  const store: Store = {
    schedules,
    invocations,
    open() {
      journal = openJournal(join(cloud.state.folder("scheduler"), "schedules.jsonl"), {
        replay: (line) => apply(line as Line),
        *snapshot(): Generator<Line> {
          for (const group of groups.values()) yield ["g", group];
          for (const schedule of schedules.values()) yield ["s", schedule];
          for (const invocation of invocations.values())
            yield ["i", invocation, schedules.get(invocation.scheduleArn)?.cursor ?? invocation.dueAt];
          for (const remembered of tokens.values()) yield ["t", remembered];
        },
        live: () => schedules.size + groups.size + invocations.size + tokens.size,
      });
    },
    put: (schedule) => write(["s", schedule]),
    remove: (arn) => write(["S", arn]),
    group(region, name) {
      const found = groups.get(groupArn(plan.accountId, { region, name }));
      return found ?? (name === DEFAULT_GROUP ? defaultGroup(region) : undefined);
    },
    groups(region) {
      const own = [...groups.values()].filter((group) => group.region === region);
      return own.some(({ name }) => name === DEFAULT_GROUP) ? own : [defaultGroup(region), ...own];
    },
    allGroups: () => [...groups.values()],
    putGroup: (group) => write(["g", group]),
    removeGroup(group) {
      const arns = [...schedules.values()]
        .filter((schedule) => schedule.region === group.region && schedule.group === group.name)
        .map(({ arn }) => arn);
      write(...arns.map((arn): Line => ["S", arn]), ["G", group.arn]);
      return arns;
    },
    due: (invocation) => write(["i", invocation, invocation.dueAt]),
    settle(id) {
      if (invocations.has(id)) write(["I", id]);
    },
    recall(key) {
      const found = tokens.get(key);
      return found && found.at > clock.now() - TOKEN_MS ? found : undefined;
    },
    remember(remembered) {
      // Oldest first: a Map keeps the order of insertion.
      for (const [key, { at }] of tokens) {
        if (at > clock.now() - TOKEN_MS) break;
        tokens.delete(key);
      }
      write(["t", remembered]);
    },
    close() {
      journal?.close();
      journal = undefined;
    },
  };
  return store;
}
