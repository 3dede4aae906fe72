/** What the script can ask. */
import { of } from "../resources/select.ts";
import { bucketsAreClosed, cdnRefusesUnsigned, queuesAreClosed, topicsAreClosed } from "./checks/closed.ts";
import {
  answersHealth,
  answersPeople,
  describesItself,
  opensSockets,
  refusesImplicitFlow,
  refusesSockets,
  refusesStrangers,
  showsSignIn,
} from "./checks/gateways.ts";
import {
  identitiesAreVerified,
  outOfSandbox,
  ruleIsActive,
  showsMail,
  subscriptionsAreConfirmed,
  takesMailIn,
} from "./checks/mail.ts";
import { certificatesAreValid, namesResolve } from "./checks/names.ts";
import {
  alarmsAreQuiet,
  bastionIsOnline,
  cacheIsReached,
  deadLettersAreEmpty,
  functionsAreActive,
  logsExpire,
  sweepRuns,
} from "./checks/running.ts";
import type { Group } from "./items.ts";

export const checkedGroups: Group[] = [
  {
    title: "HTTP API",
    items: [
      {
        id: "api.answers",
        claim: "The API answers on its address.",
        resources: [
          of("aws.apigatewayv2.Api"),
          of("aws.apigatewayv2.Stage"),
          of("aws.apigatewayv2.Route"),
          of("aws.apigatewayv2.Integration"),
          of("aws.lambda.Permission"),
        ],
        check: answersHealth,
        local: true,
      },
      {
        id: "api.describes",
        claim: "It describes itself.",
        resources: [of("aws.lambda.Function", /^ApiFunction/)],
        check: describesItself,
        local: true,
      },
      {
        id: "api.refuses",
        claim: "It refuses whoever has no token, or a forged one.",
        resources: [of("aws.apigatewayv2.Authorizer")],
        check: refusesStrangers,
        local: true,
      },
      {
        id: "api.people",
        claim: "It answers whoever signed in: token, roles, database and cache together.",
        resources: [of("aws.cognito.UserGroup"), of("aws.apigatewayv2.Authorizer")],
        check: answersPeople,
        local: true,
      },
    ],
  },
  {
    title: "Websocket API",
    items: [
      {
        id: "websocket.refuses",
        claim: "It refuses sockets without a ticket, or with an invented one.",
        resources: [
          of("aws.apigatewayv2.Authorizer", /Ticket/),
          of("aws.lambda.Function", /^RealtimeAuthorizer/),
        ],
        check: refusesSockets,
        local: true,
      },
      {
        id: "websocket.opens",
        claim: "It opens with a ticket and answers a ping, through NAT and `@connections`.",
        resources: [of("aws.lambda.Function", /^Realtime/)],
        check: opensSockets,
        local: true,
      },
    ],
  },
  {
    title: "Sign-in",
    items: [
      {
        id: "sign-in.page",
        claim: "The hosted sign-in page answers for our client.",
        resources: [
          of("aws.cognito.UserPool"),
          of("aws.cognito.UserPoolClient"),
          of("aws.cognito.UserPoolDomain"),
        ],
        check: showsSignIn,
        local: true,
      },
      {
        id: "sign-in.implicit",
        claim: "The implicit flow is refused.",
        resources: [of("aws.cognito.UserPoolClient")],
        check: refusesImplicitFlow,
        local: true,
      },
    ],
  },
  {
    title: "Mail",
    items: [
      {
        id: "mail.in",
        claim: "A message to the receiving domain is stored by SES, told across regions, and taken in.",
        resources: [
          of("aws.ses.ReceiptRule"),
          of("aws.s3.BucketNotification"),
          of("aws.sns.TopicSubscription", /^MailSubscription$/),
          of("aws.lambda.EventSourceMapping"),
        ],
        check: takesMailIn,
        local: true,
      },
      {
        id: "mail.seen",
        claim: "An administrator sees it in the API.",
        resources: [of("aws.lambda.Function", /^EmailConsumer/)],
        check: showsMail,
        local: true,
      },
      {
        id: "mail.rule",
        claim: "The stage's rule is in the account's active rule set.",
        resources: [
          of("aws.ses.ReceiptRuleSet"),
          of("aws.ses.ActiveReceiptRuleSet"),
          of("aws.ses.ReceiptRule"),
        ],
        check: ruleIsActive,
      },
      {
        id: "mail.identities",
        claim: "The identities are verified.",
        resources: [of("aws.sesv2.EmailIdentity")],
        check: identitiesAreVerified,
      },
      {
        id: "mail.production",
        claim: "SES is out of the sandbox.",
        resources: [of("aws.sesv2.EmailIdentity")],
        check: outOfSandbox,
      },
      {
        id: "mail.subscriptions",
        claim: "The subscriptions across regions are confirmed.",
        resources: [of("aws.sns.TopicSubscription")],
        check: subscriptionsAreConfirmed,
      },
    ],
  },
  {
    title: "Closed to strangers",
    items: [
      {
        id: "buckets.closed",
        claim: "Nobody without rights lists, reads or writes a bucket.",
        resources: [
          of("aws.s3.BucketV2"),
          of("aws.s3.BucketPolicy"),
          of("aws.s3.BucketPublicAccessBlock"),
          of("aws.s3.BucketOwnershipControls"),
        ],
        check: bucketsAreClosed,
        local: true,
      },
      {
        id: "queues.closed",
        claim: "A stranger cannot send to a queue.",
        resources: [of("aws.sqs.Queue"), of("aws.sqs.QueuePolicy")],
        check: queuesAreClosed,
        local: true,
      },
      {
        id: "topics.closed",
        claim: "A stranger cannot publish to a topic.",
        resources: [of("aws.sns.Topic"), of("aws.sns.TopicPolicy")],
        check: topicsAreClosed,
      },
    ],
  },
  {
    title: "Running",
    items: [
      {
        id: "functions.active",
        claim: "Every function is active, on its runtime, architecture and layers.",
        resources: [of("aws.lambda.Function"), of("aws.iam.Role")],
        check: functionsAreActive,
      },
      {
        id: "network.reached",
        claim: "From the private subnets the database, S3 and the websocket API are reached.",
        resources: [
          of("aws.ec2.Vpc"),
          of("aws.ec2.Subnet"),
          of("aws.servicediscovery.PrivateDnsNamespace"),
          of("aws.ec2.InternetGateway"),
          of("aws.ec2.RouteTable"),
          of("aws.ec2.RouteTableAssociation"),
          of("aws.ec2.NatGateway"),
          of("aws.ec2.Eip"),
          of("aws.ec2.VpcEndpoint"),
          of("aws.ec2.SecurityGroup"),
          of("aws.ec2.DefaultSecurityGroup"),
          of("aws.vpc.SecurityGroupIngressRule"),
          of("aws.vpc.SecurityGroupEgressRule"),
          of("aws.rds.Cluster"),
          of("aws.rds.ClusterInstance"),
          of("aws.rds.SubnetGroup"),
          of("aws.rds.ParameterGroup"),
          of("aws.rds.ClusterParameterGroup"),
          of("aws.rds.Proxy"),
          of("aws.rds.ProxyDefaultTargetGroup"),
          of("aws.rds.ProxyTarget"),
        ],
        check: sweepRuns,
        local: true,
      },
      {
        id: "cache.reached",
        claim: "The functions reach Redis, by TLS and its token.",
        resources: [
          of("aws.elasticache.ReplicationGroup"),
          of("aws.elasticache.SubnetGroup"),
          of("aws.elasticache.ParameterGroup"),
          of("aws.secretsmanager.Secret"),
          of("aws.secretsmanager.SecretVersion"),
          of("random.RandomPassword"),
        ],
        check: cacheIsReached,
      },
      {
        id: "dead-letters.empty",
        claim: "No dead-letter queue holds anything.",
        resources: [of("aws.sqs.Queue", /DeadLetter/), of("aws.sqs.RedriveAllowPolicy")],
        check: deadLettersAreEmpty,
        local: true,
      },
      {
        id: "logs.expire",
        claim: "Every log group is there, and expires.",
        resources: [of("aws.cloudwatch.LogGroup"), of("aws.apigateway.Account")],
        check: logsExpire,
      },
    ],
  },
  {
    title: "CDN, names and certificates",
    items: [
      {
        id: "cdn.refuses",
        claim: "The CDN refuses what is not signed, and gives media/* to all.",
        resources: [
          of("aws.cloudfront.Distribution"),
          of("aws.cloudfront.KeyGroup"),
          of("aws.cloudfront.PublicKey"),
          of("aws.cloudfront.OriginAccessControl"),
          of("aws.cloudfront.ResponseHeadersPolicy"),
        ],
        check: cdnRefusesUnsigned,
      },
      {
        id: "names.resolve",
        claim: "Every record of the zone resolves as declared, DKIM, SPF, DMARC and MX among them.",
        resources: [
          of("aws.route53.Zone"),
          of("aws.route53.Record"),
          of("aws.sesv2.EmailIdentityMailFromAttributes"),
        ],
        check: namesResolve,
      },
      {
        id: "certificates.valid",
        claim: "The names of our own have certificates that are trusted.",
        resources: [
          of("aws.acm.Certificate"),
          of("aws.acm.CertificateValidation"),
          of("aws.apigatewayv2.DomainName"),
          of("aws.apigatewayv2.ApiMapping"),
        ],
        check: certificatesAreValid,
      },
    ],
  },
  {
    title: "Operations",
    items: [
      {
        id: "alarms.quiet",
        claim: "Every alarm is there, tells somebody, and is not on.",
        resources: [of("aws.cloudwatch.MetricAlarm")],
        check: alarmsAreQuiet,
      },
      {
        id: "bastion.online",
        claim: "Session Manager reaches the bastion.",
        resources: [of("aws.ec2.Instance", /Bastion/), of("aws.iam.InstanceProfile")],
        check: bastionIsOnline,
      },
    ],
  },
];
