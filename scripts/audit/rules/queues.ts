import type { GraphResource } from "@frontdesk/local";
import { admitsEverybody, demandsTls } from "../access.ts";
import { rule } from "../rule.ts";
import { isTrue, parsePolicy, texts, value, type World } from "../world.ts";

const queues = { absent: "no queue", over: (world: World) => world.all("queue") };

/** ARNs of queues that take what others gave up on. */
function deadLetterArns(world: World): Set<string> {
  const named = [
    ...world.all("queue", "subscription").map((source) => {
      const redrive = value(source, "redrivePolicy");
      return redrive
        ? (parsePolicy(redrive) as unknown as Record<string, unknown>).deadLetterTargetArn
        : undefined;
    }),
    ...world.all("function").map((fn) => value(fn, "deadLetterConfig.targetArn")),
    ...world.all("eventTarget").map((target) => value(target, "deadLetterConfig.arn")),
    ...world.all("schedule").map((schedule) => value(schedule, "target.deadLetterConfig.arn")),
    ...world
      .all("eventInvokeConfig")
      .map((config) => value(config, "destinationConfig.onFailure.destination")),
  ];
  return new Set(named.flatMap(texts));
}

const policyOf = (resource: GraphResource, world: World) => world.policyOf(value(resource, "arn"));

export const queueRules = [
  rule({
    name: "queues.encrypted",
    controls: ["AwsSolutions-SQS2", "CKV_AWS_27", "SQS.1"],
    statement: "Every queue is encrypted at rest",
    mend: "set sqsManagedSseEnabled or kmsMasterKeyId",
    ...queues,
    wrong: (queue) =>
      !isTrue(value(queue, "sqsManagedSseEnabled")) &&
      !value(queue, "kmsMasterKeyId") &&
      "does not say how it is encrypted",
  }),
  rule({
    name: "queues.dead-letters",
    controls: ["AwsSolutions-SQS3"],
    statement: "Every queue has a dead-letter queue or is one",
    mend: "set redrivePolicy",
    ...queues,
    wrong: (queue, world) =>
      !value(queue, "redrivePolicy") &&
      !deadLetterArns(world).has(String(value(queue, "arn"))) &&
      "loses what cannot be processed",
  }),
  rule({
    name: "queues.tls",
    controls: ["AwsSolutions-SQS4"],
    statement: "Every queue refuses requests without TLS",
    mend: "deny everything to everybody while aws:SecureTransport is false",
    ...queues,
    wrong: (queue, world) => !demandsTls(policyOf(queue, world)) && "takes requests without TLS",
  }),
  rule({
    name: "queues.policy",
    controls: ["CKV_AWS_168", "CKV_AWS_387", "CKV_AWS_72"],
    statement: "No queue lets everybody do something, or somebody everything",
    mend: "name the service or role, the action, and the source by condition",
    absent: "no queue with a policy",
    over: (world) => world.all("queue").filter((queue) => policyOf(queue, world).length > 0),
    wrong: (queue, world) =>
      policyOf(queue, world).flatMap((statement) => [
        admitsEverybody(statement) && `lets everybody ${texts(statement.Action).join(", ")}`,
        statement.Effect === "Allow" &&
          texts(statement.Action).some((action) => /^(\*|sqs:\*)$/i.test(action)) &&
          "allows every action",
      ]),
  }),
];
