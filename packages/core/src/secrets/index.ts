/** Values of Secrets Manager, read when needed by ARN and kept for a while. Never in a link, an environment or a log. */
import type { z } from "zod";
import * as aws from "../aws/index.ts";
import { now } from "../clock/index.ts";

/** How long a value is taken as current. A rotation is noticed earlier by whoever is refused: `forget`. */
const keepMs = 5 * 60_000;

interface Version {
  text: string;
  /** Milliseconds: when it became the secret's value. */
  since: number;
}
const kept = new Map<string, Version & { until: number }>();

/** The current string of a secret. */
export async function secret(arn: string, region: string): Promise<string> {
  return (await version(arn, region)).text;
}

async function version(arn: string, region: string): Promise<Version> {
  const known = kept.get(arn);
  if (known && known.until > now()) return known;
  const [client, { GetSecretValueCommand }] = await Promise.all([
    aws.secretsManager(region),
    import("@aws-sdk/client-secrets-manager"),
  ]);
  const { SecretString, CreatedDate } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
  if (SecretString === undefined) throw new Error(`the secret ${arn} has no string value`);
  const read = { text: SecretString, since: CreatedDate?.getTime() ?? 0, until: now() + keepMs };
  kept.set(arn, read);
  return read;
}

/** A secret that is JSON. @throws Error that names the property, never the value. */
export async function secretJson<S extends z.ZodType>(
  arn: string,
  region: string,
  schema: S,
): Promise<z.output<S>> {
  return (await secretVersion(arn, region, schema)).value;
}

/** The same, and since when (milliseconds) it is the secret's value. */
export async function secretVersion<S extends z.ZodType>(
  arn: string,
  region: string,
  schema: S,
): Promise<{ value: z.output<S>; since: number }> {
  const { text, since } = await version(arn, region);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The parser's message would quote the secret.
    if (error instanceof SyntaxError) throw new Error(`the secret ${arn} is not JSON`);
    throw error;
  }
  const result = schema.safeParse(value);
  if (result.success) return { value: result.data, since };
  const wrong = result.error.issues.map((issue) => issue.path.join(".")).join(", ");
  throw new Error(`the secret ${arn} lacks, or has wrong: ${wrong}`);
}

/** Drops a value that was refused, so that the next use reads it again. */
export function forget(arn: string): void {
  kept.delete(arn);
}
