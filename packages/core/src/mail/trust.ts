/** What the checks on a message's way say, and whose checks they are. Pure. */
import type { Header, ParsedMail } from "../mime/index.ts";
import type { Verdict, Verdicts } from "./notices.ts";

export interface Trust {
  /** Spam and virus were checked and passed. */
  trusted: boolean;
  /** Where the verdicts come from: SES's notice, its headers on the message, or nowhere. */
  source: "ses-notice" | "ses-headers" | "none";
  verdicts: Verdicts;
  /** The message came through Google Workspace: SES's SPF and DMARC verdicts describe a forward, not the sender. */
  viaGoogle: boolean;
  /** Google's own verdict; only if it came from Google. */
  google?: { spam?: boolean; phishy?: boolean };
}

/** What the message itself carries of it. SES's notice goes before: `withNotice`. */
export function trustOf(mail: ParsedMail): Trust {
  const headers = receivedBySes(mail) ? headerVerdicts(mail) : undefined;
  const verdicts = headers ?? {};
  const viaGoogle = isProvenGoogle(mail);
  const trust: Trust = {
    trusted: verdicts.spam === "PASS" && verdicts.virus === "PASS",
    source: headers ? "ses-headers" : "none",
    verdicts,
    viaGoogle,
  };
  if (viaGoogle) {
    const { spam, phishy } = mail.googleHeaders;
    trust.google = { ...(spam === undefined ? {} : { spam }), ...(phishy === undefined ? {} : { phishy }) };
  }
  return trust;
}

/** With the verdicts of SES's notice, before the message is stored or after. */
export function withNotice(trust: Trust, notice: Verdicts): Trust {
  return {
    ...trust,
    source: "ses-notice",
    verdicts: notice,
    trusted: notice.spam === "PASS" && notice.virus === "PASS",
  };
}

export function isQuarantined({ verdicts }: Trust): boolean {
  return verdicts.spam === "FAIL" || verdicts.virus === "FAIL";
}

/**
 * Whether the From address may vouch for its sender when a thread is looked for. Only an explicit failure speaks
 * against it, and not on mail through Google, where it describes the forward.
 */
export function isAuthentic({ verdicts, viaGoogle }: Trust): boolean {
  return viaGoogle || verdicts.dmarc !== "FAIL";
}

const inboundHost = /^inbound-smtp\.[a-z0-9-]+\.amazonaws\.com$/i;

/** SES puts its own Received on top, then its verdicts. Without it nothing on the message is SES's. */
export function receivedBySes(mail: ParsedMail): boolean {
  return inboundHost.test(mail.receivedTop?.by ?? "");
}

/** SES's verdict headers stand above the sender's first Received; those below it are the sender's own. */
function headerVerdicts(mail: ParsedMail): Verdicts | undefined {
  const own = sesBlock(mail.headers);
  const has = (key: string) => own.some((header) => header.key === key);
  const verdicts: Verdicts = {};
  const { spam, virus } = mail.sesVerdicts;
  if (spam !== undefined && has("x-ses-spam-verdict")) verdicts.spam = spam;
  if (virus !== undefined && has("x-ses-virus-verdict")) verdicts.virus = virus;
  const results = mail.authenticationResults;
  if (results?.server === "amazonses.com" && has("authentication-results")) {
    for (const { method, result } of results.methods) {
      const verdict: Verdict | undefined =
        result === "pass" ? "PASS" : result === "fail" ? "FAIL" : result === "none" ? "GRAY" : undefined;
      if (verdict && (method === "spf" || method === "dkim" || method === "dmarc"))
        verdicts[method] ??= verdict;
    }
  }
  return Object.keys(verdicts).length === 0 ? undefined : verdicts;
}

function sesBlock(headers: readonly Header[]): readonly Header[] {
  let received = 0;
  const end = headers.findIndex((header) => header.key === "received" && ++received === 2);
  return end < 0 ? headers : headers.slice(0, end);
}

/**
 * Whether Google's servers handed the message to SES: SES writes the connecting address's verified host name into its
 * Received, and its own check of SPF or DKIM passed. A host name in HELO alone is the sender's claim.
 */
export function isProvenGoogle(mail: ParsedMail): boolean {
  if (!receivedBySes(mail)) return false;
  const top = mail.headers.find((header) => header.key === "received")?.value ?? "";
  // `from <helo> (<verified host> [<address>]) by …`
  const verified = /^\s*from\s+\S+\s+\(([a-z0-9.-]+)\s+\[[0-9a-f.:]+\]\)/i.exec(top)?.[1]?.toLowerCase();
  if (verified === undefined || !verified.endsWith(".google.com")) return false;
  const results = mail.authenticationResults;
  return (
    results?.server === "amazonses.com" &&
    results.methods.some(({ method, result }) => (method === "spf" || method === "dkim") && result === "pass")
  );
}
