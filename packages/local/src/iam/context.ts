/**
 * Global condition keys that the authoriser knows without being told.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 */
import type { AuthorisationRequest } from "../cloud/types.ts";
import type { Context } from "./pattern.ts";
import type { Identity } from "./principal.ts";

/** @param now Milliseconds since the epoch. */
export function buildContext(
  request: AuthorisationRequest,
  identity: Identity,
  accountId: string,
  now: number,
): Context {
  const context = new Map<string, readonly string[]>();
  const set = (key: string, ...values: string[]) => context.set(key, values);
  const parts = request.resource.split(":");

  // The front door stands for AWS's TLS endpoint; plain HTTP on loopback is how it is reached.
  set("aws:securetransport", "true");
  set("aws:viaawsservice", "false");
  set("aws:currenttime", new Date(now).toISOString());
  set("aws:epochtime", String(Math.floor(now / 1000)));
  set("aws:resourceaccount", parts[4] || accountId);
  if (parts[3]) set("aws:requestedregion", parts[3]);

  const { principal } = request;
  set("aws:principalisawsservice", String(principal.kind === "service"));
  if (principal.kind === "service") {
    set("aws:principalservicename", principal.service);
    set("aws:principalservicenameslist", principal.service);
    if (principal.sourceArn) set("aws:sourcearn", principal.sourceArn);
    if (principal.sourceAccount) {
      set("aws:sourceaccount", principal.sourceAccount);
      set("aws:sourceowner", principal.sourceAccount);
    }
  } else if (principal.kind === "role") {
    set("aws:principaltype", "AssumedRole");
    set("aws:principalarn", principal.roleArn);
    set("aws:principalaccount", identity.account ?? accountId);
    set("aws:userid", `${identity.roleId}:${principal.sessionName}`);
    set("aws:sourceip", "127.0.0.1");
  } else {
    set("aws:principaltype", "Anonymous");
    set("aws:userid", "anonymous");
    set("aws:sourceip", "127.0.0.1");
  }
  for (const [key, value] of Object.entries(request.context ?? {}))
    set(key.toLowerCase(), ...(typeof value === "string" ? [value] : value));
  return context;
}
