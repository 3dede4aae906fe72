import type { Graph } from "../graph/types.ts";

/** What the child process is told, as JSON on its standard input. */
export interface ChildTask {
  appDir: string;
  stage: string;
  /** As under `sst dev`. */
  dev: boolean;
  accountId: string;
  /** Used when neither the app nor the environment names a region. */
  homeRegion: string;
  deadlineMs: number;
  /** Passwords and keys are derived from it. */
  secretSeed: string;
  /** Values of `sst.Secret`s by name. */
  secrets: Record<string, string>;
  /** A folder of this synthesis alone; removed afterwards. */
  workDir: string;
  /** Where the child leaves a {@link ChildResult}. */
  resultFile: string;
  /** Where generated key pairs are kept, so that two syntheses agree. */
  keyDir: string;
}

export type ChildResult = { graph: Graph } | { error: string };

/** What `app()` of `sst.config.ts` says, completed as SST's command line completes it. */
export interface AppDescription {
  name: string;
  stage: string;
  home: string;
  removal: string;
  protect: boolean;
  providers: Record<string, Record<string, unknown>>;
  [key: string]: unknown;
}
