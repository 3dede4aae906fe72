/** Whose message it is. Pure. */
import type { ParsedMail } from "../mime/index.ts";
import { isProvenGoogle, receivedBySes } from "./trust.ts";

export type RecipientSource = "envelope" | "received" | "google" | "header";

export interface Addressed {
  source: RecipientSource;
  addresses: string[];
}

/**
 * Whom a message is for, as long as SES's notice with the envelope has not come: SES's own topmost Received names one
 * recipient; then Google's headers, if they are Google's; at last To and Cc, which say what the sender says.
 */
export function recipientsOf(mail: ParsedMail): Addressed {
  const named = receivedBySes(mail) ? (mail.receivedTop?.for ?? []) : [];
  if (named.length > 0) return { source: "received", addresses: named };
  const google = mail.googleHeaders.originalTo;
  if (google.length > 0 && isProvenGoogle(mail)) return { source: "google", addresses: google };
  return { source: "header", addresses: [...mail.to, ...mail.cc].map(({ address }) => address) };
}

/**
 * Mailboxes of the addresses. Case does not matter (nobody's servers tell it apart), a plus tag is the recipient's own
 * (RFC 5233), a subdomain is another host.
 * @param mailboxes Identifier by address in lower case.
 */
export function mailboxesOf(addresses: readonly string[], mailboxes: ReadonlyMap<string, string>): string[] {
  const found = new Set<string>();
  for (const address of addresses) {
    const mailbox = mailboxes.get(normalise(address)) ?? mailboxes.get(withoutTag(normalise(address)));
    if (mailbox !== undefined) found.add(mailbox);
  }
  return [...found].sort();
}

/** Whether an address is one of ours, so nobody's participation in a thread. */
export function isOurs(address: string, mailboxes: ReadonlyMap<string, string>): boolean {
  return mailboxesOf([address], mailboxes).length > 0;
}

export function normalise(address: string): string {
  return address.trim().toLowerCase().replace(/\.$/, "");
}

function withoutTag(address: string): string {
  const at = address.lastIndexOf("@");
  const plus = address.indexOf("+");
  return plus > 0 && plus < at ? address.slice(0, plus) + address.slice(at) : address;
}

export function domainOf(address: string): string {
  return normalise(address).slice(address.lastIndexOf("@") + 1);
}
