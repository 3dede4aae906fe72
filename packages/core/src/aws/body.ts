import type { Readable } from "node:stream";

/**
 * The bytes of an object, from its stream, which is cut off at a limit whatever the object's length says.
 * @param most Bytes.
 * @param beyond What is returned, or thrown, for an object of at least `size` bytes, more than `most`.
 */
export async function collect<T>(
  body: Readable,
  most: number,
  beyond: (size: number) => T,
): Promise<Buffer | T> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > most) {
      body.destroy();
      return beyond(size);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
