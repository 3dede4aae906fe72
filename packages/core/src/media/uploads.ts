/** Asking for an upload, and what comes of the answer. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { context, user } from "../actor/index.ts";
import { now } from "../clock/index.ts";
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import * as id from "../id/index.ts";
import type { Traced } from "./consume.ts";
import { uploadKey } from "./names.ts";
import { limits } from "./picture/limits.ts";
import { presign } from "./presign.ts";
import { PermanentFailure, type State, type UploadForm, type Visibility, visibilities } from "./types.ts";

/** Time to begin an upload; one that has begun may take longer. */
export const uploadSeconds = 600;
/** Uploads that one person may have asked for and not made. */
export const mostPending = 100;

export const CreateUpload = z.object({
  visibility: z.enum(visibilities),
  /** For people; it is no part of any address. */
  filename: z
    .string()
    .trim()
    .min(1)
    .max(255)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, "must be a name without control characters")
    .optional(),
  /** What the form will say. What the bytes are is found out when they are there. */
  contentType: z
    .string()
    .toLowerCase()
    .max(100)
    .regex(/^image\/[a-z0-9][a-z0-9.+-]*$/, "must be the type of a picture, such as image/jpeg"),
  /** Exact, in bytes. */
  size: z.int().min(1).max(limits.bytes),
});

/** A name that the caller gives to a request, so that it may be repeated (the draft standard's Idempotency-Key). */
export const IdempotencyKey = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces");

export interface Upload {
  id: string;
  visibility: Visibility;
  /** Until when the form may be sent. */
  expiresAt: Date;
  upload: UploadForm;
}

/**
 * A media that waits for its bytes, and the form that takes them: of this key, size and type alone, for ten minutes. The
 * same `idempotencyKey` with the same request is answered with the same form.
 * @throws VisibleError `conflict` for the same key with another request; `rate_limited` when too many wait already.
 */
export const createUpload = fn(
  CreateUpload.extend({ idempotencyKey: IdempotencyKey.optional() }),
  async ({ idempotencyKey = null, ...request }): Promise<Upload> => {
    const { userId } = user();
    const requestHash = createHash("sha256")
      .update(JSON.stringify([request.visibility, request.filename, request.contentType, request.size]))
      .digest("hex");
    const mediaId = id.create("media");
    const expiresAt = new Date(now() + uploadSeconds * 1_000);
    const upload = await presign({ ...request, key: uploadKey(mediaId), seconds: uploadSeconds });
    return database.transaction(async (handle) => {
      // One request of a person after the other: they are counted, and one that is repeated finds the first.
      await handle.query("select from frontdesk.users where id = $1 for no key update", [userId]);
      const before = idempotencyKey && (await find(handle, userId, idempotencyKey));
      if (before) return again(before, requestHash);
      await refuseTooMany(handle, userId);
      const at = new Date(now());
      await handle.query(
        `insert into frontdesk.media
           (id, owner_id, visibility, state, filename, content_type, size, version, idempotency_key, request_hash, upload,
            expires_at, trace, created_at, updated_at)
         values ($1, $2, $3, 'pending', $4, $5, $6, 1, $7, $8, $9, $10, $11, $12, $12)`,
        [
          mediaId,
          userId,
          request.visibility,
          request.filename ?? null,
          request.contentType,
          request.size,
          idempotencyKey,
          requestHash,
          JSON.stringify(upload),
          expiresAt,
          context()?.trace ?? null,
          at,
        ],
      );
      return { id: mediaId, visibility: request.visibility, expiresAt, upload };
    });
  },
);

interface Before extends Omit<Upload, "upload"> {
  requestHash: string;
  upload: UploadForm | null;
}

async function find({ query }: Handle, userId: string, key: string): Promise<Before | undefined> {
  const [row] = await query<Before>(
    `select id, visibility, expires_at as "expiresAt", request_hash as "requestHash", upload
       from frontdesk.media where owner_id = $1 and idempotency_key = $2`,
    [userId, key],
  );
  return row;
}

function again({ requestHash, upload, ...before }: Before, asked: string): Upload {
  if (requestHash !== asked)
    throw new VisibleError(
      "conflict",
      "idempotency_key_reused",
      "This Idempotency-Key came with another request: use a new one.",
    );
  if (!upload) throw new VisibleError("gone", "media_deleted", "What this upload became was deleted.");
  return { ...before, upload };
}

async function refuseTooMany({ query }: Handle, userId: string): Promise<void> {
  const [row] = await query<{ count: number; first: Date | null }>(
    `select count(*)::int, min(expires_at) as first from frontdesk.media
      where owner_id = $1 and state = 'pending' and expires_at > $2`,
    [userId, new Date(now())],
  );
  if (!row || row.count < mostPending) return;
  throw new VisibleError(
    "rate_limited",
    "too_many_uploads",
    `${mostPending} uploads wait for their files already: send them, or wait until they expire.`,
    { retryAfter: Math.max(1, Math.ceil(((row.first?.getTime() ?? 0) - now()) / 1_000)) },
  );
}

/**
 * Where the bytes of an upload are.
 * @throws PermanentFailure when nobody asked for it.
 */
export async function arrivedUpload(mediaId: string): Promise<Traced> {
  const [row] = await database.use(({ query }) =>
    query<{ visibility: Visibility; state: State; trace: string | null }>(
      "select visibility, state, trace from frontdesk.media where id = $1 and attachment_id is null",
      [mediaId],
    ),
  );
  if (!row) throw new PermanentFailure("upload_unknown", "nobody asked for an upload under this key");
  return { id: mediaId, key: uploadKey(mediaId), visibility: row.visibility, trace: row.trace };
}
