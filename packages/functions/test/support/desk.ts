/** A desk with some mail, people of each role, and who sees what of it. */
import { provide } from "../../../core/src/actor/index.ts";
import { cancel, enqueue } from "../../../core/src/jobs/index.ts";
import { expireTickets } from "../../../core/src/jobs/types/expire-tickets.ts";
import { redeliverOutbox } from "../../../core/src/jobs/types/redeliver-outbox.ts";
import { ingest } from "../../../core/src/mail/index.ts";
import { createUpload } from "../../../core/src/media/index.ts";
import { ensureBuiltIn } from "../../../core/src/schedules/index.ts";
import {
  address,
  as,
  createWorld,
  join,
  mailWithAttachments,
  sesNotice,
  signIn,
  type World,
} from "../../../core/test/support/world.ts";
import { type Claims, claimsOf } from "./api.ts";

/** A message for each way in which mail can be seen or not. */
const letters = {
  jobs: { to: ["jobs"], verdicts: {} },
  payroll: { to: ["payroll"], verdicts: {} },
  shared: { to: ["jobs", "payroll"], verdicts: {} },
  /** For an address of ours that is no mailbox. */
  unrouted: { to: ["nobody"], verdicts: {} },
  quarantined: { to: ["jobs"], verdicts: { virus: "FAIL" } },
} as const;

export type Letter = keyof typeof letters;
export const letterNames = Object.keys(letters) as Letter[];
export const subjectOf = (letter: string) => `About ${letter}`;

export type Person = "admin" | "recruiter" | "viewer" | "newcomer";

/** Each person's group, and the mailbox they are a member of. */
const people: Record<Person, { group: string; mailbox?: string; sees: Letter[] }> = {
  admin: { group: "admin", sees: letterNames },
  recruiter: { group: "recruiter", mailbox: "jobs", sees: ["jobs", "shared", "quarantined"] },
  viewer: { group: "viewer", mailbox: "payroll", sees: ["payroll", "shared"] },
  newcomer: { group: "recruiter", sees: [] },
};
export const personNames = Object.keys(people) as Person[];
export const sees = (person: Person, letter: Letter) => people[person].sees.includes(letter);

export interface Ids {
  messageId: string;
  threadId: string;
  attachmentId: string;
  mailboxIds: string[];
}

/** Of the recruiter: an upload to look at, and one to do away with; a job, and one that is cancelled. */
export interface Owned {
  mediaId: string;
  spareMediaId: string;
  jobId: string;
  cancelledJobId: string;
}

export interface Desk {
  world: World;
  claims: Record<Person, Claims>;
  ids: Record<Letter, Ids & Owned>;
  stop(): Promise<void>;
}

/** In the email queue's dead letters: one to look at, one to send back, one to give up. */
export const deadLetterIds = ["dead-letter-1", "dead-letter-2", "dead-letter-3"] as const;

export async function createDesk(): Promise<Desk> {
  const world = await createWorld();
  for (const id of deadLetterIds) world.aws.queues.put("emaildeadletter", "no notice", { id });
  await provide({ actor: { kind: "system", name: "migrator" } }, () => ensureBuiltIn());
  const owned = { ...(await uploads()), ...(await jobs()) };
  const ids = {} as Record<Letter, Ids & Owned>;
  for (const letter of letterNames)
    ids[letter] = { ...(await receive(world, letter, letters[letter])), ...owned };
  const claims = {} as Record<Person, Claims>;
  for (const person of personNames) {
    const { group, mailbox } = people[person];
    claims[person] = claimsOf(person, group);
    if (mailbox) await join(world, await signIn(person, group), mailbox);
  }
  return { world, claims, ids, stop: () => world.stop() };
}

async function uploads() {
  const recruiter = await signIn("recruiter", "recruiter");
  const ask = (visibility: "public" | "private", filename: string) =>
    as(recruiter, () => createUpload({ visibility, filename, contentType: "image/png", size: 10 }));
  return {
    mediaId: (await ask("public", "shown.png")).id,
    spareMediaId: (await ask("private", "spare.png")).id,
  };
}

async function jobs() {
  return as(await signIn("recruiter", people.recruiter.group), async () => {
    const { id: jobId } = await enqueue(expireTickets, {});
    const { id: cancelledJobId } = await enqueue(redeliverOutbox, {});
    await cancel({ jobId: cancelledJobId });
    return { jobId, cancelledJobId };
  });
}

/** Of every notice, unless it says otherwise. */
const receivedAt = "2026-01-02T03:04:04.000Z";

/** Mail as it comes in, with one attachment; `references` names an earlier one. */
export async function receive(
  world: World,
  name: string,
  {
    to = ["jobs"],
    verdicts = {},
    references,
    from = "Noor <noor@example.org>",
    at = receivedAt,
  }: {
    to?: readonly string[];
    verdicts?: Record<string, string>;
    references?: string;
    from?: string;
    /** When SES received it. */
    at?: string;
  } = {},
): Promise<Ids> {
  const key = `inbound/${name}`;
  world.aws.put(
    "mail",
    key,
    mailWithAttachments([`${name} – é.pdf`], {
      From: from,
      To: to.map(address).join(", "),
      Subject: subjectOf(name),
      "Message-ID": `<${name}@example.org>`,
      ...(references !== undefined && { References: `<${references}@example.org>` }),
    }),
  );
  const notice = sesNotice(key, to.map(address), verdicts);
  const { failed } = await ingest([{ ...notice, body: notice.body.replaceAll(receivedAt, at) }]);
  if (failed.length > 0) throw new Error(`${name} was not taken in`);
  const [row] = await world.rows<Ids>(
    `select m.id as "messageId", m.thread_id as "threadId", a.id as "attachmentId",
            array(select mailbox_id from frontdesk.message_mailboxes where message_id = m.id order by 1) as "mailboxIds"
       from frontdesk.messages m join frontdesk.attachments a on a.message_id = m.id where m.header_id = $1`,
    [`${name}@example.org`],
  );
  if (!row) throw new Error(`${name} was not stored`);
  return row;
}
