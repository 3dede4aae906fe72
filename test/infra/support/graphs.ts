/** The graphs that the infrastructure's tests look at. */
import { graphOf as cached } from "../../../scripts/run/graphs.ts";

/** A developer's machine, a developer's own stage in the company's account, and the two that outlive branches. */
export const stages = ["local", "anna", "staging", "production"] as const;
export type Stage = (typeof stages)[number];
export const permanentStages: Stage[] = ["staging", "production"];
export const personalStages: Stage[] = ["local", "anna"];

export const graphOf = (stage: Stage) => cached(stage);
