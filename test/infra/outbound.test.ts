import type { Graph } from "@frontdesk/local";
import { describe, expect, test } from "vitest";
import { graphOf, named, stages } from "./support/graphs.ts";
import { all, needs, one, statements, text } from "./support/read.ts";

const configurationSet = "aws:sesv2/configurationSet:ConfigurationSet";
const destination = "aws:sesv2/configurationSetEventDestination:ConfigurationSetEventDestination";
const identity = "aws:sesv2/emailIdentity:EmailIdentity";
const mailFrom = "aws:sesv2/emailIdentityMailFromAttributes:EmailIdentityMailFromAttributes";

describe.each(stages)("stage %s", (stage) => {
  test("has one configuration set, at home: TLS demanded, bounces and complaints suppressed, reputation measured", async () => {
    const set = one(await graphOf(stage), configurationSet);
    expect(set.region).toBe("ca-central-1");
    expect(set.inputs).toMatchObject({
      configurationSetName: stage === "production" ? "frontdesk" : `frontdesk-${stage}`,
      deliveryOptions: { tlsPolicy: "REQUIRE" },
      reputationOptions: { reputationMetricsEnabled: true },
      sendingOptions: { sendingEnabled: true },
      suppressionOptions: { suppressedReasons: ["BOUNCE", "COMPLAINT"] },
    });
    expect(set.inputs.trackingOptions).toBeUndefined();
  });

  test("learns what became of each message, by a topic that only this set, of this account, may publish to", async () => {
    const graph = await graphOf(stage);
    const set = one(graph, configurationSet);
    const topic = one(graph, "topic", "MailEventsTopic");
    expect(topic.region).toBe("ca-central-1");
    expect(topic.inputs.name).toBe(stage === "production" ? "mail-events" : `mail-events-${stage}`);
    const policies = all(graph, "aws:sns/topicPolicy:TopicPolicy").filter(
      ({ inputs }) => inputs.arn === text(topic, "arn"),
    );
    expect(policies).toHaveLength(1);
    expect(statements(policies[0]?.inputs.policy)).toEqual([
      {
        Sid: "ConfigurationSetPublishes",
        Effect: "Allow",
        Principal: { Service: "ses.amazonaws.com" },
        Action: "sns:Publish",
        Resource: text(topic, "arn"),
        Condition: {
          ArnEquals: { "aws:SourceArn": text(set, "arn") },
          StringEquals: { "aws:SourceAccount": "123456789012" },
        },
      },
      expect.objectContaining({
        Effect: "Deny",
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      }),
    ]);
    const events = one(graph, destination);
    expect(events.inputs).toMatchObject({
      configurationSetName: set.inputs.configurationSetName,
      eventDestination: { enabled: true, snsDestination: { topicArn: text(topic, "arn") } },
    });
    expect((events.inputs.eventDestination as { matchingEventTypes: string[] }).matchingEventTypes).toEqual(
      expect.arrayContaining(["SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "REJECT", "RENDERING_FAILURE"]),
    );
    // SES publishes a trial notice when the destination is made.
    expect(needs(graph, events)).toContain(policies[0]?.urn);
  });

  test("has no IAM user, no access key and so no SMTP credential", async () => {
    const graph = await graphOf(stage);
    for (const type of ["user:User", "accessKey:AccessKey", "userPolicy:UserPolicy", "group:Group"])
      expect(all(graph, `aws:iam/${type}`), type).toEqual([]);
    expect(JSON.stringify(graph.links)).not.toMatch(/smtp/i);
  });

  test("tells functions the configuration set and the senders, and nothing secret", async () => {
    const graph = await graphOf(stage);
    expect(graph.links.Outbound).toEqual({
      type: "sst.sst.Linkable",
      configurationSet: one(graph, configurationSet).inputs.configurationSetName,
      region: "ca-central-1",
      senders: [
        stage === "production" || stage === "local"
          ? "no-reply@in.frontdesk.example"
          : `no-reply@${stage}.in.frontdesk.example`,
      ],
    });
  });
});

describe("identities", () => {
  test("sign with Easy DKIM of 2048 bits in each region", async () => {
    const identities = all(await graphOf("production"), identity);
    expect(identities).toHaveLength(4);
    for (const { inputs, name } of identities)
      expect(inputs.dkimSigningAttributes, name).toEqual({ nextSigningKeyLength: "RSA_2048_BIT" });
  });

  test("have a MAIL FROM of their own below them, where mail is sent from", async () => {
    const found = all(await graphOf("production"), mailFrom);
    expect(found.map(({ inputs, region }) => [region, inputs.emailIdentity, inputs.mailFromDomain])).toEqual([
      ["ca-central-1", "in.frontdesk.example", "bounce.in.frontdesk.example"],
      ["ca-central-1", "frontdesk.example", "bounce.frontdesk.example"],
    ]);
  });

  test("of single addresses exist only as long as the settings say that the account is in the sandbox", async () => {
    const addresses = (graph: Graph) =>
      all(graph, identity)
        .filter(({ outputs }) => outputs.identityType === "EMAIL_ADDRESS")
        .map(({ inputs, region }) => `${region} ${inputs.emailIdentity}`);
    expect(addresses(await graphOf("production"))).toEqual([]);
    expect(addresses(await named())).toEqual(["ca-central-1 someone@example.com"]);
  });
});
