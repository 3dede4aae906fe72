import type { GraphResource } from "@frontdesk/local";
import { decrypts, escalates, givesCredentials, readsData, unrestrictable } from "../actions.ts";
import { rule } from "../rule.ts";
import { isAwsPolicy, type PolicyStatement, texts, value, type World } from "../world.ts";

const ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess";

/** Roles and policies of ours that allow or deny something. */
const policies = {
  absent: "no policy of ours",
  over: (world: World) => [...world.identityStatements().keys()],
};

const allowed = (holder: GraphResource, world: World) =>
  (world.identityStatements().get(holder) ?? []).filter(({ statement }) => statement.Effect === "Allow");

const actionsOf = ({ Action }: PolicyStatement) => texts(Action);
const everything = (action: string) => /^(\*|\*:\*)$/.test(action);

/** Services whose ARNs say no kind of resource: in `arn:aws:s3:::pictures/*` the first word is a name. */
const unnamed = /^arn:[^:]+:(s3|sns|sqs|execute-api):[^:]*:[^:]*:(\*|\*\/\*)$/;
const named = /^arn:[^:]+:(?!(?:s3|sns|sqs|execute-api):)[^:]+:[^:]*:[^:]*:(\*|[\w-]+[:/]\*)$/;
/** `*`, or an ARN that names a whole service or a whole kind of resource: `arn:aws:s3:::*`, `arn:aws:iam::1:role/*`. */
const whole = (resource: string) => /^\*+$/.test(resource) || unnamed.test(resource) || named.test(resource);
const onWhole = ({ Resource, NotResource }: PolicyStatement) =>
  NotResource !== undefined || texts(Resource).some(whole);
const conditionKeys = ({ Condition }: PolicyStatement) =>
  Object.values(Condition ?? {}).flatMap((keys) => Object.keys(keys).map((key) => key.toLowerCase()));

/** Findings about the actions of each statement that allows. */
const inStatements = (
  holder: GraphResource,
  world: World,
  find: (statement: PolicyStatement, actions: string[]) => string[],
) =>
  allowed(holder, world).flatMap(({ policy, statement }) => {
    const found = find(statement, actionsOf(statement));
    return found.length > 0
      ? [`${found.join("; ")} (policy ${policy}${statement.Sid ? `, ${statement.Sid}` : ""})`]
      : [];
  });

export const iamRules = [
  rule({
    name: "iam.administrator",
    controls: ["CKV2_AWS_40", "CKV_AWS_275", "CKV_AWS_62", "IAM.1"],
    statement: "Nobody may do everything, or everything with IAM",
    mend: "grant the actions that are needed",
    absent: "no role and no policy of ours",
    over: (world) =>
      world.all("role", "policy", "userPolicy", "userPolicyAttachment", "groupPolicyAttachment"),
    wrong: (holder, world) => [
      ...inStatements(holder, world, (statement, actions) =>
        actions.some((action) => everything(action) || /^iam:\*$/i.test(action)) ||
        statement.NotAction !== undefined
          ? [
              statement.NotAction === undefined
                ? `allows ${actions.join(", ")}`
                : "allows everything but a few actions",
            ]
          : [],
      ),
      attached(holder, world).includes(ADMINISTRATOR) && "is an administrator by AWS's policy",
    ],
  }),
  rule({
    name: "iam.aws-policies",
    controls: ["AwsSolutions-IAM4"],
    statement: "Roles, groups and users have no policy of AWS's, which are wider than any one task",
    mend: "write the statements that are needed into a policy of ours",
    absent: "no role",
    over: (world) => world.all("role", "userPolicyAttachment", "groupPolicyAttachment"),
    wrong: (holder, world) =>
      attached(holder, world)
        .filter((arn) => isAwsPolicy(arn) && arn !== ADMINISTRATOR)
        .map((arn) => `has AWS's policy ${arn.slice(arn.indexOf("/") + 1)}`),
  }),
  rule({
    name: "iam.wildcard-actions",
    controls: ["CKV_AWS_63", "IAM.21"],
    statement: "No policy allows actions by wildcard",
    mend: "name each action",
    ...policies,
    wrong: (holder, world) =>
      inStatements(holder, world, (_, actions) =>
        actions
          .filter((action) => /[*?]/.test(action) && !everything(action) && !/^iam:\*$/i.test(action))
          .map((action) => `allows ${action}`),
      ),
  }),
  // IAM5 minds any `*`, in actions too. The tail of a key's path, as in `bucket/media/*`, is no wildcard here: it names the prefix.
  rule({
    name: "iam.wildcard-resources",
    controls: ["AwsSolutions-IAM5", "CKV_AWS_289", "CKV_AWS_290", "CKV_AWS_355"],
    statement: "No policy allows on every resource what AWS can restrict to some",
    mend: "name the resources, or narrow them by a condition",
    ...policies,
    wrong: (holder, world) =>
      inStatements(holder, world, (statement, actions) =>
        onWhole(statement) && conditionKeys(statement).length === 0
          ? actions
              .filter(
                (action) =>
                  !/[*?]/.test(action) &&
                  ![unrestrictable, escalates, givesCredentials, readsData, decrypts].some((kind) =>
                    kind(action),
                  ),
              )
              .map((action) => `allows ${action} on everything`)
          : [],
      ),
  }),
  rule({
    name: "iam.escalation",
    controls: ["CKV_AWS_286"],
    statement: "Nobody can give themselves more than they have",
    mend: "pass named roles to named services (iam:PassedToService), and demand a permissions boundary of whoever makes roles",
    ...policies,
    wrong: (holder, world) =>
      inStatements(holder, world, (statement, actions) => {
        const keys = conditionKeys(statement);
        return actions
          .filter((action) => escalates(action))
          .filter((action) =>
            /^iam:PassRole$/i.test(action)
              ? !keys.includes("iam:passedtoservice") || onWhole(statement)
              : !keys.includes("iam:permissionsboundary"),
          )
          .map((action) => `allows ${action}`);
      }),
  }),
  rule({
    name: "iam.credentials",
    controls: ["CKV_AWS_287"],
    statement: "Nobody is given credentials of everybody, or makes them",
    mend: "name whose credentials they are",
    ...policies,
    wrong: (holder, world) =>
      inStatements(holder, world, (statement, actions) =>
        onWhole(statement)
          ? actions
              .filter((action) => givesCredentials(action))
              .map((action) => `allows ${action} on everything`)
          : [],
      ),
  }),
  rule({
    name: "iam.exfiltration",
    controls: ["CKV_AWS_288"],
    statement: "Nobody reads every bucket, secret, parameter or table",
    mend: "name what is read",
    ...policies,
    wrong: (holder, world) =>
      inStatements(holder, world, (statement, actions) =>
        onWhole(statement)
          ? actions.filter((action) => readsData(action)).map((action) => `allows ${action} on everything`)
          : [],
      ),
  }),
  rule({
    name: "iam.decryption",
    controls: ["KMS.1", "KMS.2"],
    statement: "Nobody decrypts with every key",
    mend: "name the key",
    ...policies,
    wrong: (holder, world) =>
      inStatements(holder, world, (statement, actions) =>
        onWhole(statement)
          ? actions.filter((action) => decrypts(action)).map((action) => `allows ${action} with every key`)
          : [],
      ),
  }),
  rule({
    name: "iam.users",
    controls: ["IAM.2"],
    statement: "No user has a policy of their own",
    mend: "give it to a role or a group",
    absent: "no IAM user: people and programs take roles",
    over: (world) => world.all("user"),
    wrong: (user, world) =>
      [...world.about("userPolicy", "user", user), ...world.about("userPolicyAttachment", "user", user)].map(
        ({ name }) => `has the policy ${name}`,
      ),
  }),
];

/** ARNs of the policies that are attached to a role, or by an attachment. */
function attached(holder: GraphResource, world: World): string[] {
  const own = texts(value(holder, "policyArn"));
  const role = world.roles.find(({ arn }) => arn === value(holder, "arn"));
  const missing = texts(value(holder, "managedPolicyArns"));
  const byAttachment = world
    .about("rolePolicyAttachment", "role", holder)
    .flatMap((to) => texts(value(to, "policyArn")));
  return [
    ...new Set([...own, ...missing, ...byAttachment, ...(role?.policies ?? []).map(({ name }) => name)]),
  ].filter((arn) => arn.startsWith("arn:"));
}
