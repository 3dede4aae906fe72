/**
 * Threading: messages of long conversations, out of order, put into threads and written, against plain multi-row
 * inserts of the rows that result, threads included.
 */
import { median, pairs, type Row } from "./row.ts";
import {
  type Bench,
  batchSize,
  type Dump,
  dump,
  insertIn,
  type Ready,
  ready,
  startBench,
  threadBatch,
} from "./support/ingest.ts";

const pairCount = 5;
const target = 1.5;
const most = 5;
const few = 500;

/** Conversations of twenty messages, each answering one before it; every third message comes before its parent. */
function conversation(count: number, run: number): Ready[] {
  const messages = Array.from({ length: count }, (_, index) => {
    const thread = Math.floor(index / 20);
    const place = index % 20;
    const id = (at: number) => `<${run}.${thread}.${at}@example.org>`;
    const ancestors = Array.from({ length: place }, (_, at) => id(at)).slice(-10);
    const head = [
      `From: person${thread}@example.org`,
      "To: jobs@in.desk.test",
      `Subject: ${place === 0 ? "" : "Re: "}Conversation ${thread}`,
      `Message-ID: ${id(place)}`,
      "Date: Fri, 02 Jan 2026 03:04:00 +0000",
      ...(place > 0 ? [`In-Reply-To: ${id(place - 1)}`, `References: ${ancestors.join("\r\n ")}`] : []),
    ];
    const raw = `${head.join("\r\n")}\r\n\r\n${`Line ${index} of a reply.\r\n`.repeat(20)}`;
    return ready(Buffer.from(raw), `inbound/${run}/${index}`);
  });
  for (let index = 0; index + 1 < messages.length; index += 3) {
    const [first, second] = [messages[index], messages[index + 1]];
    if (first && second) [messages[index], messages[index + 1]] = [second, first];
  }
  return messages;
}

async function storeAll({ mailboxId }: Bench, messages: readonly Ready[]): Promise<number> {
  let seconds = 0;
  for (let from = 0; from < messages.length; from += batchSize)
    seconds += await threadBatch(messages.slice(from, from + batchSize), mailboxId);
  return seconds;
}

export async function threading(): Promise<Row> {
  const bench = await startBench();
  try {
    let run = 0;
    let rows: Dump[] = [];
    const candidate = async () => {
      await bench.clear();
      const seconds = await storeAll(bench, conversation(few, run++));
      rows = await dump(bench);
      return seconds;
    };
    const reference = async () => {
      await bench.clear();
      // In as many transactions as the candidate had.
      let seconds = 0;
      for (const part of inParts(rows, few / batchSize)) seconds += await insertIn(bench, part);
      return seconds;
    };
    await candidate();
    await reference();
    const measured = await pairs(pairCount, candidate, reference);
    const ratio = median(measured.ratios);

    await bench.clear();
    const once = await storeAll(bench, conversation(few, run++));
    await bench.clear();
    const fourTimes = await storeAll(bench, conversation(4 * few, run++));
    const growth = fourTimes / once;
    return {
      name: "threading",
      against: "plain multi-row inserts of the same rows, known beforehand",
      target: `<= ${target}, and four times the mail in <= ${most} times the time`,
      ratio,
      reached: ratio <= target && growth <= most,
      details: {
        "messages a second": few / median(measured.candidate),
        "plain inserts, messages a second": few / median(measured.reference),
        "time of four times the mail": growth,
      },
      growth: `four times the mail takes ${growth.toFixed(2)} times as long`,
    };
  } finally {
    await bench.stop();
  }
}

/** The rows in as many parts as the candidate had batches; threads, which the others name, in the first. */
function inParts(dumps: readonly Dump[], parts: number): Dump[][] {
  const slice = (one: Dump, part: number): Dump => {
    const size = Math.ceil(one.count / parts);
    const values = one.values.map((column) => column.slice(part * size, (part + 1) * size));
    return { ...one, values, count: values[0]?.length ?? 0 };
  };
  return Array.from({ length: parts }, (_, part) =>
    dumps.flatMap((one) => (one.table !== "threads" ? [slice(one, part)] : part === 0 ? [one] : [])),
  );
}
