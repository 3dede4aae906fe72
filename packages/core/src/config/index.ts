/**
 * The one place that reads `Resource` and `process.env`. Each section is read and checked on first use, since each
 * function is linked to what it needs and no more.
 */
import { Resource } from "sst";
import * as z from "zod";
import { levels } from "../log/index.ts";

const name = z.string().min(1);
const address = z.email().transform((text) => text.toLowerCase());
const bucket = z.object({ name, region: name });
const queue = z.object({ url: z.url(), arn: name });

/** A server of this machine (`npm run services`), reached in plain text and without a login. */
const local = z.boolean().default(false);
const localIsLoopback = [
  (link: { local: boolean; host: string }) => !link.local || link.host === "localhost",
  "only localhost is reached without TLS and without a login",
] as const;

const sections = {
  Settings: z.object({
    stage: name,
    permanent: z.boolean(),
    homeRegion: name,
    mailRegion: name,
    mailDomain: name.toLowerCase(),
    workspaceDomain: name.toLowerCase(),
    mailboxes: z.array(z.object({ address, name, members: z.array(address).default([]) })).min(1),
    allowedOrigins: z.array(name),
    /** Days that an ended job is kept. */
    jobHistoryDays: z.number().positive().default(30),
    logLevel: z.enum(levels),
    claimCheckBytes: z
      .number()
      .int()
      .positive()
      .default(128 * 1024),
  }),
  Database: z
    .object({
      host: name,
      port: z.coerce.number().int().positive(),
      local,
      name,
      region: name,
      appUser: name,
      migratorUser: name,
    })
    .refine(...localIsLoopback),
  DatabaseMaster: z.object({ secretArn: name, host: name, port: z.coerce.number().int().positive() }),
  DatabaseSecrets: z.object({ appSecretArn: name, migratorSecretArn: name }),
  Cache: z
    .object({ host: name, port: z.coerce.number().int().positive(), local, secretArn: name })
    .refine(...localIsLoopback),
  MailBucket: bucket,
  HomeBucket: bucket,
  EmailQueue: queue,
  EmailDeadLetterQueue: queue,
  JobsQueue: queue,
  JobsDeadLetterQueue: queue,
  ImageQueue: queue,
  ImageDeadLetterQueue: queue,
  MailEventsQueue: queue,
  MailEventsDeadLetterQueue: queue,
  Realtime: z.object({ url: z.url(), managementEndpoint: z.url() }),
  Cdn: z.object({ url: z.url(), keyGroupId: name, secretArn: name, distributionId: name }),
  Scheduler: z.object({ groupName: name, roleArn: name, queueArn: name, deadLetterQueueArn: name }),
  Auth: z.object({ userPoolId: name, clientId: name, issuer: z.url(), region: name }),
};

export type Section = keyof typeof sections;
export type Config = { [K in Section]: z.output<(typeof sections)[K]> };
export type ConfigInput = { [K in Section]: z.input<(typeof sections)[K]> };

const read = new Map<Section, unknown>();
let provided: Partial<ConfigInput> | undefined;

/** The configuration is missing or wrong: whoever deploys must mend it, a retry does not. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** @throws ConfigError naming the link and the property. */
export function config<K extends Section>(section: K): Config[K] {
  const known = read.get(section);
  if (known !== undefined) return known as Config[K];
  const value = source(section);
  if (value === undefined)
    throw new ConfigError(`${section} is not linked to this function: add it to its link in infra/`);
  const result = sections[section].safeParse(value);
  if (!result.success) {
    const issues = result.error.issues.map(
      (issue) => `${[section, ...issue.path].join(".")}: ${issue.message}`,
    );
    throw new ConfigError(issues.join("; "));
  }
  read.set(section, result.data);
  return result.data as Config[K];
}

/** Whether a section is there; for those that only permanent stages have. */
export function has(section: Section): boolean {
  return source(section) !== undefined;
}

/** Values instead of links, for tests and tools. The returned function restores what was before. */
export function provide(values: Partial<ConfigInput>): () => void {
  const before = provided;
  provided = { ...before, ...values };
  read.clear();
  return () => {
    provided = before;
    read.clear();
  };
}

function source(section: Section): unknown {
  if (provided && section in provided) return provided[section];
  try {
    return (Resource as unknown as Record<string, unknown>)[section];
  } catch {
    // `Resource` throws for what is not linked, and for everything outside of SST.
    return undefined;
  }
}

/** Seconds before the end of an invocation are the platform's business; the size of the pool is ours. */
export function onLambda(): boolean {
  return process.env.AWS_LAMBDA_FUNCTION_NAME !== undefined;
}
