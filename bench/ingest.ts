/**
 * Ingest writes: the consumer's own function for a batch of 100 real messages (notices registered, threads found,
 * messages, recipients, mailboxes, attachments, numbered events and outbox written), against COPY of the very rows.
 */
import { median, pairs, type Row } from "./row.ts";
import {
  batchSize,
  copyIn,
  type Dump,
  dump,
  ready,
  realMessages,
  startBench,
  storeBatch,
} from "./support/ingest.ts";

const pairCount = 7;
const target = 0.35;

export async function ingestWrites(): Promise<Row> {
  const bench = await startBench();
  try {
    const messages = realMessages(12 * batchSize).map((raw, index) => ready(raw, `inbound/${index}`));
    const batch = (index: number) => messages.slice(index * batchSize, (index + 1) * batchSize);

    let index = 0;
    let rows: Dump[] = [];
    const candidate = async () => {
      await bench.clear();
      const seconds = await storeBatch(batch(index++ % 12));
      rows = await dump(bench);
      return batchSize / seconds;
    };
    const reference = async () => {
      await bench.clear();
      return batchSize / (await copyIn(bench, rows));
    };
    for (let warm = 0; warm < 3; warm++) {
      await candidate();
      await reference();
    }
    const measured = await pairs(pairCount, candidate, reference);
    const ratio = median(measured.ratios);

    // Growth: the same batches on top of each other, the last against the first.
    await bench.clear();
    const each: number[] = [];
    for (let at = 0; at < 12; at++) each.push(await storeBatch(batch(at)));
    const early = median(each.slice(0, 4));
    const late = median(each.slice(-4));
    return {
      name: "ingest writes",
      against: "COPY of the same rows (same tables and indexes, one transaction)",
      target: `>= ${target}`,
      ratio,
      reached: ratio >= target,
      details: {
        "messages a second": median(measured.candidate),
        "COPY, messages a second": median(measured.reference),
        "rows of a batch": rows.reduce((sum, { count }) => sum + count, 0),
      },
      growth: `with ten times the messages in the tables a batch takes ${(late / early).toFixed(2)} times as long`,
    };
  } finally {
    await bench.stop();
  }
}
