/** Frames of RFC 6455 as far as API Gateway's quotas and an efficient fan-out need them. */

/** WebSocket API quotas. */
export const MAX_FRAME_BYTES = 32 * 1024;
export const MAX_MESSAGE_BYTES = 128 * 1024;

/**
 * A text message as the bytes of its unmasked frames, none longer than 32 KB. The same frames serve every connection.
 */
export function frameText(data: Buffer): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  do {
    const part = data.subarray(at, at + MAX_FRAME_BYTES);
    const final = at + part.length >= data.length;
    parts.push(frameHeader(at === 0 ? 0x1 : 0x0, final, part.length), part);
    at += part.length;
  } while (at < data.length);
  return Buffer.concat(parts);
}

function frameHeader(opcode: number, final: boolean, length: number): Buffer {
  const first = (final ? 0x80 : 0) | opcode;
  if (length < 126) return Buffer.from([first, length]);
  // 126 announces a length of 16 bits; nothing longer is framed here.
  return Buffer.from([first, 126, length >> 8, length & 0xff]);
}

/**
 * Watches the frames of one client go by: `ws` limits messages, not frames.
 * @returns true when a frame's announced payload is longer than API Gateway takes. Never keeps payload.
 */
export function createFrameMeter(limit = MAX_FRAME_BYTES): (chunk: Buffer) => boolean {
  let header = Buffer.alloc(0);
  let payloadLeft = 0;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (payloadLeft > 0) {
        const skipped = Math.min(payloadLeft, chunk.length - at);
        payloadLeft -= skipped;
        at += skipped;
        continue;
      }
      header = Buffer.concat([header, chunk.subarray(at, at + 1)]);
      at += 1;
      const length = payloadLength(header);
      if (length === undefined) continue;
      if (length > limit) return true;
      header = Buffer.alloc(0);
      payloadLeft = length;
    }
    return false;
  };
}

/** Undefined until the header is complete, masking key included. */
function payloadLength(header: Buffer): number | undefined {
  const second = header[1];
  if (second === undefined) return undefined;
  const short = second & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  const mask = second & 0x80 ? 4 : 0;
  if (header.length < 2 + extended + mask) return undefined;
  if (extended === 0) return short;
  return extended === 2 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2));
}
