/** Runs SST v3 apps on one machine, without AWS. */
export type { AuthorisationRequest, Observation, Principal } from "./cloud/types.ts";
export { bundleOptions, handlerSource } from "./functions/bundle-options.ts";
export type { FunctionBuild, Graph, GraphResource } from "./graph/types.ts";
export { type Decision, decider, evaluateAgainst } from "./iam/index.ts";
export { readPolicies } from "./plan/iam.ts";
export { buildPlan } from "./plan/index.ts";
export type { Plan } from "./plan/types.ts";
export { type RunningApp, type RunOptions, runApp } from "./run.ts";
export { type ServicesOptions, startServices } from "./services.ts";
export { type LocalCloud, type StartOptions, startLocal, startPostgres } from "./start.ts";
export { exclusively } from "./synth/exclusively.ts";
export {
  ensurePlatform,
  SynthesisError,
  type SynthesiseOptions,
  summarise,
  synthesise,
  typesFile,
} from "./synth/index.ts";
export { installationSeed } from "./synth/seed.ts";
