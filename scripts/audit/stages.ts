/** What suppressions tell apart. `local` is a personal stage that never leaves its machine. */
export type StageKind = "production" | "staging" | "personal";

/** By name, as app() of sst.config.ts has it; a test compares the two. */
export const kindOf = (stage: string): StageKind =>
  stage === "production" || stage === "staging" ? stage : "personal";
