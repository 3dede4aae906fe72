import { z } from "zod";
import { aws } from "./programs.ts";

/** What infra/bastion.ts leaves for us in the parameter `/frontdesk/<stage>/tunnel`. */
const schema = z.object({
  instanceId: z.string().regex(/^i-[0-9a-f]+$/),
  region: z.string(),
  port: z.number(),
  database: z.string(),
  host: z.string(),
  users: z.array(z.string()).min(1),
  clusterHost: z.string(),
  masterUser: z.string(),
  masterSecretArn: z.string(),
});
export type Target = z.infer<typeof schema>;

/** @throws Error that says why there is no way in, and what to do. */
export async function findTarget(stage: string, region: string): Promise<Target> {
  const name = `/frontdesk/${stage}/tunnel`;
  const text = await aws(
    ...["ssm", "get-parameter", "--name", name, "--region", region],
    ...["--query", "Parameter.Value", "--output", "text"],
  ).catch((error: Error) => {
    if (/ParameterNotFound/.test(error.message))
      throw new Error(
        `stage "${stage}" has no ${name} in ${region}: it is not deployed there, or its settings say "bastion": false`,
      );
    if (/ExpiredToken|expired|Unable to locate credentials|SSO/i.test(error.message))
      throw new Error(`sign in to AWS first (aws sso login, or AWS_PROFILE): ${error.message}`);
    throw error;
  });
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new Error(
      `${name} in ${region} is not what infra/bastion.ts writes: deploy stage "${stage}" again`,
    );
  }
}
