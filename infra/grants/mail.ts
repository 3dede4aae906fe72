/**
 * SES. Which action takes which resource is AWS's: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
 */
import { accountId, settings } from "../stage";
import type { Grant, Text } from "./grant";

/** What mail is sent with and as. */
interface Sender {
  identityArns: Text[];
  configurationSetArn: Text;
  /** Addresses in From. */
  addresses: Text[];
}

/** Version 2 calls SendEmail for both; a message that is given as MIME is authorised as SendRawEmail. */
export const sendMail = ({ identityArns, configurationSetArn, addresses }: Sender): Grant => ({
  actions: ["ses:SendEmail", "ses:SendRawEmail"],
  resources: [...identityArns, configurationSetArn],
  conditions: [{ test: "StringEquals", variable: "ses:FromAddress", values: addresses }],
});

/** Templates are the account's and region's: a stage's begin with this. */
export const templatePrefix = `${$app.name}-${$app.stage}-`;
const templates = $interpolate`arn:aws:ses:${settings.homeRegion}:${accountId}:template/${templatePrefix}*`;

/** With templates of this stage. SES tells policies nothing of a bulk call's From: the identities bound it alone. */
export const sendBulk = ({ identityArns, configurationSetArn }: Sender): Grant => ({
  actions: ["ses:SendBulkEmail"],
  resources: [...identityArns, configurationSetArn, templates],
});

/** Version 2's, since version 1's know no narrower resource than all. */
export const manageTemplates = (): Grant => ({
  actions: [
    "ses:CreateEmailTemplate",
    "ses:UpdateEmailTemplate",
    "ses:DeleteEmailTemplate",
    "ses:GetEmailTemplate",
  ],
  resources: [templates],
});

/** The list is the account's in a region, and known by no ARN. */
export const manageSuppressions = (): Grant => ({
  actions: [
    "ses:PutSuppressedDestination",
    "ses:GetSuppressedDestination",
    "ses:DeleteSuppressedDestination",
    "ses:ListSuppressedDestinations",
  ],
  resources: ["*"],
  conditions: [{ test: "StringEquals", variable: "aws:RequestedRegion", values: [settings.homeRegion] }],
});
