import type { GraphResource } from "@frontdesk/local";
import type { World } from "./world.ts";

/** One resource that a rule looked at. */
export interface Verdict {
  resource: GraphResource;
  /** What is wrong, one sentence each; none: it is right. */
  wrong: string[];
}

export interface Rule {
  /** `noun.rule`, such as `network.flow-logs`. */
  name: string;
  /** Ids of the controls that ask this. */
  controls: readonly string[];
  /** What must be so. */
  statement: string;
  /** How to put it right. */
  mend: string;
  /** Why it does not apply where there is nothing to look at. */
  absent: string;
  /** A verdict on every resource that the rule is about. */
  check(world: World): Verdict[];
}

type Finding = string | false | undefined | readonly (string | false | undefined)[];

/** A rule over resources, each looked at by itself. */
export function rule({
  over,
  wrong,
  ...rest
}: Omit<Rule, "check"> & {
  over(world: World): GraphResource[];
  /** What is wrong with one of them; nothing or `false` when it is right. */
  wrong(resource: GraphResource, world: World): Finding;
}): Rule {
  return {
    ...rest,
    check: (world) =>
      over(world).map((resource) => ({
        resource,
        wrong: [wrong(resource, world)].flat().filter((text) => typeof text === "string"),
      })),
  };
}
