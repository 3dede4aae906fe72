/** The vocabulary of permissions: each grant is one sentence, and nothing is granted in another way. */
import { databaseResourceId } from "./database";
import { accountId, settings } from "./stage";

export interface Grant {
  actions: string[];
  resources: $util.Input<string>[];
  conditions?: { test: string; variable: string; values: string[] }[];
}
type Text = $util.Input<string>;

/** Lets an event source mapping take messages from a queue. */
export const consume = (queue: { arn: Text }): Grant => ({
  actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
  resources: [queue.arn],
});
export const sendTo = (queue: { arn: Text }): Grant => ({
  actions: ["sqs:SendMessage"],
  resources: [queue.arn],
});

export const getObjects = (bucket: { arn: Text }, prefix: string): Grant => ({
  actions: ["s3:GetObject"],
  resources: [$interpolate`${bucket.arn}/${prefix}*`],
});
export const putObjects = (bucket: { arn: Text }, prefix: string): Grant => ({
  actions: ["s3:PutObject"],
  resources: [$interpolate`${bucket.arn}/${prefix}*`],
});
export const tagObjects = (bucket: { arn: Text }, prefix: string): Grant => ({
  actions: ["s3:PutObjectTagging"],
  resources: [$interpolate`${bucket.arn}/${prefix}*`],
});
/** Tells a missing object from a forbidden one: without it S3 answers both with 403. GetObject names no prefix. */
export const tellMissing = (bucket: { arn: Text }): Grant => ({
  actions: ["s3:ListBucket"],
  resources: [bucket.arn],
});
export const listObjects = (bucket: { arn: Text }, prefix: string): Grant => ({
  actions: ["s3:ListBucket"],
  resources: [bucket.arn],
  conditions: [{ test: "StringLike", variable: "s3:prefix", values: [`${prefix}*`] }],
});

/** Log in to the database as one user, by IAM token. */
export const connectTo = (user: string): Grant => ({
  actions: ["rds-db:connect"],
  resources: [
    $interpolate`arn:aws:rds-db:${settings.homeRegion}:${accountId}:dbuser:${databaseResourceId}/${user}`,
  ],
});
export const readSecret = (arn: Text): Grant => ({
  actions: ["secretsmanager:GetSecretValue"],
  resources: [arn],
});

/** Push to connected clients, and look whether one that seems gone is. */
export const postToConnections = (api: { executionArn: Text; stage: Text }): Grant => ({
  actions: ["execute-api:ManageConnections"],
  resources: [
    $interpolate`${api.executionArn}/${api.stage}/POST/@connections/*`,
    $interpolate`${api.executionArn}/${api.stage}/GET/@connections/*`,
  ],
});
