/** The filter of ListUsers (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ListUsers.html). */
import { invalidParameter } from "./errors.ts";
import type { User } from "./store.ts";

/** What may be asked for; custom attributes cannot be searched. */
const searchable = new Set(
  "username email phone_number name given_name family_name preferred_username cognito:user_status status sub".split(
    " ",
  ),
);

/** Reads `attribute = "value"` or `attribute ^= "prefix"`. Throws InvalidParameterException. */
export function userFilter(filter: string | undefined): (user: User) => boolean {
  if (filter === undefined || filter.trim() === "") return () => true;
  const [, name, operator, quoted] =
    /^\s*"?([\w:]+)"?\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*$/s.exec(filter) ?? [];
  if (name === undefined || quoted === undefined || !searchable.has(name))
    throw invalidParameter(
      `Error while parsing filter: it must be attribute = "value" or attribute ^= "prefix", with one of ${[...searchable].join(", ")}`,
    );
  const wanted = quoted.replace(/\\(.)/gs, "$1");
  return (user) => {
    const value = searched(user, name);
    if (value === undefined) return false;
    return operator === "=" ? value === wanted : value.startsWith(wanted);
  };
}

function searched(user: User, name: string): string | undefined {
  if (name === "username") return user.username;
  if (name === "sub") return user.sub;
  if (name === "cognito:user_status") return user.status;
  if (name === "status") return user.enabled ? "Enabled" : "Disabled";
  return user.attributes[name];
}
