/** `raw_mail`: what is known of each object, from however many notices. */
import { now } from "../clock/index.ts";
import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import * as id from "../id/index.ts";
import * as trace from "../trace/index.ts";
import type { Notice, Verdicts } from "./notices.ts";

export type RawState = "received" | "stored" | "quarantined" | "failed";

export interface Raw {
  id: string;
  bucket: string;
  key: string;
  messageId: string;
  state: RawState;
  size: number | null;
  recipients: string[];
  verdicts: Verdicts | null;
  sesNoticeAt: Date | null;
  envelopeApplied: boolean;
  receivedAt: Date;
  trace: string;
  /** Who has it in work. */
  claimedBy: string | null;
}

const fields = `
  r.id, r.bucket, r.object_key as key, r.message_id as "messageId", r.state, r.size, r.recipients, r.verdicts,
  r.ses_notice_at as "sesNoticeAt", r.envelope_applied as "envelopeApplied", r.received_at as "receivedAt",
  r.trace, r.claimed_by as "claimedBy"`;

/** How long nobody else needs to start on an object that somebody has in work. */
const claimMs = 30_000;

export const isDone = ({ state }: Raw) => state === "stored" || state === "quarantined";

/**
 * Writes down what the notices tell, and takes the objects that are neither done nor in somebody else's work.
 * @param by Names this batch; `claimedBy` of what was taken is the same.
 */
export async function register(notices: readonly Notice[], by: string): Promise<Raw[]> {
  const at = now();
  const rows = mergeByObject(notices).map((merged) => ({
    id: id.create("raw"),
    bucket: merged.bucket,
    object_key: merged.key,
    message_id: id.create("message"),
    state: "received",
    size: merged.size ?? null,
    s3_notice_at: merged.sources.has("s3") ? new Date(at) : null,
    ses_notice_at: merged.sources.has("ses") ? new Date(at) : null,
    envelope_from: merged.envelopeFrom ?? null,
    recipients: merged.recipients,
    verdicts: merged.verdicts ?? null,
    received_at: Number.isNaN(merged.at.getTime()) ? new Date(at) : merged.at,
    trace: trace.ofObjectKey(merged.key),
    claimed_by: by,
    claimed_until: new Date(at + claimMs),
    created_at: new Date(at),
    updated_at: new Date(at),
  }));
  return database.use((handle) =>
    database.insertRows<(typeof rows)[number], Raw>(
      handle,
      "raw_mail as r",
      [
        ["id", "text"],
        ["bucket", "text"],
        ["object_key", "text"],
        ["message_id", "text"],
        ["state", "text"],
        ["size", "int8"],
        ["s3_notice_at", "timestamptz"],
        ["ses_notice_at", "timestamptz"],
        ["envelope_from", "text"],
        ["recipients", "text[]"],
        ["verdicts", "jsonb"],
        ["received_at", "timestamptz"],
        ["trace", "text"],
        ["claimed_by", "text"],
        ["claimed_until", "timestamptz"],
        ["created_at", "timestamptz"],
        ["updated_at", "timestamptz"],
      ],
      rows,
      `on conflict (bucket, object_key) do update set
         size = coalesce(excluded.size, r.size),
         s3_notice_at = coalesce(r.s3_notice_at, excluded.s3_notice_at),
         ses_notice_at = coalesce(r.ses_notice_at, excluded.ses_notice_at),
         envelope_from = coalesce(r.envelope_from, excluded.envelope_from),
         recipients = array(select distinct unnest(r.recipients || excluded.recipients) order by 1),
         envelope_applied = r.envelope_applied and r.recipients @> excluded.recipients,
         verdicts = coalesce(excluded.verdicts, r.verdicts),
         received_at = least(r.received_at, excluded.received_at),
         claimed_by = case when ${isFree} then excluded.claimed_by else r.claimed_by end,
         claimed_until = case when ${isFree} then excluded.claimed_until else r.claimed_until end,
         updated_at = excluded.updated_at
       returning ${fields}`,
    ),
  );
}

const isFree = `(r.state in ('received', 'failed') and (r.claimed_until is null or r.claimed_until <= excluded.created_at))`;

/** One row an object, sorted, so that two batches with the same objects lock them in one order. */
function mergeByObject(notices: readonly Notice[]) {
  const merged = new Map<string, Omit<Notice, "source"> & { sources: Set<Notice["source"]> }>();
  for (const { source, ...notice } of notices) {
    const name = `${notice.bucket}/${notice.key}`;
    const before = merged.get(name);
    merged.set(name, {
      ...before,
      ...notice,
      at: before && before.at < notice.at ? before.at : notice.at,
      recipients: [...new Set([...(before?.recipients ?? []), ...notice.recipients])],
      sources: new Set([...(before?.sources ?? []), source]),
    });
  }
  return [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, notice]) => notice);
}

/** Locks rows until the end of the transaction and reads them as they are now. */
export async function lock({ query }: Handle, ids: readonly string[]): Promise<Map<string, Raw>> {
  const rows = await query<Raw>(
    `select ${fields} from frontdesk.raw_mail r where r.id = any($1) order by r.id for no key update`,
    [ids],
  );
  return new Map(rows.map((raw) => [raw.id, raw]));
}

export async function read(ids: readonly string[]): Promise<Raw[]> {
  return database.use(({ query }) =>
    query<Raw>(`select ${fields} from frontdesk.raw_mail r where r.id = any($1)`, [ids]),
  );
}

/** Objects that could not be taken in, so that the next delivery starts at once and the reader sees why. */
export async function markFailed(failed: readonly { rawId: string; cause: string }[]): Promise<void> {
  if (failed.length === 0) return;
  await database.use(({ query }) =>
    query(
      `update frontdesk.raw_mail r
          set state = 'failed', cause = g.cause, claimed_by = null, claimed_until = null, updated_at = $3
         from unnest($1::text[], $2::text[]) as g (id, cause)
        where r.id = g.id and r.state in ('received', 'failed')`,
      [failed.map(({ rawId }) => rawId), failed.map(({ cause }) => cause), new Date(now())],
    ),
  );
}
