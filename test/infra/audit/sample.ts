/** Small graphs to try the audit's rules on. */
import type { Graph, GraphResource } from "@frontdesk/local";
import { type ResourceType, types } from "../../../scripts/audit/types.ts";

export const account = "123456789012";
export const region = "ca-central-1";

/** Resources that rules do not ask for by type: they are read as policies. */
const policyTypes = {
  queuePolicy: "aws:sqs/queuePolicy:QueuePolicy",
  topicPolicy: "aws:sns/topicPolicy:TopicPolicy",
  bucketPolicy: "aws:s3/bucketPolicy:BucketPolicy",
  rolePolicy: "aws:iam/rolePolicy:RolePolicy",
} as const;
export type SampleType = ResourceType | keyof typeof policyTypes;

type Inputs = Record<string, unknown>;

/** Services whose ARNs end in the bare name, and what stands before it for the others. */
const arnPaths: Partial<Record<SampleType, string>> = {
  bucket: "s3:::",
  queue: `sqs:${region}:${account}:`,
  topic: `sns:${region}:${account}:`,
  function: `lambda:${region}:${account}:function:`,
  databaseCluster: `rds:${region}:${account}:cluster:`,
  instance: `ec2:${region}:${account}:instance/`,
  volume: `ec2:${region}:${account}:volume/`,
  key: `kms:${region}:${account}:key/`,
  role: `iam::${account}:role/`,
  policy: `iam::${account}:policy/`,
  distribution: `cloudfront::${account}:distribution/`,
};

export class Sample {
  readonly resources: GraphResource[] = [];

  add(type: SampleType, name: string, inputs: Inputs = {}): GraphResource {
    if (this.resources.some((resource) => resource.name === name))
      throw new Error(`the sample has two ${name}`);
    const token = type in types ? types[type as ResourceType] : policyTypes[type as keyof typeof policyTypes];
    const id = name.toLowerCase();
    const computed: Inputs = {
      id,
      arn: `arn:aws:${arnPaths[type] ?? `other:${region}:${account}:`}${id}`,
      ...(type === "bucket" && { bucket: id, bucketRegionalDomainName: `${id}.s3.${region}.amazonaws.com` }),
      ...(type === "queue" && { url: `https://sqs.${region}.amazonaws.com/${account}/${id}` }),
      ...(["role", "function", "instanceProfile", "policy"].includes(type) && { name: id }),
    };
    const resource: GraphResource = {
      urn: `urn:pulumi:sample::frontdesk::${token}::${name}`,
      type: token,
      name,
      region,
      custom: true,
      inputs: {},
      outputs: computed,
    };
    this.resources.push(resource);
    this.set(name, inputs);
    return resource;
  }

  get(name: string): GraphResource {
    const found = this.resources.find((resource) => resource.name === name);
    if (!found) throw new Error(`the sample has no ${name}`);
    return found;
  }

  /** Gives a resource other inputs; `undefined` takes one away. */
  set(name: string, changes: Inputs): void {
    const { inputs, outputs } = this.get(name);
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) {
        delete inputs[key];
        delete outputs[key];
      } else {
        inputs[key] = value;
        outputs[key] = value;
      }
    }
  }

  /** Changes a part of a block: `within("Pool", "passwordPolicy", { minimumLength: 6 })`. */
  within(name: string, key: string, changes: Inputs): void {
    this.set(name, { [key]: { ...(this.get(name).inputs[key] as Inputs), ...changes } });
  }

  remove(name: string): void {
    this.resources.splice(this.resources.indexOf(this.get(name)), 1);
  }

  id(name: string): string {
    return String(this.get(name).outputs.id);
  }
  arn(name: string): string {
    return String(this.get(name).outputs.arn);
  }

  graph(): Graph {
    return {
      app: "frontdesk",
      stage: "sample",
      accountId: account,
      homeRegion: region,
      resources: this.resources,
      functions: {},
      links: {},
      outputs: {},
      unknownTypes: [],
    };
  }
}

export const policy = (...statements: Inputs[]) =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });

export const allow = (
  actions: string | string[],
  resources: string | string[],
  more: Inputs = {},
): Inputs => ({
  Effect: "Allow",
  Action: actions,
  Resource: resources,
  ...more,
});

export const tlsOnly = (resource: string, actions: string): Inputs => ({
  Effect: "Deny",
  Principal: "*",
  Action: actions,
  Resource: resource,
  Condition: { Bool: { "aws:SecureTransport": "false" } },
});

export const trust = (service: string) =>
  policy({ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" });
