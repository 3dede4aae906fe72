/** For each rule, ways to break it: what is changed in the sound graph, and nothing else is wrong then. */

import type { Sample } from "./sample.ts";
import { dataViolations } from "./violations-data.ts";
import { edgeViolations } from "./violations-edge.ts";
import { iamViolations } from "./violations-iam.ts";
import { messagingViolations } from "./violations-messaging.ts";
import { networkViolations } from "./violations-network.ts";

/** Rule -> what is wrong -> how to make it so. */
export type Violations = Record<string, Record<string, (sample: Sample) => void>>;

export const violations: Violations = {
  ...dataViolations,
  ...edgeViolations,
  ...iamViolations,
  ...messagingViolations,
  ...networkViolations,
};
