/**
 * Receipt handles: they name the message and the receive that they were given for, so that an earlier handle is known
 * as such, also after a restart.
 */
import { createHash } from "node:crypto";

export interface Receipt {
  messageId: string;
  /** The message's receive count when the handle was given. */
  receive: number;
}

const PREFIX = "AQEB";
const LENGTH = 16 + 4 + 8;

export function createReceipts(queueArn: string): {
  write(receipt: Receipt): string;
  /** @returns undefined for what is no handle of this queue. */
  read(handle: string): Receipt | undefined;
} {
  const mark = createHash("sha256").update(queueArn).digest().subarray(0, 8);
  return {
    write({ messageId, receive }) {
      const bytes = Buffer.alloc(LENGTH);
      bytes.write(messageId.replaceAll("-", ""), 0, "hex");
      bytes.writeUInt32BE(receive, 16);
      mark.copy(bytes, 20);
      return PREFIX + bytes.toString("base64");
    },
    read(handle) {
      if (!handle.startsWith(PREFIX)) return undefined;
      const bytes = Buffer.from(handle.slice(PREFIX.length), "base64");
      if (bytes.length !== LENGTH || !bytes.subarray(20).equals(mark)) return undefined;
      const hex = bytes.toString("hex", 0, 16);
      return {
        messageId: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`,
        receive: bytes.readUInt32BE(16),
      };
    },
  };
}
