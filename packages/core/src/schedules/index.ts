/**
 * Schedules that people make at run time. The rows say what is wanted; EventBridge Scheduler is told by the job
 * `syncSchedule`, and calls back through the jobs queue; the sweep makes up for what it missed.
 */
export { builtIn, ensureBuiltIn } from "./built-in.ts";
export { Definition, Name } from "./definition.ts";
export { Due, type Fired, fire } from "./fire.ts";
export { put, remove } from "./put.ts";
export { get, List, list, type Schedule } from "./read.ts";
export { type Swept, sweep } from "./sweep.ts";
export { sync } from "./sync.ts";
