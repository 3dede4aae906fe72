/** SES receiving: an SMTP endpoint in each region that has receipt rules. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Cloud, Part, Ports } from "../cloud/types.ts";
import type { ReceiptRuleSpec } from "../plan/types.ts";
import { applyRules, Rejected } from "./actions.ts";
import { inOrder, matches } from "./rules.ts";
import { type Endpoint, LARGEST_MESSAGE, openEndpoint, type Transaction } from "./server.ts";
import { announceRules } from "./setup.ts";
import { spool } from "./spool.ts";
import { createMessageId, createTrace, type Envelope } from "./stamp.ts";
import { judge, parseOverrides, type Verdicts } from "./verdicts.ts";

export interface MailReceiverOptions {
  /** Port by region; chosen by the system by default. */
  ports?: Record<string, number>;
}
export interface MailReceiver extends Part {
  start(): Promise<void>;
  /** SMTP port of a region. */
  port(region: string): number;
  /** What SES finds from now on, until it is reset. A message's own `X-Local-SES-Verdicts` header comes before. */
  verdicts: { set(verdicts: Partial<Verdicts>): void; reset(): void };
}

export function createMailReceiver(
  cloud: Cloud,
  ports: Ports,
  options: MailReceiverOptions = {},
): MailReceiver {
  const endpoints = new Map<string, Endpoint>();
  let overrides: Partial<Verdicts> = {};
  let folder = "";

  function activeRules(region: string): ReceiptRuleSpec[] {
    const active = cloud.plan.activeRuleSets[region];
    const rules = cloud.plan.receiptRules.filter((rule) => rule.region === region && rule.ruleSet === active);
    // Ordered before the disabled ones go: another rule may stand behind one of them.
    return inOrder(rules).filter((rule) => rule.enabled);
  }

  async function startRegion(region: string) {
    const rules = activeRules(region);
    if (cloud.plan.activeRuleSets[region] === undefined)
      cloud.log(`smtp: no receipt rule set is active in ${region}; all mail is refused there`);
    const host = `inbound-smtp.${region}.amazonaws.com`;
    const endpoint = await openEndpoint({
      region,
      tls: await cloud.ca.issue([host, "localhost", "127.0.0.1"]),
      port: options.ports?.[region],
      checkRecipient(address, secure) {
        const matching = rules.filter((rule) => matches(rule, address));
        if (matching.length === 0) throw new Rejected(550, "5.1.1 Mailbox does not exist");
        if (!secure && matching.some((rule) => rule.tlsPolicy === "Require"))
          throw new Rejected(530, "5.7.0 Must issue a STARTTLS command first");
      },
      receive: (transaction, data) => receive(region, rules, transaction, data),
      log: cloud.log,
    });
    endpoints.set(region, endpoint);
    cloud.addresses.add(host, 25, { port: endpoint.port });
    await announceRules(cloud, ports, rules);
  }

  async function receive(
    region: string,
    rules: ReceiptRuleSpec[],
    transaction: Transaction,
    data: Parameters<typeof spool>[0],
  ): Promise<string> {
    const receivedAt = cloud.clock.now();
    const messageId = createMessageId();
    const trace = createTrace(receivedAt);
    const envelope: Envelope = { region, messageId, trace, receivedAt, ...transaction };
    const message = await spool(data, join(folder, messageId), LARGEST_MESSAGE);
    if (!message) throw new Rejected(552, "5.3.4 Message too large");
    try {
      const verdicts = judge(message.found, overrides, ...message.overrides.map(readOverrides));
      const { keys } = await applyRules(cloud, ports, rules, { envelope, message, verdicts });
      cloud.observer.record("smtp.accepted", transaction.recipients[0] ?? region, trace, {
        messageId,
        recipients: transaction.recipients,
        size: message.size,
        key: keys[0],
        receivedAt,
      });
      return messageId;
    } finally {
      await message.remove();
    }
  }

  return {
    async start() {
      // What a run that was killed was receiving: its senders have had no answer and come again.
      rmSync(join(cloud.state.folder("smtp"), "spool"), { recursive: true, force: true });
      folder = cloud.state.folder("smtp", "spool");
      const regions = new Set([
        ...Object.keys(cloud.plan.activeRuleSets),
        ...cloud.plan.receiptRules.map((rule) => rule.region),
      ]);
      for (const region of regions) await startRegion(region);
    },
    async stop() {
      await Promise.all([...endpoints.values()].map((endpoint) => endpoint.close()));
      endpoints.clear();
    },
    port(region) {
      const endpoint = endpoints.get(region);
      if (!endpoint) throw new Error(`no mail is received in ${region}: the app has no receipt rules there`);
      return endpoint.port;
    },
    verdicts: {
      set: (verdicts) => {
        overrides = { ...overrides, ...verdicts };
      },
      reset: () => {
        overrides = {};
      },
    },
  };
}

function readOverrides(text: string): Partial<Verdicts> {
  try {
    return parseOverrides(text);
  } catch (error) {
    throw new Rejected(554, `5.6.0 ${(error as Error).message}`);
  }
}
