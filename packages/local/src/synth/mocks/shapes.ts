import type { Mock, MockContext } from "./context.ts";

/** A resource that computes nothing but its id. */
export function plain(id: (context: MockContext) => string | undefined = () => undefined): Mock {
  return (context) => ({ id: id(context) ?? `${context.name}-${context.hex(7)}`, outputs: {} });
}

/** A resource whose id is its name. */
export function byName(
  key: string,
  outputs: (context: MockContext, name: string) => Record<string, unknown> = () => ({}),
  options: { max?: number; lower?: boolean } = {},
): Mock {
  return (context) => {
    const name = context.named(key, options);
    return { id: name, inputs: { [key]: name }, outputs: outputs(context, name) };
  };
}

/** A resource with a `name` whose id is its ARN, `arn:aws:<service>:<region>:<account>:<name>`. */
export function byArn(service: string, name: (context: MockContext) => string): Mock {
  return (context) => {
    const { given } = context;
    const physical = given?.startsWith("arn:") ? given.slice(given.lastIndexOf(":") + 1) : name(context);
    const arn = given?.startsWith("arn:") ? given : context.arn(service, physical);
    return { id: arn, inputs: { name: physical }, outputs: { arn } };
  };
}

/** A resource of EC2: a prefix, seventeen hex digits, and an ARN with `kind`. */
export function byEc2Id(
  prefix: string,
  kind: string,
  outputs: (context: MockContext, id: string) => Record<string, unknown> = () => ({}),
): Mock {
  return (context) => {
    const id = context.given ?? `${prefix}-${context.hex(17)}`;
    return {
      id,
      outputs: {
        arn: context.arn("ec2", `${kind}/${id}`),
        ownerId: context.accountId,
        ...outputs(context, id),
      },
    };
  };
}
