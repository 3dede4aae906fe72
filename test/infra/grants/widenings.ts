/** Ways in which a statement can say more than it should, each with a call that it lets in then. */
import type { AuthorisationRequest } from "@frontdesk/local";
import type { PlacedStatement, Statement } from "../../support/statements.ts";
import { account, otherAccount } from "./policies.ts";

export interface Widening {
  what: string;
  statement: Statement;
  /** What it lets in that was denied. None where the wider text lets in nothing new, which the matrix alone can see. */
  witness?: AuthorisationRequest;
}

type Conditions = NonNullable<Statement["Condition"]>;

export function wideningsOf(placed: PlacedStatement): Widening[] {
  const { statement } = placed;
  // A Deny is widened for everybody by being narrowed.
  if (statement.Effect === "Deny") return [withoutDeny(placed)];
  return [
    ...actions(placed),
    ...(placed.kind === "trust" ? [] : resources(placed)),
    ...(placed.kind === "identity" ? [] : principals(placed)),
    ...conditions(placed),
  ];
}

const texts = (value: string | string[] | undefined): string[] => [value ?? []].flat();

function actions(placed: PlacedStatement): Widening[] {
  const { statement } = placed;
  const list = texts(statement.Action);
  return list.flatMap((action, index) =>
    [`${action.split(":")[0]}:*`, "*"].map((wide) => {
      // No role and no service is ever given these.
      const foreign = wide === "*" ? "kinesis:DeleteStream" : `${action.split(":")[0]}:DeleteEverything`;
      return {
        what: `${action} as ${wide}`,
        statement: { ...statement, Action: list.with(index, wide) },
        witness: request(placed, { action: placed.kind === "trust" ? "sts:AssumeRoleWithSAML" : foreign }),
      };
    }),
  );
}

function resources(placed: PlacedStatement): Widening[] {
  const { statement } = placed;
  const list = texts(statement.Resource);
  return list.flatMap((resource, index) => {
    const wider = [...new Set([parent(resource), "*"])].filter((wide) => wide !== resource);
    return wider.map((wide): Widening => {
      // A resource's own policy is asked about that resource alone: saying more there changes nothing, unless what is
      // said is a part of a bucket.
      const part = placed.holder.startsWith("arn:aws:s3:::") && resource !== `${placed.holder}/*`;
      const own = placed.kind === "resource" && !part;
      return {
        what: `${resource} as ${wide}`,
        statement: { ...statement, Resource: list.with(index, wide) },
        ...(!own && { witness: request(placed, { resource: elsewhere(placed, resource, wide) }) }),
      };
    });
  });
}

/** `arn:aws:s3:::bucket/*` of `arn:aws:s3:::bucket/tmp/*`; of what has no parts, everything of its kind. */
function parent(resource: string): string {
  const at = Math.max(
    resource
      .replace(/[^/:]*$/, "")
      .replace(/[/:]$/, "")
      .lastIndexOf("/"),
    resource.lastIndexOf(":"),
  );
  return `${resource.slice(0, at + 1)}*`;
}

/** A resource that the wide pattern takes and the narrow one does not. */
function elsewhere({ kind, holder }: PlacedStatement, resource: string, wide: string): string {
  const inside =
    wide === "*" && kind === "resource" ? `${holder}/elsewhere/x` : `${wide.slice(0, -1)}elsewhere/x`;
  return wide === "*" && kind === "identity"
    ? `${resource.split(":").slice(0, 5).join(":")}:elsewhere/x`
    : inside;
}

function principals(placed: PlacedStatement): Widening[] {
  const { statement } = placed;
  const stranger = {
    kind: "role",
    roleArn: `arn:aws:iam::${account}:role/stranger`,
    sessionName: "x",
  } as const;
  return [
    {
      what: "its principal as everybody",
      statement: { ...statement, Principal: "*" },
      witness: { ...request(placed, {}), principal: stranger, context: metBy(placed) },
    },
  ];
}

/** Without each condition in turn, and with each of its values as a wildcard. */
function conditions(placed: PlacedStatement): Widening[] {
  const { statement } = placed;
  const all = Object.entries(statement.Condition ?? {}).flatMap(([operator, keys]) =>
    Object.keys(keys).map((key) => ({ operator, key })),
  );
  return all.flatMap(({ operator, key }): Widening[] => {
    const without = drop(statement.Condition ?? {}, operator, key);
    const like = operator.startsWith("Arn") ? "ArnLike" : "StringLike";
    const wild = {
      ...without,
      [like]: { ...without[like], [key]: operator.startsWith("Arn") ? "arn:*" : "*" },
    };
    const witness = request(placed, { unmet: key });
    return [
      { what: `without ${key}`, statement: { ...statement, Condition: without }, witness },
      { what: `any ${key}`, statement: { ...statement, Condition: wild }, witness },
    ];
  });
}

function drop(from: Conditions, operator: string, key: string): Conditions {
  return Object.fromEntries(
    Object.entries(from)
      .map(([name, keys]): [string, Conditions[string]] => [
        name,
        Object.fromEntries(Object.entries(keys).filter(([one]) => name !== operator || one !== key)),
      ])
      .filter(([, keys]) => Object.keys(keys).length > 0),
  );
}

function withoutDeny(placed: PlacedStatement): Widening {
  return { what: "nothing in the place", statement: { ...placed.statement, Action: "none:Nothing" } };
}

/** A call that the statement allows, but for what is given. */
function request(
  placed: PlacedStatement,
  { action, resource, unmet }: { action?: string; resource?: string; unmet?: string },
): AuthorisationRequest {
  const { kind, holder, statement } = placed;
  const met = metBy(placed);
  const source = { arn: met["aws:SourceArn"] ?? holder, account: met["aws:SourceAccount"] ?? account };
  if (unmet === "aws:SourceArn") source.arn = foreignArn(source.arn);
  if (unmet === "aws:SourceAccount") source.account = otherAccount;
  const { "aws:SourceArn": _arn, "aws:SourceAccount": _account, ...context } = met;
  if (unmet !== undefined && !unmet.startsWith("aws:Source")) context[unmet] = "elsewhere";
  const [service = ""] = texts(
    typeof statement.Principal === "object" ? statement.Principal.Service : undefined,
  );
  return {
    principal:
      kind === "identity"
        ? { kind: "role", roleArn: holder, sessionName: "session" }
        : { kind: "service", service, sourceArn: source.arn, sourceAccount: source.account },
    action: action ?? concrete(texts(statement.Action)[0] ?? ""),
    resource: resource ?? (kind === "trust" ? holder : concrete(texts(statement.Resource)[0] ?? holder)),
    ...(Object.keys(context).length > 0 && { context }),
  };
}

/** Values that meet the statement's conditions. */
function metBy({ statement }: PlacedStatement): Record<string, string> {
  return Object.fromEntries(
    Object.values(statement.Condition ?? {}).flatMap((keys) =>
      Object.entries(keys).map(([key, values]) => [key, concrete(texts(values)[0] ?? "")]),
    ),
  );
}

/** One of what a pattern stands for. */
const concrete = (pattern: string) => pattern.replaceAll("*", "example");
const foreignArn = (arn: string) => `${arn.split(":").slice(0, 5).join(":")}:elsewhere`;
