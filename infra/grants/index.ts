/** The vocabulary of permissions: each grant is one sentence, and nothing is granted in another way. */
import { databaseResourceId } from "../database";
import { accountId, settings } from "../stage";
import type { Grant, Text } from "./grant";

export type { Grant } from "./grant";
export { manageSuppressions, manageTemplates, sendBulk, sendMail } from "./mail";
export { deleteObjects, getObjects, listObjects, putObjects, tagObjects, tellMissing } from "./objects";
export { consume, readDepth, redrive, sendTo, showAgain } from "./queues";
export { manageSchedules } from "./schedules";

/** Log in to the database as one user, by IAM token. */
export const connectTo = (user: string): Grant => ({
  actions: ["rds-db:connect"],
  resources: [
    $interpolate`arn:aws:rds-db:${settings.homeRegion}:${accountId}:dbuser:${databaseResourceId}/${user}`,
  ],
});
/** Have the CDN forget what was deleted. */
export const invalidate = (distributionArn: Text): Grant => ({
  actions: ["cloudfront:CreateInvalidation"],
  resources: [distributionArn],
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
