/** The email queue's records to stored messages. */
import { randomUUID } from "node:crypto";
import { sleep } from "../clock/index.ts";
import { config } from "../config/index.ts";
import { describe, VisibleError } from "../error/index.ts";
import { type Failure, record, refuse } from "../failures/index.ts";
import { fault } from "../faults/index.ts";
import * as log from "../log/index.ts";
import { parseMail } from "../mime/index.ts";
import { inParallel } from "../outbox/schedule.ts";
import { applyEnvelopes } from "./envelopes.ts";
import { MalformedNotice, type Notice, parseNotices } from "./notices.ts";
import { MemoryBudget, putAttachments, readMail } from "./objects.ts";
import { prepare } from "./prepare.ts";
import * as registry from "./registry.ts";
import { recipientsOf } from "./routing.ts";
import { type Item, store } from "./store.ts";
import { trustOf } from "./trust.ts";
import { type Delivery, IngestFailure } from "./types.ts";

const objectsAtOnce = 4;
/** How long a redelivery waits for an object that another batch has in work before it is taken in here as well. */
const waitMs = 3_000;
const pollMs = 50;

/**
 * Takes in a batch of the email queue. Records about one object, both notices or repeats, cost one read. What one
 * record has wrong does not touch the others. Everything may be repeated: by redelivery, by two batches at once, and
 * after a crash at any point; one message results.
 * @returns Identifiers of the records to be delivered again. Why is in the table of failures.
 * @throws VisibleError `unavailable` when the database is: then nothing can be written, not even why.
 */
export async function ingest(deliveries: readonly Delivery[]): Promise<{ failed: string[] }> {
  const by = randomUUID();
  const failures = new Map<string, Failure>();
  const hopeless: { delivery: Delivery; error: IngestFailure | MalformedNotice }[] = [];
  const objects = new Map<string, Delivery[]>();
  const notices: Notice[] = [];
  for (const delivery of deliveries) {
    try {
      for (const notice of parseNotices(delivery.body)) {
        refuseForeign(notice);
        notices.push(notice);
        const name = `${notice.bucket}/${notice.key}`;
        objects.set(name, [...(objects.get(name) ?? []), delivery]);
      }
    } catch (error) {
      if (error instanceof MalformedNotice || error instanceof IngestFailure)
        hopeless.push({ delivery, error });
      else fail(failures, [delivery], error);
    }
  }

  const raws = notices.length === 0 ? [] : await registry.register(notices, by);
  await fault("mail.ingest.claimed");
  const redelivered = (raw: registry.Raw) =>
    (objects.get(`${raw.bucket}/${raw.key}`) ?? []).some(({ attempt }) => attempt > 1);
  const failed = await takeIn(raws, by, redelivered);
  const marks: { rawId: string; cause: string }[] = [];
  for (const [rawId, error] of failed) {
    const raw = raws.find(({ id }) => id === rawId);
    if (!raw) continue;
    marks.push({ rawId, cause: causeOf(error).cause });
    fail(failures, objects.get(`${raw.bucket}/${raw.key}`) ?? [], error, raw);
  }
  await registry.markFailed(marks);
  await record([...failures.values()]);
  return { failed: [...(await giveUp(hopeless)), ...failures.keys()] };
}

/** No later try reads these bodies any better. An object that is missing may come yet, and is waited for. */
async function giveUp(hopeless: readonly { delivery: Delivery; error: Error }[]): Promise<string[]> {
  const given: string[] = [];
  for (const { delivery, error } of hopeless)
    given.push(...(await refuse(config("EmailQueue"), [delivery], causeOf(error))));
  return given;
}

/** A notice about another bucket is none of ours, whoever sent it: the role might be able to read it. */
function refuseForeign({ bucket, key }: Notice): void {
  if (bucket !== config("MailBucket").name)
    throw new IngestFailure(
      "notice_foreign",
      `the notice is about the bucket ${bucket}, not the mail bucket (${key})`,
    );
}

/**
 * A first delivery leaves an object that another batch has in work to that batch: it holds a record of its own, which
 * returns to the queue if it dies, and reads from the locked row what this notice said. A redelivery may be that very
 * record: it waits, and takes the object in if need be.
 * @returns Errors by the identifier of the raw row.
 */
async function takeIn(
  raws: readonly registry.Raw[],
  by: string,
  redelivered: (raw: registry.Raw) => boolean,
): Promise<Map<string, unknown>> {
  const errors = new Map<string, unknown>();
  const open = raws.filter((raw) => !registry.isDone(raw));
  const mine = open.filter((raw) => raw.claimedBy === by);
  const others = open.filter((raw) => raw.claimedBy !== by && redelivered(raw));

  await readAndStore(mine, errors);
  // Usually done by now. If whoever had it died, or is slow, it is taken in here too; the rows' locks keep it one.
  const left = await awaitOthers(others);
  await readAndStore(left, errors);

  const late = raws.filter(
    (raw) =>
      !errors.has(raw.id) &&
      (registry.isDone(raw) ? raw.sesNoticeAt !== null && !raw.envelopeApplied : others.includes(raw)),
  );
  if (late.length > 0)
    try {
      await applyEnvelopes(late.map(({ id }) => id));
    } catch (error) {
      rethrowUnavailable(error);
      for (const { id } of late) errors.set(id, error);
    }
  return errors;
}

async function awaitOthers(others: readonly registry.Raw[]): Promise<registry.Raw[]> {
  let left = [...others];
  for (let waited = 0; left.length > 0 && waited < waitMs; waited += pollMs) {
    await sleep(pollMs);
    const current = await registry.read(left.map(({ id }) => id));
    // Given up, or failed, by whoever had it: no need to wait longer.
    const free = current.filter((raw) => !registry.isDone(raw) && raw.claimedBy === null);
    left = current.filter((raw) => !registry.isDone(raw));
    if (free.length === left.length) break;
  }
  return left;
}

async function readAndStore(raws: readonly registry.Raw[], errors: Map<string, unknown>): Promise<void> {
  if (raws.length === 0) return;
  const budget = new MemoryBudget();
  const items: Item[] = [];
  await inParallel(objectsAtOnce, raws, async (raw) => {
    try {
      items.push(await read(raw, budget));
    } catch (error) {
      rethrowUnavailable(error);
      errors.set(raw.id, error);
    }
  });
  await fault("mail.ingest.attachments");
  await storeAll(items, errors);
  if (items.length > 0) await fault("mail.ingest.after-commit");
}

/** Reads, parses and puts the attachments away; what is kept is without their bytes. */
async function read(raw: registry.Raw, budget: MemoryBudget): Promise<Item> {
  const { bytes, release } = await readMail(raw.key, budget);
  try {
    await fault("mail.ingest.read");
    const mail = parseMail(bytes);
    const prepared = prepare(mail, { messageId: raw.messageId, size: bytes.length });
    await putAttachments(prepared.attachments, mail.attachments);
    return detached(
      { rawId: raw.id, prepared, trust: trustOf(mail), addressed: recipientsOf(mail) },
      bytes.length,
    );
  } finally {
    release();
  }
}

/**
 * V8 keeps the whole text that a piece was cut from. What is left of a large message must not keep all of it, or a
 * batch of them outgrows the budget.
 */
function detached(item: Item, size: number): Item {
  return size > 1024 * 1024 ? structuredClone(item) : item;
}

/** All in one transaction; when that fails, one by one, so that the one that cannot be stored stands alone. */
async function storeAll(items: readonly Item[], errors: Map<string, unknown>): Promise<void> {
  if (items.length === 0) return;
  try {
    await store(items);
    return;
  } catch (error) {
    rethrowUnavailable(error);
    const [only] = items;
    if (items.length === 1 && only) {
      errors.set(only.rawId, error);
      return;
    }
    log.warn("a batch could not be stored; trying each message alone", { messages: items.length, error });
  }
  for (const item of items)
    try {
      await store([item]);
    } catch (error) {
      rethrowUnavailable(error);
      errors.set(item.rawId, error);
    }
}

/** Without a database every further step would fail the same way; the queue brings the batch again. */
function rethrowUnavailable(error: unknown): void {
  if (error instanceof VisibleError && error.kind === "unavailable") throw error;
}

function fail(
  failures: Map<string, Failure>,
  deliveries: readonly Delivery[],
  error: unknown,
  raw?: registry.Raw,
): void {
  const { code, cause } = causeOf(error);
  for (const delivery of deliveries) {
    failures.set(delivery.messageId, {
      queue: delivery.queue,
      queueMessageId: delivery.messageId,
      attempt: delivery.attempt,
      code,
      cause,
      objectKey: raw?.key,
      trace: raw?.trace,
    });
    log.error("a record of the email queue failed", {
      record: delivery.messageId,
      attempt: delivery.attempt,
      code,
      cause,
      key: raw?.key,
      trace: raw?.trace,
    });
  }
}

function causeOf(error: unknown): { code: string; cause: string } {
  if (error instanceof MalformedNotice) return { code: "notice_malformed", cause: error.message };
  if (error instanceof IngestFailure) return { code: error.code, cause: error.message };
  const { name, message } = describe(error);
  return { code: "ingest_failed", cause: `${name}: ${message}` };
}
