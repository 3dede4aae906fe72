/** Words to point at resources of a graph. */
import type { Graph, GraphResource } from "@frontdesk/local";

/** Points at resources of a stage; `text` is how an error names it. */
export interface Selector {
  text: string;
  find(graph: Graph): GraphResource[];
}

/** `aws:sqs/queue:Queue` as programs write it: `aws.sqs.Queue`. */
export function typeName(token: string): string {
  const [provider = "", module = "", name = ""] = token.split(":");
  const inner = module.split("/")[0] ?? "";
  return [provider, ...(inner === "index" || inner === "" ? [] : [inner]), name].join(".");
}

/**
 * Resources of a type, such as `aws.sqs.Queue`, that have the logical name.
 * @param where What else must be true of their inputs.
 */
export function of(
  type: string,
  name: RegExp = /./,
  where?: (inputs: Record<string, unknown>, resource: GraphResource) => boolean,
): Selector {
  return {
    text: `${type} ${name}${where ? ` where ${where}` : ""}`,
    find: ({ resources }) =>
      resources.filter(
        (resource) =>
          typeName(resource.type) === type &&
          name.test(resource.name) &&
          (!where || where(resource.inputs, resource)),
      ),
  };
}

interface Statement {
  Effect: string;
  Action?: string | string[];
  Resource?: string | string[];
}
const listed = (value: string | string[] | undefined) =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

/** Roles with a policy of their own that allows the action. `name` narrows them. */
export function roleAllowing(action: string, name: RegExp = /./): Selector {
  const pattern = (granted: string) =>
    new RegExp(`^${granted.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`, "i");
  const allows = (policy: unknown) => {
    const { Statement: statements } = JSON.parse(String(policy)) as { Statement: Statement | Statement[] };
    return [statements]
      .flat()
      .some(
        ({ Effect, Action }) =>
          Effect === "Allow" && listed(Action).some((granted) => pattern(granted).test(action)),
      );
  };
  return {
    text: `a role that may ${action} ${name}`,
    find({ resources }) {
      const attached = new Set(
        resources.flatMap(({ type, inputs }) =>
          type === "aws:iam/rolePolicy:RolePolicy" && allows(inputs.policy) ? [String(inputs.role)] : [],
        ),
      );
      return resources.filter(
        ({ type, name: roleName, inputs, outputs }) =>
          type === "aws:iam/role:Role" &&
          name.test(roleName) &&
          (attached.has(String(outputs.name)) ||
            ((inputs.inlinePolicies ?? []) as { policy: string }[]).some(({ policy }) => allows(policy))),
      );
    },
  };
}
