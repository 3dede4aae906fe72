/** What SES knows of a message it received, and the header fields it puts in front because of it. */
import { randomBytes, randomInt } from "node:crypto";
import type { Header } from "./headers.ts";
import { splitAddresses } from "./headers.ts";
import type { VerdictStatus, Verdicts } from "./verdicts.ts";

export interface Envelope {
  region: string;
  messageId: string;
  /** X-Ray root made when the message was taken. */
  trace: string;
  /** Milliseconds of the local clock. */
  receivedAt: number;
  /** MAIL FROM; empty for bounces. */
  source: string;
  /** RCPT TO, all that were accepted. */
  recipients: string[];
  helo: string;
  remoteAddress: string;
}

/** Forty characters of base 32, as SES names objects. */
export function createMessageId(): string {
  const alphabet = "0123456789abcdefghijklmnopqrstuv";
  return Array.from({ length: 40 }, () => alphabet.charAt(randomInt(32))).join("");
}

/** `Root=1-<seconds in hexadecimal>-<96 random bits>`: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html */
export function createTrace(now: number): string {
  const seconds = Math.floor(now / 1000)
    .toString(16)
    .padStart(8, "0");
  return `Root=1-${seconds}-${randomBytes(12).toString("hex")}`;
}

/** `Fri, 11 Sep 2015 20:32:33 +0000 (UTC)` */
function date(at: number) {
  return new Date(at).toUTCString().replace("GMT", "+0000 (UTC)");
}

/** One line of visible characters: whoever greets or is addressed must not write header fields of ours. */
function clean(text: string) {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, "").slice(0, 320);
}

/**
 * The fields in SES's order and folding. Spam and virus verdicts are there only when the rule has scanning on. The
 * signature field has SES's shape and no signature: there is no key of Amazon's here.
 *
 * @param headers The message's own, for the domain that DKIM and DMARC speak of.
 */
export function stamp(
  envelope: Envelope,
  headers: Header[],
  verdicts: Verdicts,
  scanned: boolean,
  added: Header[],
): Buffer {
  const helo = clean(envelope.helo) || "unknown";
  const address = clean(envelope.remoteAddress);
  const source = clean(envelope.source);
  const domain = source.slice(source.lastIndexOf("@") + 1) || helo;
  const from = headers.find(({ name }) => name.toLowerCase() === "from")?.value ?? "";
  const sender = clean(splitAddresses(from)[0]?.address ?? "");
  const senderDomain = sender.slice(sender.lastIndexOf("@") + 1) || domain;
  const spf = `${spfResult(verdicts.spf, domain, address)} client-ip=${address}; envelope-from=${source}; helo=${helo};`;
  const by = `by inbound-smtp.${envelope.region}.amazonaws.com with SMTP id ${envelope.messageId}`;
  const [recipient, ...others] = envelope.recipients;
  const lines = [
    `Return-Path: <${source}>`,
    `Received: from ${helo} (${address === "127.0.0.1" ? "localhost" : "unknown"} [${address}])`,
    // With several recipients none is named: one must not learn of another, who may be in Bcc.
    ...(recipient !== undefined && others.length === 0
      ? [` ${by}`, ` for ${clean(recipient)};`]
      : [` ${by};`]),
    ` ${date(envelope.receivedAt)}`,
    ...(scanned ? [`X-SES-Spam-Verdict: ${verdicts.spam}`, `X-SES-Virus-Verdict: ${verdicts.virus}`] : []),
    `Received-SPF: ${spf}`,
    "Authentication-Results: amazonses.com;",
    ` spf=${spf}`,
    ` dkim=${result(verdicts.dkim)} header.i=@${senderDomain};`,
    ` dmarc=${result(verdicts.dmarc)} header.from=${senderDomain};`,
    `X-SES-RECEIPT: ${Buffer.from(`AAAAAAAAAAA${envelope.messageId}`).toString("base64")}`,
    `X-SES-DKIM-SIGNATURE: a=rsa-sha256; q=dns/txt; b=; c=relaxed/simple; s=unsigned; d=amazonses.com; t=${Math.floor(envelope.receivedAt / 1000)}; v=1; bh=; h=From:To:Cc:Bcc:Subject:Date:Message-ID:MIME-Version:Content-Type:X-SES-RECEIPT;`,
    ...added.map(({ name, value }) => `${name}: ${value.replace(/[\r\n]+/g, " ")}`),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n`);
}

/** RFC 8601 has its own words. */
function result(status: VerdictStatus) {
  return { PASS: "pass", FAIL: "fail", GRAY: "none", PROCESSING_FAILED: "temperror" }[status];
}

function spfResult(status: VerdictStatus, domain: string, address: string) {
  const reason = {
    PASS: `domain of ${domain} designates ${address} as permitted sender`,
    FAIL: `domain of ${domain} does not designate ${address} as permitted sender`,
    GRAY: `${address} is neither permitted nor denied by domain of ${domain}`,
    PROCESSING_FAILED: `error in processing during lookup of ${domain}`,
  }[status];
  return `${result(status)} (spfCheck: ${reason})`;
}
