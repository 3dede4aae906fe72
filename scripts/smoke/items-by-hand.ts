/** What a person looks at. */
import { of } from "../resources/select.ts";
import type { Group } from "./items.ts";

export const byHand: Group = {
  title: "By hand",
  items: [
    {
      id: "alarms.tell",
      claim: "An alarm reaches a person.",
      resources: [of("aws.sns.Topic", /Operations/), of("aws.kms.Key"), of("aws.rds.EventSubscription")],
      byHand:
        "Confirm the subscription's mail, then `aws cloudwatch set-alarm-state --state-value ALARM` on any alarm and wait for its mail.",
    },
    {
      id: "cdn.signed",
      claim: "A signed address is served, with either key; an attachment is saved under its name.",
      resources: [
        of("aws.cloudfront.KeyGroup"),
        of("aws.cloudfront.OriginRequestPolicy"),
        of("tls.PrivateKey"),
      ],
      byHand:
        "`curl -LOJD - …/messages/{id}/attachments/{attachmentId}` saves an attachment under its own name, and shows `nosniff`; `aws cloudfront sign` with a key of the secret opens a private picture; after `cdnKey` was raised and deployed, the address of before still does.",
    },
    {
      id: "uploads.page",
      claim: "A page of an allowed origin sends the form of an upload, and reads S3's answer.",
      resources: [of("aws.s3.BucketCorsConfigurationV2")],
      byHand:
        'In the browser\'s console on such a page: `fetch(url, { method: "POST", body: form })` with the fields of `POST /uploads` answers 201; on any other page it fails.',
    },
    {
      id: "mail.events",
      claim: "What SES tells of sent mail reaches the queue.",
      resources: [of("aws.sesv2.ConfigurationSet"), of("aws.sesv2.ConfigurationSetEventDestination")],
      byHand:
        "`aws sesv2 send-email` to `bounce@simulator.amazonses.com` with the configuration set: the mail events consumer's log shows the bounce.",
    },
    {
      id: "gateways.log",
      claim:
        "What SNS could not deliver and what API Gateway itself fails at is written down, and not for ever.",
      resources: [of("aws.iam.Role", /DeliveryRole$/), of("aws.apigatewayv2.Stage", /^Realtime/)],
      byHand:
        "Take the email queue's policy away for a minute: `sns/<region>/<account>/<topic>/Failure` in the mail region has lines. `aws logs describe-log-groups --log-group-name-prefix /aws/apigateway` shows the websocket API's own group, which AWS makes: give it `put-retention-policy`.",
    },
    {
      id: "layers.load",
      claim: "Functions load their layers' binaries on Lambda.",
      resources: [of("aws.lambda.LayerVersion")],
      byHand:
        "Follows from `mail.in` and `api.people` for `mail` and `data`; `image` is seen with the first picture.",
    },
    {
      id: "google.signs-in",
      claim: "People of the Workspace sign in with Google, and nobody else does.",
      resources: [
        of("aws.cognito.IdentityProvider"),
        of("aws.lambda.Function", /^AuthPre/),
        of("gcp.organizations.Project"),
        of("gcp.projects.Service"),
      ],
      byHand: "`npm run google:check`, then sign in with an account of the Workspace and with a private one.",
    },
    {
      id: "deploy.by-ci",
      claim: "A workflow deploys by its role, within the boundary.",
      resources: [
        of("aws.iam.OpenIdConnectProvider"),
        of("aws.iam.Role", /^DeployRole$/),
        of("aws.iam.Policy"),
      ],
      byHand:
        "Run the workflow on a harmless change; then let it try to attach a policy to itself, which must fail.",
    },
    {
      id: "dashboard.shows",
      claim: "The dashboard shows what it should.",
      resources: [of("aws.cloudwatch.Dashboard")],
      byHand: "Open it in CloudWatch: no widget is without data an hour after the first mail.",
    },
    {
      id: "tunnel.opens",
      claim: "The tunnel leads to the database.",
      resources: [of("aws.ec2.Instance", /Bastion/), of("aws.ssm.Parameter")],
      byHand: "`npm run tunnel -- --stage <stage>`, and `select 1` in the `psql` that it names.",
    },
    {
      id: "flows.logged",
      claim: "Network flows and access to buckets are logged.",
      resources: [of("aws.ec2.FlowLog"), of("aws.s3.BucketLoggingV2")],
      byHand: "An hour after the deployment the flow log's group and the log bucket hold something.",
    },
    {
      id: "scheduler.runs",
      claim: "A schedule made at run time reaches the jobs queue.",
      resources: [of("aws.scheduler.ScheduleGroup")],
      byHand:
        "`aws scheduler create-schedule` in the stage's group with the scheduler's role, one minute ahead; the message comes to the jobs queue.",
    },
    {
      id: "schedule.fires",
      claim: "The sweep runs each minute.",
      resources: [of("aws.cloudwatch.EventRule"), of("aws.cloudwatch.EventTarget")],
      byHand: "`aws logs tail /aws/lambda/frontdesk-<stage>-OutboxSweep --since 5m` shows a run a minute.",
    },
    {
      id: "migration.second",
      claim: "A second deployment migrates nothing and changes nothing.",
      resources: [of("aws.lambda.Invocation")],
      byHand: "`npx sst diff --stage <stage>` right after a deployment is empty.",
    },
    {
      id: "encryption.keys",
      claim: "Buckets, and what expires in them, are as declared.",
      resources: [
        of("aws.s3.BucketServerSideEncryptionConfigurationV2"),
        of("aws.s3.BucketLifecycleConfigurationV2"),
        of("aws.s3.BucketVersioningV2"),
      ],
      byHand:
        "`aws s3api get-bucket-encryption` and `get-bucket-lifecycle-configuration`; after three days `tmp/` is empty.",
    },
    {
      id: "bundles.uploaded",
      claim: "SST uploads the bundles, and functions open their links.",
      resources: [of("aws.s3.BucketObjectv2"), of("random.RandomBytes")],
      byHand: "Follows from `api.answers`: a function that cannot read its links does not start.",
    },
  ],
};
