/** From an object that arrived to the sizes of its picture. Each step may be repeated, and killed after. */

import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import { fault } from "../faults/index.ts";
import * as log from "../log/index.ts";
import * as contents from "./contents.ts";
import { change } from "./events.ts";
import { variantKey } from "./names.ts";
import { ReadFailure, read, write } from "./objects.ts";
import { Refusal } from "./picture/refusal.ts";
import { pictures } from "./pictures.ts";
import type { State, Visibility } from "./types.ts";

export interface Arrived {
  id: string;
  visibility: Visibility;
  /** Where its bytes are, in the home bucket. */
  key: string;
}

/**
 * @param by Whoever works on it; another one waits for what this one has begun.
 * @throws ReadFailure when the bytes cannot be had, or whatever S3 and the database have to say: the next try helps.
 */
export async function makeSizes({ id, visibility, key }: Arrived, by: string): Promise<void> {
  if (!(await begin(id))) return;
  await fault("media.process.begun");
  const bytes = await read(key).catch(async (error: unknown) => {
    // Deleted meanwhile, and its file with it.
    if (error instanceof ReadFailure && !(await begin(id))) return null;
    throw error;
  });
  await fault("media.process.read");
  if (bytes === null) return;
  if (!bytes)
    return refuse(id, { code: "picture_too_large", message: "The file is larger than pictures may be." });
  const { inspect } = await pictures();
  const inspection = await inspect(bytes).catch((error: unknown) => {
    if (error instanceof Refusal) return error;
    throw error;
  });
  if (inspection instanceof Refusal) return refuse(id, inspection);

  const content = await contents.claim(id, { visibility, sha256: inspection.sha256 }, by);
  await fault("media.process.claimed");
  if (content === undefined) return;
  try {
    await make(content, visibility, bytes, inspection, by);
  } catch (error) {
    if (error instanceof Refusal) return contents.refuse(content, reason(error));
    await contents.release(content, by);
    throw error;
  }
}

type Inspection = Awaited<ReturnType<Awaited<ReturnType<typeof pictures>>["inspect"]>>;

async function make(
  content: string,
  visibility: Visibility,
  bytes: Buffer,
  inspection: Inspection,
  by: string,
): Promise<void> {
  const { derive, placeholder } = await pictures();
  // All sizes together are a small part of what decoding took.
  const made = [];
  for await (const { width, height, format, contentType, bytes: encoded } of derive(bytes, inspection))
    made.push({
      key: variantKey(visibility, content, { width, format }),
      format,
      contentType,
      width,
      height,
      size: encoded.byteLength,
      bytes: encoded,
    });
  const smallest = made.toSorted((a, b) => a.width - b.width)[0];
  if (!smallest) throw new Error("a picture without sizes");
  const preview = await placeholder(smallest.bytes);
  const variants = made.map(({ bytes: _, ...variant }) => variant);
  if (!(await contents.plan(content, variants, by))) return;
  await fault("media.process.planned");
  await write(made);
  await fault("media.process.written");
  const { width, height } = inspection;
  await contents.finish(content, {
    width,
    height,
    averageColour: preview.colour,
    placeholder: preview.dataUrl,
  });
  await fault("media.process.finished");
}

/** States from which bytes that arrive are looked at. One that came too late, or was given up, may still become something. */
const open = `(state in ('pending', 'expired', 'processing')
  or state = 'refused' and refusal_code = 'processing_failed')`;

/** @returns Whether there is something to do. */
function begin(id: string): Promise<boolean> {
  return database.transaction(
    async (handle: Handle) => {
      const [row] = await handle.query<{ state: State; open: boolean }>(
        `select state, ${open} as open from frontdesk.media where id = $1 for no key update`,
        [id],
      );
      if (!row?.open) return false;
      if (row.state !== "processing")
        await change(handle, { state: "processing" }, [row.state], "m.id = $5", [id]);
      return true;
    },
    { repeatable: true },
  );
}

async function refuse(id: string, refusal: { code: string; message: string }): Promise<void> {
  log.info("a picture is refused", { media: id, code: refusal.code });
  await database.transaction(
    (handle) =>
      change(handle, { state: "refused", refusal: reason(refusal) }, ["processing"], "m.id = $5", [id]),
    { repeatable: true },
  );
}

const reason = ({ code, message }: { code: string; message: string }) => ({ code, message });
