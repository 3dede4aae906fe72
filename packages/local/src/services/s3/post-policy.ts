/**
 * The policy of a form upload ("presigned POST"): a document that somebody with keys has signed, which says what may
 * be uploaded by whoever has the form.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
 */
import { AwsError } from "../../cloud/errors.ts";

export interface PostPolicy {
  /** Milliseconds. */
  expiration: number;
  conditions: Condition[];
}
type Condition =
  | { kind: "eq" | "starts-with"; field: string; value: string }
  | { kind: "size"; from: number; to: number };

/** Fields that need no condition. */
const exempt = new Set(["x-amz-signature", "policy", "file"]);

/** @param base64 As in the form's field `policy`. @throws AwsError InvalidPolicyDocument. */
export function readPolicy(base64: string): PostPolicy {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(base64, "base64").toString("utf8"));
  } catch {
    throw invalidDocument("it is not JSON");
  }
  const { expiration, conditions } = (document ?? {}) as Record<string, unknown>;
  const expires = typeof expiration === "string" ? Date.parse(expiration) : Number.NaN;
  if (Number.isNaN(expires)) throw invalidDocument("it has no valid expiration");
  if (!Array.isArray(conditions)) throw invalidDocument("it has no list of conditions");
  return { expiration: expires, conditions: conditions.flatMap(readCondition) };
}

function readCondition(condition: unknown): Condition[] {
  if (Array.isArray(condition)) {
    const [operator, left, right] = condition as unknown[];
    const kind = String(operator).toLowerCase();
    if (kind === "content-length-range") {
      const [from, to] = [Number(left), Number(right)];
      if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from)
        throw invalidDocument("content-length-range needs two numbers in their order");
      return [{ kind: "size", from, to }];
    }
    if ((kind !== "eq" && kind !== "starts-with") || typeof left !== "string" || !left.startsWith("$"))
      throw invalidDocument(`${JSON.stringify(condition)} is no condition`);
    return [{ kind, field: left.slice(1).toLowerCase(), value: String(right ?? "") }];
  }
  if (typeof condition !== "object" || condition === null)
    throw invalidDocument(`${JSON.stringify(condition)} is no condition`);
  return Object.entries(condition).map(([field, value]) => ({
    kind: "eq",
    field: field.toLowerCase(),
    value: String(value),
  }));
}

/**
 * @param fields The form's, by name in lower case, with `bucket` and the `key` as it was sent.
 * @param now Milliseconds, by the clock that the form was signed by.
 * @returns how many bytes the file may have.
 * @throws AwsError AccessDenied that names the condition.
 */
export function checkPolicy(
  policy: PostPolicy,
  fields: ReadonlyMap<string, string>,
  now: number,
): { from: number; to: number } | undefined {
  if (now > policy.expiration) throw refused("Policy expired.");
  const covered = new Set<string>();
  let size: { from: number; to: number } | undefined;
  for (const condition of policy.conditions) {
    if (condition.kind === "size") {
      size = {
        from: Math.max(size?.from ?? 0, condition.from),
        to: Math.min(size?.to ?? Infinity, condition.to),
      };
      continue;
    }
    const { kind, field, value } = condition;
    covered.add(field);
    const given = fields.get(field) ?? "";
    if (kind === "eq" ? given !== value : !beginsWith(field, given, value))
      throw refused(`Policy Condition failed: ["${kind}", "$${field}", "${value}"]`);
  }
  for (const name of fields.keys())
    if (!covered.has(name) && !exempt.has(name) && !name.startsWith("x-ignore-") && name !== "bucket")
      throw refused(`Extra input fields: ${name}`);
  return size;
}

/** A list of content types begins with a value when each of them does. */
function beginsWith(field: string, given: string, value: string): boolean {
  return field === "content-type" && value !== ""
    ? given.split(",").every((type) => type.trim().startsWith(value))
    : given.startsWith(value);
}

function refused(why: string): AwsError {
  return new AwsError("AccessDenied", `Invalid according to Policy: ${why}`, 403);
}
function invalidDocument(why: string): AwsError {
  return new AwsError("InvalidPolicyDocument", `The policy of the form is invalid: ${why}.`);
}
