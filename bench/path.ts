/**
 * Mail in, the whole path: objects put into the mail bucket as SES does it, with both notices, until the last event is
 * at a socket; against parsing the same messages and inserting the very rows, one transaction a message.
 */
import { parseMail } from "@frontdesk/core/mime";
import * as trace from "@frontdesk/core/trace";
import { newKey, noticeMail, putMail } from "../test/support/ses.ts";
import { median, pairs, type Row } from "./row.ts";
import {
  type Bench,
  type Dump,
  dump,
  insertIn,
  ready,
  realMessages,
  startBench,
  storeBatch,
} from "./support/ingest.ts";
import { type System, startSystem } from "./system.ts";

const PAIRS = 5;
const MESSAGES = 100;
/** Batches before anything is measured. */
const WARM = 5;
const TARGET = 0.5;
/** As many as SES would have under way for a busy Workspace. */
const AT_ONCE = 16;

/** @returns Messages a second, from the first put to the last event. */
async function throughPath(system: System, batch: readonly Buffer[]): Promise<number> {
  const { app, mailboxes, socket } = system;
  const wanted = batch.map((raw, index) => {
    const key = newKey(app);
    return { key, raw, recipient: mailboxes[index % mailboxes.length]?.address ?? "" };
  });
  const missing = new Set(wanted.map(({ key }) => trace.ofObjectKey(key)));
  let looked = socket.events.length;
  const arrived = () => {
    for (; looked < socket.events.length; looked++) missing.delete(socket.events[looked]?.data.trace ?? "");
    return missing.size === 0;
  };
  const from = performance.now();
  const queue = [...wanted];
  const put = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      await putMail(app, next.key, next.raw);
      await noticeMail(app, { key: next.key, recipients: [next.recipient] });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, put));
  await socket.until(arrived, 60_000);
  return batch.length / ((performance.now() - from) / 1000);
}

/** @returns Messages a second of one process that parses and writes. */
async function direct(bench: Bench, batch: readonly Buffer[]): Promise<number> {
  await bench.clear();
  await storeBatch(batch.map((raw, index) => ready(raw, `inbound/${index}`)));
  const rows = byMessage(await dump(bench));
  await bench.clear();
  const from = performance.now();
  for (const [index, raw] of batch.entries()) {
    parseMail(raw);
    await insertIn(bench, rows[index] ?? []);
  }
  return batch.length / ((performance.now() - from) / 1000);
}

/** The rows that each message's transaction writes: its own, and those of threads and topics that begin with it. */
function byMessage(dumps: readonly Dump[]): Dump[][] {
  const column = (table: Dump, name: string) =>
    table.values[table.columns.findIndex((candidate) => candidate.name === name)];
  const messages = dumps.find(({ table }) => table === "messages");
  if (!messages) throw new Error("no messages were stored");
  const ids = column(messages, "id") ?? [];
  const indexOf = new Map(ids.map((id, index) => [id, index]));
  const ofThread = new Map<string | null, number>();
  for (const [index, thread] of (column(messages, "thread_id") ?? []).entries())
    if (!ofThread.has(thread)) ofThread.set(thread, index);
  const last = ids.length - 1;
  const topics = new Map<string | null, number>();
  const result: Dump[][] = ids.map(() => []);

  // Events before topics: a topic begins with its first event.
  for (const table of [...dumps].sort(
    (a, b) => Number(a.table === "topics") - Number(b.table === "topics"),
  )) {
    const owner = (row: number): number => {
      const message = column(table, table.table === "messages" ? "id" : "message_id")?.[row];
      if (message !== undefined) return indexOf.get(message) ?? last;
      const data = column(table, "data")?.[row];
      if (data) {
        const at = indexOf.get((JSON.parse(data) as { messageId?: string }).messageId ?? "") ?? last;
        const topic = column(table, "topic")?.[row] ?? null;
        topics.set(topic, Math.min(at, topics.get(topic) ?? at));
        return at;
      }
      const topic = column(table, "topic")?.[row];
      if (topic !== undefined) return topics.get(topic) ?? last;
      const thread = column(table, table.table === "threads" ? "id" : "thread_id")?.[row];
      if (thread !== undefined) return ofThread.get(thread) ?? last;
      return row % ids.length;
    };
    const rows = new Map<number, number[]>();
    for (let row = 0; row < table.count; row++) rows.set(owner(row), [...(rows.get(owner(row)) ?? []), row]);
    for (const [message, chosen] of rows)
      result[message]?.push({
        ...table,
        count: chosen.length,
        values: table.values.map((values) => chosen.map((row) => values[row] ?? null)),
      });
  }
  const order = dumps.map(({ table }) => table);
  for (const own of result) own.sort((a, b) => order.indexOf(a.table) - order.indexOf(b.table));
  return result;
}

export async function mailPath(): Promise<Row> {
  const messages = realMessages((WARM + PAIRS + 10) * MESSAGES);
  const batch = (index: number, size = 1) => messages.slice(index * MESSAGES, (index + size) * MESSAGES);
  const bench = await startBench();
  const system = await startSystem();
  try {
    // Code is compiled as it gets hot, and each of the consumer's processes has its own.
    await throughPath(system, batch(0, WARM));
    await direct(bench, batch(0));
    let index = WARM - 1;
    const measured = await pairs(
      PAIRS,
      () => throughPath(system, batch(++index)),
      () => direct(bench, batch(index)),
    );
    const ratio = median(measured.ratios);
    const tenfold = await throughPath(system, batch(WARM + PAIRS, 10));
    return {
      name: "mail in, whole path",
      against:
        "parsing the same messages and inserting the same rows by multi-row pg, one transaction a message",
      target: `>= ${TARGET}`,
      ratio,
      reached: ratio >= TARGET,
      details: {
        "messages a second": median(measured.candidate),
        "parse and insert, messages a second": median(measured.reference),
      },
      growth: `ten times the messages at once: ${(tenfold / median(measured.candidate)).toFixed(2)} times the rate`,
    };
  } finally {
    await system.stop();
    await bench.stop();
  }
}
