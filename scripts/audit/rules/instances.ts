import { rule } from "../rule.ts";
import { secretsIn } from "../secrets.ts";
import { blocks, isTrue, statementsOf, texts, value, type World } from "../world.ts";

const instances = {
  absent: "no EC2 instance",
  over: (world: World) => world.all("instance"),
};

/** Families from before EBS optimisation came by default (https://docs.aws.amazon.com/ebs/latest/userguide/ebs-optimized.html). */
const notOptimised = /^(t1|t2|m1|m2|m3|c1|c3|cc2|cr1|g2|hi1|hs1|i2|r3)\./;
/** Families that EC2 also runs paravirtually (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/virtualization_types.html). */
const paravirtual = /^(t1|m1|m2|m3|c1|c3|hi1|hs1)\./;

export const instanceRules = [
  rule({
    name: "instances.metadata",
    controls: ["CKV_AWS_79", "EC2.8"],
    statement: "Instance metadata is given to session tokens only (IMDSv2)",
    mend: 'set metadataOptions.httpTokens to "required"',
    absent: instances.absent,
    over: (world) => world.all("instance", "launchTemplate"),
    wrong: (instance) =>
      value(instance, "metadataOptions.httpTokens") !== "required" &&
      "answers metadata requests without a token",
  }),
  rule({
    name: "instances.public-address",
    controls: ["CKV_AWS_88", "EC2.9"],
    statement: "No instance has a public address",
    mend: "start it in a private subnet, without an elastic address",
    ...instances,
    wrong: (instance, world) => [
      isTrue(value(instance, "associatePublicIpAddress")) && "is given a public address",
      (world.about("eip", "instance", instance).length > 0 ||
        world.about("eipAssociation", "instanceId", instance).length > 0) &&
        "has an elastic address",
    ],
  }),
  rule({
    name: "instances.template-public-address",
    controls: ["EC2.25"],
    statement: "No launch template gives public addresses",
    mend: "leave associatePublicIpAddress off in its network interfaces",
    absent: "no launch template",
    over: (world) => world.all("launchTemplate"),
    wrong: (template) =>
      blocks(template, "networkInterfaces").some(({ associatePublicIpAddress }) =>
        isTrue(associatePublicIpAddress),
      ) && "gives its instances public addresses",
  }),
  rule({
    name: "instances.role",
    controls: ["CKV2_AWS_41"],
    statement: "Every instance has a role",
    mend: "give it an instance profile",
    ...instances,
    wrong: (instance) => !value(instance, "iamInstanceProfile") && "has no instance profile",
  }),
  rule({
    name: "instances.managed",
    controls: ["SSM.1"],
    statement: "Session Manager can reach every instance",
    mend: "let its role open the ssmmessages channels",
    ...instances,
    wrong: (instance, world) => {
      const profile = world.find("instanceProfile", value(instance, "iamInstanceProfile"));
      // Without a profile at all, instances.role says so.
      if (!profile) return false;
      const role = world.find("role", value(profile, "role"));
      const actions = world.roles
        .filter(({ arn }) => arn === (role && value(role, "arn")))
        .flatMap(({ policies }) => policies.flatMap(({ document }) => statementsOf(document)))
        .flatMap(({ Effect, Action }) => (Effect === "Allow" ? texts(Action) : []));
      return (
        !["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel"].every((action) =>
          actions.includes(action),
        ) && "has a role that cannot open Session Manager's channels"
      );
    },
  }),
  rule({
    name: "instances.encrypted",
    controls: ["AwsSolutions-EC26", "CKV_AWS_8", "EC2.3"],
    statement: "Every volume is encrypted",
    mend: "set encrypted on rootBlockDevice, each of ebsBlockDevices, and volumes",
    absent: "no EC2 instance and no volume",
    over: (world) => world.all("instance", "volume"),
    wrong: (resource, world) =>
      world.all("volume").includes(resource)
        ? !isTrue(value(resource, "encrypted")) && "is not encrypted"
        : [
            !isTrue(value(resource, "rootBlockDevice.encrypted")) &&
              "has a root volume that is not encrypted",
            ...blocks(resource, "ebsBlockDevices").map(
              ({ deviceName, encrypted }) =>
                !isTrue(encrypted) && `has the volume ${deviceName}, which is not encrypted`,
            ),
          ],
  }),
  rule({
    name: "instances.monitoring",
    controls: ["AwsSolutions-EC28", "CKV_AWS_126"],
    statement: "Every instance reports to CloudWatch each minute",
    mend: "set monitoring",
    ...instances,
    wrong: (instance) => !isTrue(value(instance, "monitoring")) && "reports each five minutes only",
  }),
  rule({
    name: "instances.termination",
    controls: ["AwsSolutions-EC29"],
    statement: "An instance outside a scaling group is protected against termination",
    mend: "set disableApiTermination",
    ...instances,
    wrong: (instance) => !isTrue(value(instance, "disableApiTermination")) && "can be terminated by one call",
  }),
  rule({
    name: "instances.ebs-optimised",
    controls: ["CKV_AWS_135"],
    statement: "Every instance has bandwidth of its own to its volumes",
    mend: "set ebsOptimized, or use a family that always is",
    ...instances,
    wrong: (instance) =>
      !isTrue(value(instance, "ebsOptimized")) &&
      notOptimised.test(String(value(instance, "instanceType"))) &&
      "shares its network bandwidth with its volumes",
  }),
  rule({
    name: "instances.virtualisation",
    controls: ["EC2.24"],
    statement: "No instance is of a family that runs paravirtually",
    mend: "use a current family such as t4g",
    ...instances,
    wrong: (instance) =>
      paravirtual.test(String(value(instance, "instanceType"))) && "is of a paravirtual family",
  }),
  rule({
    name: "instances.interfaces",
    controls: ["EC2.17"],
    statement: "No instance has more than one network interface",
    mend: "give it one",
    ...instances,
    wrong: (instance) => blocks(instance, "networkInterfaces").length > 1 && "has several network interfaces",
  }),
  rule({
    name: "instances.secrets",
    controls: ["CKV_AWS_46"],
    statement: "No user data carries a secret",
    mend: "read the secret at run time from Secrets Manager",
    ...instances,
    wrong: (instance) =>
      secretsIn([value(instance, "userData"), value(instance, "userDataBase64")]).map(
        (kind) => `has ${kind} in its user data`,
      ),
  }),
  rule({
    name: "instances.documents",
    controls: ["SSM.4"],
    statement: "No Systems Manager document is shared with everybody",
    mend: "share it with named accounts, or with none",
    absent: "no Systems Manager document of ours",
    over: (world) => world.all("document"),
    wrong: (document) =>
      /\ball\b/i.test(String(value(document, "permissions.accountIds"))) && "is shared with everybody",
  }),
];
