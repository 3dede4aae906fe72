/**
 * The one place that reads `Resource` and `process.env`. Each section is read and checked on first use, since each
 * function is linked to what it needs and no more.
 */
import { Resource } from "sst";
import { en } from "zod/locales";
import * as z from "zod/mini";
import { levels } from "../log/index.ts";

// The small one: the triggers of the user pool load no other (docs/decisions/0070-start-of-the-triggers.md). Its errors say
// "Invalid input" and no more until they are given a language.
z.config(en());

const name = z.string().check(z.minLength(1));
const domain = name.check(z.toLowerCase());
const number = z.number().check(z.positive());
const port = z.coerce.number().check(z.int(), z.positive());
const lowerCase = z.transform((text: string) => text.toLowerCase());
const address = () => z.pipe(z.email(), lowerCase);
const bucket = () => z.object({ name, region: name });
const queue = () => z.object({ url: z.url(), arn: name });

/** A server of this machine (`npm run services`), reached in plain text and without a login. */
const local = z._default(z.boolean(), false);
const localIsLoopback = () =>
  z.refine<{ local: boolean; host: string }>(
    (link) => !link.local || link.host === "localhost",
    "only localhost is reached without TLS and without a login",
  );

/** Each is built when it is first read: a function has a few of them. */
const sections = {
  Settings: () =>
    z.object({
      stage: name,
      permanent: z.boolean(),
      homeRegion: name,
      mailRegion: name,
      mailDomain: domain,
      workspaceDomain: domain,
      mailboxes: z
        .array(z.object({ address: address(), name, members: z._default(z.array(address()), []) }))
        .check(z.minLength(1)),
      allowedOrigins: z.array(name),
      /** Days that an ended job is kept. */
      jobHistoryDays: z._default(number, 30),
      logLevel: z.enum(levels),
      claimCheckBytes: z._default(number.check(z.int()), 128 * 1024),
    }),
  Database: () =>
    z
      .object({ host: name, port, local, name, region: name, appUser: name, migratorUser: name })
      .check(localIsLoopback()),
  DatabaseMaster: () => z.object({ secretArn: name, host: name, port }),
  DatabaseSecrets: () => z.object({ appSecretArn: name, migratorSecretArn: name }),
  Cache: () => z.object({ host: name, port, local, secretArn: name }).check(localIsLoopback()),
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
  Realtime: () => z.object({ url: z.url(), managementEndpoint: z.url() }),
  Cdn: () => z.object({ url: z.url(), keyGroupId: name, secretArn: name, distributionId: name }),
  Scheduler: () => z.object({ groupName: name, roleArn: name, queueArn: name, deadLetterQueueArn: name }),
  Auth: () => z.object({ userPoolId: name, clientId: name, issuer: z.url(), region: name }),
};

export type Section = keyof typeof sections;
type Schema<K extends Section> = ReturnType<(typeof sections)[K]>;
export type Config = { [K in Section]: z.output<Schema<K>> };
export type ConfigInput = { [K in Section]: z.input<Schema<K>> };

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
  const result = z.safeParse(sections[section](), value);
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
