/** Mail out: SES at home, and what became of each message. API calls only: there is no SMTP credential. */
import { logFailedDeliveries } from "./deliveries";
import { homeTopicKey } from "./keys";
import { accountId, homeRegion, perStage, settings } from "./stage";

const configurationSetName = perStage("frontdesk");
/** Said before it exists: the topic's policy names it, and SES tries the topic when the destination is made. */
export const configurationSetArn = $interpolate`arn:aws:ses:${homeRegion}:${accountId}:configuration-set/${configurationSetName}`;

const configurationSet = new aws.sesv2.ConfigurationSet("OutboundMail", {
  configurationSetName,
  // No TLS, no delivery: people's papers do not cross the network in the clear.
  deliveryOptions: { tlsPolicy: "REQUIRE" },
  reputationOptions: { reputationMetricsEnabled: true },
  sendingOptions: { sendingEnabled: true },
  suppressionOptions: { suppressedReasons: ["BOUNCE", "COMPLAINT"] },
});

/** Bounces, complaints, deliveries. The queue that takes them subscribes. */
const mailEventsTopicName = perStage("mail-events");
export const mailEventsTopic = new sst.aws.SnsTopic("MailEvents", {
  transform: {
    topic: {
      name: mailEventsTopicName,
      kmsMasterKeyId: homeTopicKey?.arn,
      ...logFailedDeliveries("MailEvents", mailEventsTopicName),
    },
  },
});

const topicPolicy = new aws.sns.TopicPolicy("MailEventsPolicy", {
  arn: mailEventsTopic.arn,
  policy: aws.iam.getPolicyDocumentOutput({
    statements: [
      {
        sid: "ConfigurationSetPublishes",
        principals: [{ type: "Service", identifiers: ["ses.amazonaws.com"] }],
        actions: ["sns:Publish"],
        resources: [mailEventsTopic.arn],
        conditions: [
          { test: "ArnEquals", variable: "aws:SourceArn", values: [configurationSetArn] },
          { test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] },
        ],
      },
      {
        sid: "TlsOnly",
        effect: "Deny",
        principals: [{ type: "*", identifiers: ["*"] }],
        actions: ["sns:Publish"],
        resources: [mailEventsTopic.arn],
        conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
      },
    ],
  }).json,
});

new aws.sesv2.ConfigurationSetEventDestination(
  "OutboundMailEvents",
  {
    configurationSetName: configurationSet.configurationSetName,
    eventDestinationName: "mail-events",
    eventDestination: {
      enabled: true,
      // Opens and clicks are left out: they would need tracking pixels and rewritten links.
      matchingEventTypes: [
        "SEND",
        "REJECT",
        "BOUNCE",
        "COMPLAINT",
        "DELIVERY",
        "DELIVERY_DELAY",
        "RENDERING_FAILURE",
        "SUBSCRIPTION",
      ],
      snsDestination: { topicArn: mailEventsTopic.arn },
    },
  },
  { dependsOn: [topicPolicy] },
);

/** Addresses that mail of this stage may come from. */
export const senderAddresses = [
  ...new Set([...settings.mailboxes.map(({ address }) => address), ...settings.senders]),
];

export const outbound = new sst.Linkable("Outbound", {
  properties: {
    configurationSet: configurationSet.configurationSetName,
    region: homeRegion,
    senders: settings.senders,
  },
});
