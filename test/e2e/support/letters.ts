/** Mail of our own writing. */
import { randomUUID } from "node:crypto";
import nodemailer, { type SendMailOptions } from "nodemailer";
import type { Outgoing } from "../../../scripts/demo/messages.ts";

const composer = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: "windows" });

export interface Letter extends Outgoing {
  /** Message-ID without brackets. */
  headerId: string;
}

/** @param recipients RCPT TO, and To unless `mail` says otherwise. */
export async function letter(recipients: string[], mail: SendMailOptions = {}): Promise<Letter> {
  const headerId = `${randomUUID()}@candidates.example.com`;
  const { message } = await composer.sendMail({
    from: "Noor Field <noor@candidates.example.com>",
    to: recipients,
    subject: `About ${headerId.slice(0, 8)}`,
    text: "Good morning.\r\n",
    messageId: `<${headerId}>`,
    ...mail,
  });
  if (!Buffer.isBuffer(message)) throw new Error("the letter was not composed");
  return { label: headerId, from: "noor@candidates.example.com", recipients, raw: message, headerId };
}

/** A message given as its bytes. */
export function rawLetter(recipients: string[], head: string[], body: Buffer | string): Letter {
  const headerId = `${randomUUID()}@candidates.example.com`;
  const fields = ["From: noor@candidates.example.com", `To: ${recipients[0]}`, `Message-ID: <${headerId}>`];
  return {
    label: headerId,
    from: "noor@candidates.example.com",
    recipients,
    headerId,
    raw: Buffer.concat([
      Buffer.from(`${[...fields, ...head].join("\r\n")}\r\n\r\n`, "latin1"),
      typeof body === "string" ? Buffer.from(body) : body,
    ]),
  };
}
