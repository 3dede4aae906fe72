/**
 * Which receipt rules a recipient falls under.
 * https://docs.aws.amazon.com/ses/latest/dg/receiving-email-receipt-rules-console-walkthrough.html
 */
import type { ReceiptRuleSpec } from "../plan/types.ts";

/** The rules of a set in the order they are applied: each one stands behind the rule that its `after` names. */
export function inOrder(rules: ReceiptRuleSpec[]): ReceiptRuleSpec[] {
  const names = new Set(rules.map((rule) => rule.name));
  const followers = new Map<string | undefined, ReceiptRuleSpec[]>();
  for (const rule of rules) {
    const leader = rule.after !== undefined && names.has(rule.after) ? rule.after : undefined;
    followers.set(leader, [...(followers.get(leader) ?? []), rule]);
  }
  const ordered: ReceiptRuleSpec[] = [];
  const place = (leader: string | undefined) => {
    for (const rule of followers.get(leader) ?? []) {
      ordered.push(rule);
      place(rule.name);
    }
  };
  place(undefined);
  return ordered;
}

/**
 * `user@example.com` matches that address, with any label (`user+label@example.com`) unless it names one itself;
 * `example.com` every address of the domain; `.example.com` every address of its subdomains. Without conditions a
 * rule matches whatever the account may receive.
 */
export function matches(rule: ReceiptRuleSpec, recipient: string): boolean {
  if (rule.recipients.length === 0) return true;
  const address = recipient.toLowerCase();
  const at = address.lastIndexOf("@");
  const local = address.slice(0, at);
  const domain = address.slice(at + 1);
  return rule.recipients.some((condition) => {
    const wanted = condition.toLowerCase();
    if (wanted.includes("@"))
      return wanted === address || wanted === `${local.replace(/\+.*$/, "")}@${domain}`;
    return wanted.startsWith(".") ? domain.endsWith(wanted) : domain === wanted;
  });
}

export function ruleArn(rule: ReceiptRuleSpec, accountId: string): string {
  return `arn:aws:ses:${rule.region}:${accountId}:receipt-rule-set/${rule.ruleSet}:receipt-rule/${rule.name}`;
}
