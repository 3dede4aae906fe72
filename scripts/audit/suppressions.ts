import type { StageKind } from "./stages.ts";
import type { World } from "./world.ts";

/** A decision that something stays as it is, with the reason that an auditor is given. */
export interface Suppression {
  /** Rules whose findings it covers. Each must find something, or its name comes out. */
  rules: readonly string[];
  /** Logical names of the resources that it covers, and no other. Default: all. */
  resources?: RegExp;
  /** What is said of them. Default: anything. */
  findings?: RegExp;
  /** Kinds of stage that it is for. Default: all. */
  stages?: readonly StageKind[];
  /** Whether it is for this graph, where a setting decides. */
  where?(world: World): boolean;
  reason: string;
}

/** At most 15; one that matches nothing in a stage that it is for is an error. */
export const suppressions: readonly Suppression[] = [];
