/**
 * Thread membership of a real mailing list (fedora-devel, January 2010) against its archive's threads. Depth is not
 * graded: the archive caps it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { prepare } from "@frontdesk/core/mail";
import { parseMail } from "@frontdesk/core/mime";
import { assign, type Incoming, type Owner } from "@frontdesk/core/threads";
import { expect, it } from "vitest";
import { z } from "zod";
import { corpusFolder } from "./corpus.ts";

const rows = z
  .array(
    z.object({
      i: z.number(),
      message_id: z.string(),
      subject: z.string(),
      in_reply_to: z.string().nullable(),
      references: z.string().nullable(),
      expected_parent: z.number().nullable(),
    }),
  )
  .parse(JSON.parse(readFileSync(join(corpusFolder, "jwzthreading-fedora/expected_threads.json"), "utf8")));

const messages: Incoming[] = rows.map((row) => {
  const head = [
    `From: member${row.i}@example.org`,
    `Subject: ${row.subject}`,
    `Message-ID: ${row.message_id}`,
    "List-Id: <devel.example.org>",
    ...(row.in_reply_to ? [`In-Reply-To: ${row.in_reply_to}`] : []),
    ...(row.references ? [`References: ${row.references}`] : []),
  ];
  const mail = prepare(parseMail(Buffer.from(`${head.join("\r\n")}\r\n\r\n${row.i}`)), {
    messageId: `msg_${row.i}`,
    size: 1,
  });
  return {
    messageId: String(row.i),
    headerId: mail.headerId,
    references: mail.references,
    sender: mail.from.address,
    participants: [mail.from.address],
    listId: mail.listId,
    authentic: true,
    insider: false,
    quarantined: false,
  };
});

/** Pairs of messages that share a thread, as text. */
function pairs(threadOf: (index: number) => string): Set<string> {
  const groups = Map.groupBy(rows.keys(), threadOf);
  const found = new Set<string>();
  for (const group of groups.values())
    for (const a of group) for (const b of group) if (a < b) found.add(`${a} ${b}`);
  return found;
}

function expected(): Set<string> {
  const root = (index: number): number => {
    const parent = rows[index]?.expected_parent ?? null;
    return parent === null ? index : root(parent);
  };
  return pairs((index) => String(root(index)));
}

/** @param size Messages of one batch; threads that a later batch merges are followed. */
function threaded(order: readonly Incoming[], size: number): Set<string> {
  const known = { owners: new Map<string, Owner>(), participants: new Map<string, Set<string>>() };
  const threadOf = new Map<string, string>();
  let made = 0;
  for (let from = 0; from < order.length; from += size) {
    const result = assign(order.slice(from, from + size), {
      ...known,
      newThread: () => `thr_${String(made++).padStart(6, "0")}`,
    });
    for (const [messageId, { threadId }] of result.placed) threadOf.set(messageId, threadId);
    for (const { from: old, into } of result.merges) {
      for (const [messageId, threadId] of threadOf) if (threadId === old) threadOf.set(messageId, into);
      for (const [key, owner] of known.owners)
        if (owner.threadId === old) known.owners.set(key, { ...owner, threadId: into });
    }
  }
  return pairs((index) => threadOf.get(String(index)) ?? "");
}

/**
 * What the archive put into a thread by its subject, which we do not: a reply without any reference, the answer to it,
 * and a reply to a digest.
 */
const bySubject = new Set(
  [
    "<E1NSZm3-0004iz-HY@fenris.runbox.com>",
    "<4B46F704.5090502@imttechnologies.com>",
    "<E1NTTfj-0006JG-IS@garm.runbox.com>",
  ].map((messageId) => String(rows.findIndex((row) => row.message_id === messageId))),
);
const withoutThem = (found: Set<string>) =>
  new Set([...found].filter((pair) => !pair.split(" ").some((index) => bySubject.has(index))));

const orders: Record<string, Incoming[]> = {
  "as it came": messages,
  "newest first": messages.toReversed(),
  "odd ones first": [
    ...messages.filter((_, index) => index % 2 === 1),
    ...messages.filter((_, index) => index % 2 === 0),
  ],
};

it.each(
  Object.keys(orders).flatMap((name) => [1, 10, 1000].map((size) => [name, size] as const)),
)("puts the list's messages into its threads, %s, %i at a time", (name, size) => {
  const found = threaded(orders[name] ?? [], size);
  const wanted = expected();
  expect(withoutThem(found)).toEqual(withoutThem(wanted));
  expect([...found].filter((pair) => !wanted.has(pair))).toEqual([]);
});
