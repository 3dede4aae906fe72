/** What statements of a resource's policy say about who may come in. */
import { isRecord, type PolicyStatement, texts } from "./world.ts";

/** Conditions that narrow "everybody" to known ones (AWS's own list for public policies). */
const narrowing = new Set(
  "aws:sourcearn aws:sourceaccount aws:sourceowner aws:sourceorgid aws:sourcevpc aws:sourcevpce aws:sourceip aws:principalarn aws:principalaccount aws:principalorgid aws:userid".split(
    " ",
  ),
);

function principals({ Principal }: PolicyStatement): { kind: string; id: string }[] {
  if (typeof Principal === "string") return [{ kind: "AWS", id: Principal }];
  return Object.entries(Principal ?? {}).flatMap(([kind, ids]) => texts(ids).map((id) => ({ kind, id })));
}

function conditions({ Condition }: PolicyStatement): { operator: string; key: string; values: string[] }[] {
  return Object.entries(Condition ?? {}).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => ({
      operator: operator.toLowerCase(),
      key: key.toLowerCase(),
      values: (Array.isArray(values) ? values : [values]).map(String),
    })),
  );
}

/** Allows anybody, or everybody but a few, without a condition that says who. */
export function admitsEverybody(statement: PolicyStatement): boolean {
  if (statement.Effect !== "Allow") return false;
  const narrowed = conditions(statement).some(
    ({ operator, key, values }) =>
      narrowing.has(key) && !/not|null|ifexists/.test(operator) && !values.some((text) => /^\*?$/.test(text)),
  );
  const everybody =
    statement.NotPrincipal !== undefined ||
    principals(statement).some(({ kind, id }) => kind === "AWS" && id === "*");
  return everybody && !narrowed;
}

/** Denies everybody whatever comes without TLS. */
export function demandsTls(statements: readonly PolicyStatement[]): boolean {
  return statements.some(
    (statement) =>
      statement.Effect === "Deny" &&
      principals(statement).some(({ id }) => id === "*") &&
      conditions(statement).some(
        ({ operator, key, values }) =>
          operator === "bool" && key === "aws:securetransport" && values.includes("false"),
      ),
  );
}

/** Denies everybody everything, always: nobody but the account's root can undo it. */
export function locksOut(statement: PolicyStatement): boolean {
  return (
    statement.Effect === "Deny" &&
    principals(statement).some(({ id }) => id === "*") &&
    texts(statement.Action).some((action) => action === "*" || /^s3:\*$/i.test(action)) &&
    !(isRecord(statement.Condition) && Object.keys(statement.Condition).length > 0)
  );
}

/** Accounts beside ours that a statement lets in by name. */
export function foreignAccounts(statement: PolicyStatement, ownAccount: string): string[] {
  if (statement.Effect !== "Allow") return [];
  const accounts = principals(statement).flatMap(({ kind, id }) => {
    const account = kind === "AWS" ? /^(?:arn:aws[\w-]*:(?:iam|sts)::)?(\d{12})\b/.exec(id)?.[1] : undefined;
    return account && account !== ownAccount ? [account] : [];
  });
  return [...new Set(accounts)];
}
