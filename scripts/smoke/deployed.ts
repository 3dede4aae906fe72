/** What a stage consists of where it runs: from SST's state on AWS, from the graph on the local cloud. */
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import type { Graph } from "@frontdesk/local";
import { z } from "zod";

export interface DeployedResource {
  type: string;
  name: string;
  region: string;
  outputs: Record<string, unknown>;
}
export interface Deployed {
  app: string;
  stage: string;
  homeRegion: string;
  resources: DeployedResource[];
  /** What run() of sst.config.ts returned. */
  outputs: Record<string, unknown>;
  /** Properties of what is linked, by name. */
  links: Record<string, Record<string, unknown>>;
}

export function fromGraph(graph: Graph): Deployed {
  const { app, stage, homeRegion, outputs, links } = graph;
  return {
    app,
    stage,
    homeRegion,
    outputs,
    links,
    resources: graph.resources.map(({ type, name, region, outputs: own }) => ({
      type,
      name,
      region,
      outputs: own,
    })),
  };
}

const resource = z.object({
  urn: z.string(),
  type: z.string(),
  id: z.string().optional(),
  provider: z.string().optional(),
  outputs: z.record(z.string(), z.unknown()).default({}),
});
const resources = z.object({ resources: z.array(resource).default([]) });
/** Pulumi's checkpoint, as its file backend writes it. */
const state = z.object({ checkpoint: z.object({ latest: resources }) });
/** What SST keeps of a link (src/components/link.ts). */
const linkRef = z.object({ target: z.string(), properties: z.record(z.string(), z.unknown()) });
const bootstrap = z.object({ state: z.string().min(1) });

/** Reads a state. Secret outputs stay the ciphertext that they are. @throws Error when it is none. */
export function parseState(
  text: string,
  given: { app: string; stage: string; homeRegion: string },
): Deployed {
  const parsed = state.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new Error(
      `the state of stage "${given.stage}" is not what SST 3 writes: ${z.prettifyError(parsed.error)}`,
    );
  const all = parsed.data.checkpoint.latest.resources;
  const regions = new Map(
    all
      .filter(({ type }) => type.startsWith("pulumi:providers:aws"))
      .map(({ urn, id, outputs }) => [`${urn}::${id}`, String(outputs.region ?? given.homeRegion)]),
  );
  return {
    ...given,
    outputs: all.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {},
    links: Object.fromEntries(
      all.flatMap(({ type, outputs }) => {
        const link = type === "sst:sst:LinkRef" ? linkRef.safeParse(outputs) : undefined;
        return link?.success ? [[link.data.target, link.data.properties]] : [];
      }),
    ),
    resources: all.map(({ urn, type, id, provider, outputs }) => ({
      type,
      name: urn.split("::").at(-1) ?? "",
      region: regions.get(provider ?? "") ?? given.homeRegion,
      outputs: { ...outputs, ...(id !== undefined && { id }) },
    })),
  };
}

/**
 * Reads the state that SST keeps in the account: the bucket is named by the parameter `/sst/bootstrap`, the object is
 * `app/<app>/<stage>.json` (pkg/project/provider/aws.go of SST).
 * @throws Error that says what is missing.
 */
export async function fromState(given: {
  app: string;
  stage: string;
  homeRegion: string;
}): Promise<Deployed> {
  const region = given.homeRegion;
  const ssm = new SSMClient({ region });
  const s3 = new S3Client({ region });
  try {
    const { Parameter } = await ssm
      .send(new GetParameterCommand({ Name: "/sst/bootstrap" }))
      .catch((error) => {
        if ((error as Error).name === "ParameterNotFound")
          throw new Error(`nothing was ever deployed by SST in this account in ${region}: deploy first`);
        throw error;
      });
    const { state: bucket } = bootstrap.parse(JSON.parse(Parameter?.Value ?? "{}"));
    const key = `app/${given.app}/${given.stage}.json`;
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key })).catch((error) => {
      if ((error as Error).name === "NoSuchKey")
        throw new Error(
          `stage "${given.stage}" is not deployed in this account and ${region}: there is no ${key} in ${bucket}`,
        );
      throw error;
    });
    if (!Body) throw new Error(`${key} in ${bucket} is empty`);
    return parseState(await Body.transformToString(), given);
  } finally {
    ssm.destroy();
    s3.destroy();
  }
}
