/** Values of Secrets Manager, read when needed by ARN and kept for a while. Never in a link, an environment or a log. */
import type { z } from "zod";
import * as aws from "../aws/index.ts";
import { now } from "../clock/index.ts";

/** How long a value is taken as current. A rotation is noticed earlier by whoever is refused: `forget`. */
const keepMs = 5 * 60_000;

const kept = new Map<string, { text: string; until: number }>();

/** The current string of a secret. */
export async function secret(arn: string, region: string): Promise<string> {
  const known = kept.get(arn);
  if (known && known.until > now()) return known.text;
  const [client, { GetSecretValueCommand }] = await Promise.all([
    aws.secretsManager(region),
    import("@aws-sdk/client-secrets-manager"),
  ]);
  const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
  if (SecretString === undefined) throw new Error(`the secret ${arn} has no string value`);
  kept.set(arn, { text: SecretString, until: now() + keepMs });
  return SecretString;
}

/** A secret that is JSON. @throws Error that names the property, never the value. */
export async function secretJson<S extends z.ZodType>(
  arn: string,
  region: string,
  schema: S,
): Promise<z.output<S>> {
  let value: unknown;
  try {
    value = JSON.parse(await secret(arn, region));
  } catch (error) {
    // The parser's message would quote the secret.
    if (error instanceof SyntaxError) throw new Error(`the secret ${arn} is not JSON`);
    throw error;
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const wrong = result.error.issues.map((issue) => issue.path.join(".")).join(", ");
  throw new Error(`the secret ${arn} lacks, or has wrong: ${wrong}`);
}

/** Drops a value that was refused, so that the next use reads it again. */
export function forget(arn: string): void {
  kept.delete(arn);
}
