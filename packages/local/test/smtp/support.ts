import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createAddresses } from "../../src/cloud/addresses.ts";
import { createClock } from "../../src/cloud/clock.ts";
import { createFaults } from "../../src/cloud/faults.ts";
import { createObserver } from "../../src/cloud/observer.ts";
import { openState } from "../../src/cloud/state.ts";
import type { Cloud, Observation, Ports, Principal } from "../../src/cloud/types.ts";
import type { Plan, ReceiptRuleSpec } from "../../src/plan/types.ts";
import { createMailReceiver } from "../../src/smtp/index.ts";
import { openCertificateAuthority } from "../../src/tls/ca.ts";

export const region = "us-east-1";
export const topicArn = "arn:aws:sns:us-east-1:123456789012:mail";
export const storeAction = { kind: "s3", bucket: "mail", prefix: "raw/", topicArn } as const;

export function rule(changes: Partial<ReceiptRuleSpec> = {}): ReceiptRuleSpec {
  return {
    name: "inbound",
    ruleSet: "set",
    region,
    enabled: true,
    scanEnabled: true,
    recipients: ["example.com"],
    actions: [storeAction],
    ...changes,
  };
}

export interface Stored {
  principal: Principal;
  bucket: string;
  key: string;
  body: string;
  streamed: boolean;
  trace: string | undefined;
}
export interface Notice {
  notificationType: string;
  mail: Record<string, unknown> & {
    headers: { name: string; value: string }[];
    commonHeaders: Record<string, unknown>;
  };
  receipt: Record<string, unknown>;
  content?: string;
}
export interface Published {
  principal: Principal;
  topicArn: string;
  subject: string | undefined;
  trace: string | undefined;
  notice: Notice;
}

/** A receiver whose ports write down what they are asked. */
export async function startReceiver(
  rules: ReceiptRuleSpec[],
  options: { root?: string; active?: Record<string, string> } = {},
) {
  const root = options.root ?? mkdtempSync(join(tmpdir(), "smtp-test-"));
  const state = openState(root);
  const clock = createClock();
  const objects: Stored[] = [];
  const published: Published[] = [];
  const invoked: { arn: string; event: Record<string, unknown>; async: boolean; traces: string[] }[] = [];
  const observations: Observation[] = [];
  const lines: string[] = [];
  const behaviour: {
    put?: () => Promise<void>;
    publish?: () => void;
    answer?: string;
    functionError?: "Unhandled";
  } = {};
  const observer = createObserver(clock);
  observer.on((observation) => observations.push(observation));
  const cloud: Cloud = {
    plan: {
      accountId: "123456789012",
      receiptRules: rules,
      activeRuleSets: options.active ?? { [region]: "set" },
    } as unknown as Plan,
    clock,
    faults: createFaults(),
    observer,
    authoriser: { authorise() {} },
    state,
    addresses: createAddresses(),
    ca: await openCertificateAuthority(state),
    log: (line) => lines.push(line),
  };
  const ports = {
    s3: {
      async put(principal, bucket, key, body, { trace } = {}) {
        const chunks: Buffer[] = [];
        if (body instanceof Readable) for await (const chunk of body) chunks.push(chunk);
        else chunks.push(body);
        await behaviour.put?.();
        const whole = Buffer.concat(chunks);
        objects.push({
          principal,
          bucket,
          key,
          body: whole.toString("latin1"),
          streamed: body instanceof Readable,
          trace,
        });
        return { etag: "e", size: whole.length };
      },
    },
    sns: {
      async publish(principal, topic, { message, subject, trace }) {
        behaviour.publish?.();
        published.push({ principal, topicArn: topic, subject, trace, notice: JSON.parse(message) });
        return { messageId: "m" };
      },
    },
    lambda: {
      async invoke(_principal, arn, event, { traces = [] } = {}) {
        invoked.push({ arn, event: event as Record<string, unknown>, async: false, traces });
        return {
          payload: behaviour.answer ?? "null",
          durationMs: 1,
          ...(behaviour.functionError && { functionError: behaviour.functionError }),
        };
      },
      async invokeAsync(_principal, arn, event, { traces = [] } = {}) {
        invoked.push({ arn, event: event as Record<string, unknown>, async: true, traces });
      },
    },
  } as Partial<Ports> as Ports;
  const mail = createMailReceiver(cloud, ports);
  await mail.start();
  return {
    root,
    cloud,
    mail,
    lines,
    invoked,
    observations,
    behaviour,
    /** Without what announced the rules. */
    get objects() {
      return objects.filter(({ key }) => !key.endsWith("AMAZON_SES_SETUP_NOTIFICATION"));
    },
    get published() {
      return published.filter(({ notice }) => notice.mail.messageId !== "AMAZON_SES_SETUP_NOTIFICATION");
    },
    announced: () => objects.filter(({ key }) => key.endsWith("AMAZON_SES_SETUP_NOTIFICATION")),
    announcedNotices: () =>
      published.filter(({ notice }) => notice.mail.messageId === "AMAZON_SES_SETUP_NOTIFICATION"),
    async stop() {
      await mail.stop();
      clock.stop();
      if (!options.root) rmSync(root, { recursive: true, force: true });
    },
  };
}

/** SMTP by hand: what is sent is what is written. */
export class Client {
  readonly socket: Socket;
  #received = "";
  #wake = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received += chunk.toString("latin1");
      this.#wake();
    });
    socket.on("close", () => this.#wake());
    socket.on("error", () => {});
  }

  static async connect(port: number): Promise<Client> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    const client = new Client(socket);
    await client.reply();
    return client;
  }
  /** A whole reply, all its lines; empty when the connection has ended. */
  async reply(): Promise<string> {
    for (;;) {
      const whole = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(this.#received)?.[0];
      if (whole !== undefined) {
        this.#received = this.#received.slice(whole.length);
        return whole.trim();
      }
      if (this.socket.closed) return "";
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
  async say(text: string): Promise<string> {
    this.socket.write(Buffer.from(`${text}\r\n`, "latin1"));
    return this.reply();
  }
  /** Greets, names the envelope, and sends bytes as the data phase; returns the last answer. */
  async send(data: string | Buffer, to = ["jobs@example.com"], from = "ada@sender.example"): Promise<string> {
    await this.say("EHLO mail.sender.example");
    await this.say(`MAIL FROM:<${from}>`);
    for (const recipient of to) {
      const answer = await this.say(`RCPT TO:<${recipient}>`);
      if (!answer.startsWith("250")) return answer;
    }
    await this.say("DATA");
    this.socket.write(data);
    return this.say("\r\n.");
  }
  close() {
    this.socket.destroy();
  }
}

export const message = (body = "Hello", headers: string[] = []) =>
  ["From: Ada <ada@sender.example>", "To: jobs@example.com", "Subject: Hi", ...headers, "", body].join(
    "\r\n",
  );
