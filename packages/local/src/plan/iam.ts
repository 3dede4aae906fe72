import type { Graph } from "../graph/types.ts";
import { managedPolicy } from "./managed-policies.ts";
import { arnName, list, optionalText, policy, property, Reader, text, texts, toText } from "./read.ts";
import type { Plan, PolicyDocument, PolicyStatement, ResourcePolicySpec, RoleSpec } from "./types.ts";

/** The roles and resource policies of a graph alone, for those who judge it without running it. */
export function readPolicies(graph: Graph): Pick<Plan, "roles" | "resourcePolicies"> {
  const reader = new Reader(graph);
  return { roles: readRoles(reader, []), resourcePolicies: readResourcePolicies(reader) };
}

/** A managed policy that nobody described here allows nothing, and is named in `notRun`. */
export function readRoles(reader: Reader, notRun: Plan["notRun"]): RoleSpec[] {
  const customer = new Map<string, PolicyDocument>();
  for (const resource of reader.all("aws:iam/policy:Policy"))
    customer.set(text(resource, "arn"), policy(property(resource, "policy"), `policy "${resource.name}"`));

  const roles = new Map<string, RoleSpec>();
  for (const resource of reader.all("aws:iam/role:Role")) {
    // Looked up: what it may do is said where it is declared.
    if (resource.external) continue;
    const name = optionalText(resource, "name") ?? arnName(text(resource, "arn"));
    const role: RoleSpec = {
      arn: text(resource, "arn"),
      name,
      trust: policy(property(resource, "assumeRolePolicy"), `trust policy of role "${resource.name}"`),
      policies: list(property(resource, "inlinePolicies")).flatMap((inline) =>
        inline.policy
          ? [
              {
                name: toText(inline.name) ?? "inline",
                document: policy(inline.policy, `inline policy of role "${resource.name}"`),
              },
            ]
          : [],
      ),
    };
    for (const arn of texts(property(resource, "managedPolicyArns"))) attach(role, arn);
    const boundary = optionalText(resource, "permissionsBoundary");
    if (boundary) role.boundary = { name: boundary, document: known(role, boundary) ?? nothingAllowed };
    roles.set(name, role);
  }
  const find = (reference: string) =>
    roles.get(reference.startsWith("arn:") ? arnName(reference) : reference);

  for (const resource of reader.all("aws:iam/rolePolicy:RolePolicy"))
    find(text(resource, "role"))?.policies.push({
      name: optionalText(resource, "name") ?? resource.name,
      document: policy(property(resource, "policy"), `role policy "${resource.name}"`),
    });
  for (const resource of reader.all("aws:iam/rolePolicyAttachment:RolePolicyAttachment")) {
    const role = find(text(resource, "role"));
    if (role) attach(role, text(resource, "policyArn"));
  }
  return [...roles.values()];

  function attach(role: RoleSpec, arn: string) {
    if (role.policies.some((existing) => existing.name === arn)) return;
    const document = known(role, arn);
    if (document) role.policies.push({ name: arn, document });
  }
  function known(role: RoleSpec, arn: string): PolicyDocument | undefined {
    const document = customer.get(arn) ?? managedPolicy(arn);
    if (!document)
      notRun.push({
        type: "aws:iam/role:Role",
        name: role.name,
        reason: `its policy ${arn} is neither in the graph nor known here, so what it allows is denied; declare it inline`,
      });
    return document;
  }
}
const nothingAllowed: PolicyDocument = { Version: "2012-10-17", Statement: [] };

export function readResourcePolicies(reader: Reader): ResourcePolicySpec[] {
  const policies: ResourcePolicySpec[] = [];
  const queueArns = new Map(
    reader.all("aws:sqs/queue:Queue").map((queue) => [text(queue, "url"), text(queue, "arn")]),
  );
  for (const resource of reader.all("aws:sqs/queuePolicy:QueuePolicy")) {
    const url = text(resource, "queueUrl");
    policies.push({
      resource: queueArns.get(url) ?? url,
      document: policy(property(resource, "policy"), `queue policy "${resource.name}"`),
    });
  }
  for (const queue of reader.all("aws:sqs/queue:Queue"))
    if (queue.inputs.policy)
      policies.push({
        resource: text(queue, "arn"),
        document: policy(queue.inputs.policy, `policy of queue "${queue.name}"`),
      });

  for (const resource of reader.all("aws:sns/topicPolicy:TopicPolicy"))
    policies.push({
      resource: text(resource, "arn"),
      document: policy(property(resource, "policy"), `topic policy "${resource.name}"`),
    });

  for (const resource of reader.all("aws:s3/bucketPolicy:BucketPolicy"))
    policies.push({
      resource: `arn:aws:s3:::${text(resource, "bucket")}`,
      document: policy(property(resource, "policy"), `bucket policy "${resource.name}"`),
    });

  for (const resource of reader.all("aws:secretsmanager/secretPolicy:SecretPolicy"))
    policies.push({
      resource: text(resource, "secretArn"),
      document: policy(property(resource, "policy"), `secret policy "${resource.name}"`),
    });

  policies.push(...readFunctionPermissions(reader));
  return policies;
}

/** `aws.lambda.Permission`s, gathered into the policy that Lambda keeps for each function. */
function readFunctionPermissions(reader: Reader): ResourcePolicySpec[] {
  const functionArns = new Map(
    reader.all("aws:lambda/function:Function").map((fn) => [text(fn, "name"), text(fn, "arn")]),
  );
  const statements = new Map<string, PolicyStatement[]>();
  for (const resource of reader.all("aws:lambda/permission:Permission")) {
    const reference = text(resource, "function");
    const arn = reference.startsWith("arn:") ? reference : (functionArns.get(reference) ?? reference);
    const principal = text(resource, "principal");
    const sourceArn = optionalText(resource, "sourceArn");
    const sourceAccount = optionalText(resource, "sourceAccount");
    const statement: PolicyStatement = {
      Sid: optionalText(resource, "statementId") ?? resource.name,
      Effect: "Allow",
      Principal:
        principal === "*"
          ? "*"
          : principal.includes(".amazonaws.com")
            ? { Service: principal }
            : { AWS: principal },
      Action: text(resource, "action"),
      Resource: arn,
    };
    const condition: Record<string, Record<string, string>> = {};
    if (sourceArn) condition.ArnLike = { "aws:SourceArn": sourceArn };
    if (sourceAccount) condition.StringEquals = { "aws:SourceAccount": sourceAccount };
    if (Object.keys(condition).length > 0) statement.Condition = condition;
    const existing = statements.get(arn);
    if (existing) existing.push(statement);
    else statements.set(arn, [statement]);
  }
  return [...statements].map(([resource, Statement]) => ({
    resource,
    document: { Version: "2012-10-17", Statement },
  }));
}
