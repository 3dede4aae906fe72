/** Imported before the first resource. */
import { production } from "./stage";

/**
 * What holds data that nobody could make again. SST keeps it when production is removed; protected, it also survives a
 * change that would replace it, which Pulumi then refuses: docs/deploying.md.
 */
const stateful = [
  "aws:cognito/userPool:UserPool",
  "aws:kms/key:Key",
  "aws:rds/cluster:Cluster",
  "aws:s3/bucketV2:BucketV2",
  "aws:secretsmanager/secret:Secret",
];

if (production)
  $util.runtime.registerStackTransformation(({ type, props, opts }) =>
    stateful.includes(type) ? { props, opts: { ...opts, protect: true } } : undefined,
  );
