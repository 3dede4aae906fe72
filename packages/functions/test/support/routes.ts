/** Every route of the API that is built, and how the suite that all of them pass calls it. A new route needs an entry here. */
import * as z from "zod";
import { address } from "../../../core/test/support/world.ts";
import { Media, MediaSummary, Upload } from "../../src/api/media-schemas.ts";
import { Mailbox, Me, Message, page, Thread, ThreadSummary, Ticket } from "../../src/api/schemas.ts";
import { Enqueued, Job, JobState, JobSummary, JobType } from "../../src/api/schemas-jobs.ts";
import {
  Cancelled,
  DeadLetterInFull,
  DeadLetters,
  Operation,
  Queue,
  Redriven,
} from "../../src/api/schemas-queues.ts";
import { Schedule } from "../../src/api/schemas-schedules.ts";
import { deadLetterIds, type Ids, letterNames, type Owned, type Person, sees, subjectOf } from "./desk.ts";

export interface RouteCase {
  /** Answers without a token, and without asking the database. */
  open?: true;
  /** What a good answer holds; absent: a redirect to a signed address, or nothing (`empty`). */
  schema?: z.ZodType;
  /** A good answer is 204. */
  empty?: true;
  /** What a good request holds. */
  body?: unknown;
  /** An address of the route; about a message where the route is about one. */
  path(of: Ids & Owned): string;
  /**
   * Whoever does not see the message finds nothing at `path`; with `owned`, whoever is neither the recruiter, whose it is,
   * nor an administrator.
   */
  about?: "message" | "owned";
  /** Asks the database for nothing but who somebody is. */
  idle?: true;
  /** A body may be sent and need not. */
  optionalBody?: true;
  /** Only administrators may. */
  adminOnly?: true;
  /** While the message is in quarantine, administrators alone get it. */
  guarded?: true;
  /** What a list shows to whom. */
  lists?: { names(body: unknown): string[]; shownTo(person: Person): string[] };
  /** Further addresses that name a mailbox; nothing is found there by whoever does not see it. */
  inMailbox?(mailboxId: string): string;
  /** Addresses with a text in each place that takes one. */
  inputs?(text: string, of: Ids): string[];
}

const Items = z.object({ items: z.array(z.looseObject({})) });
const column = (name: string) => (body: unknown) =>
  Items.parse(body).items.map((item) => z.string().parse(item[name]));

export const routes: Record<string, RouteCase> = {
  "GET /health": { open: true, schema: z.strictObject({ status: z.literal("ok") }), path: () => "/health" },
  "GET /openapi.json": {
    open: true,
    schema: z.looseObject({ openapi: z.string() }),
    path: () => "/openapi.json",
  },
  "GET /me": { schema: Me, idle: true, path: () => "/me" },
  "GET /mailboxes": {
    schema: page(Mailbox),
    path: () => "/mailboxes",
    lists: {
      names: column("address"),
      shownTo: (person) =>
        ({
          admin: ["hello", "jobs", "payroll"],
          recruiter: ["jobs"],
          viewer: ["payroll"],
          newcomer: [],
        })[person].map(address),
    },
  },
  "GET /threads": {
    schema: page(ThreadSummary),
    path: () => "/threads",
    lists: {
      names: column("subject"),
      shownTo: (person) =>
        letterNames.filter((letter) => sees(person, letter) && letter !== "quarantined").map(subjectOf),
    },
    inMailbox: (mailboxId) => `/threads?mailbox=${mailboxId}`,
    inputs: (text, { mailboxIds: [mailboxId] }) => [
      `/threads?mailbox=${text}`,
      `/threads?cursor=${text}`,
      `/threads?limit=${text}`,
      `/threads?state=${text}`,
      `/threads?mailbox=${mailboxId}&cursor=${text}`,
      `/threads?limit=1&limit=${text}`,
    ],
  },
  "GET /threads/:threadId": {
    schema: Thread,
    about: "message",
    path: ({ threadId }) => `/threads/${threadId}`,
    inputs: (text) => [`/threads/${text}`],
  },
  "GET /messages/:messageId": {
    schema: Message,
    about: "message",
    path: ({ messageId }) => `/messages/${messageId}`,
    inputs: (text) => [`/messages/${text}`],
  },
  "GET /messages/:messageId/raw": {
    about: "message",
    guarded: true,
    path: ({ messageId }) => `/messages/${messageId}/raw`,
    inputs: (text) => [`/messages/${text}/raw`],
  },
  "GET /messages/:messageId/attachments/:attachmentId": {
    about: "message",
    guarded: true,
    path: ({ messageId, attachmentId }) => `/messages/${messageId}/attachments/${attachmentId}`,
    inputs: (text, { messageId, attachmentId }) => [
      `/messages/${messageId}/attachments/${text}`,
      `/messages/${text}/attachments/${attachmentId}`,
    ],
  },
  "POST /uploads": {
    schema: Upload,
    path: () => "/uploads",
    body: { visibility: "private", contentType: "image/png", size: 100 },
  },
  "GET /media": {
    schema: page(MediaSummary),
    path: () => "/media?visibility=public",
    lists: {
      names: column("filename"),
      shownTo: (person) => (["admin", "recruiter"].includes(person) ? ["shown.png"] : []),
    },
    inputs: (text) => [
      `/media?cursor=${text}`,
      `/media?limit=${text}`,
      `/media?state=${text}`,
      `/media?visibility=${text}`,
    ],
  },
  "GET /media/:mediaId": {
    schema: Media,
    about: "owned",
    path: ({ mediaId }) => `/media/${mediaId}`,
    inputs: (text) => [`/media/${text}`],
  },
  "GET /job-types": { schema: page(JobType), idle: true, path: () => "/job-types" },
  "GET /jobs": {
    schema: page(JobSummary),
    // Of one type: schedules have jobs, too, which administrators see.
    path: () => "/jobs?type=redeliverOutbox",
    lists: {
      names: column("type"),
      shownTo: (person) => (person === "admin" || person === "recruiter" ? ["redeliverOutbox"] : []),
    },
    inputs: (text) => [
      `/jobs?cursor=${text}`,
      `/jobs?limit=${text}`,
      `/jobs?state=${text}`,
      `/jobs?limit=1&limit=${text}`,
    ],
  },
  "POST /jobs": {
    schema: Enqueued,
    adminOnly: true,
    path: () => "/jobs",
    // Deduplicated by its type: it stands for the one that is there.
    body: { type: "expireTickets", payload: {} },
  },
  "GET /jobs/:jobId": {
    schema: Job,
    about: "owned",
    path: ({ jobId }) => `/jobs/${jobId}`,
    inputs: (text) => [`/jobs/${text}`],
  },
  "POST /jobs/:jobId/cancel": {
    schema: JobState,
    about: "owned",
    path: ({ cancelledJobId }) => `/jobs/${cancelledJobId}/cancel`,
    inputs: (text) => [`/jobs/${text}/cancel`],
  },
  "POST /jobs/:jobId/retry": {
    schema: JobState,
    about: "owned",
    optionalBody: true,
    path: ({ jobId }) => `/jobs/${jobId}/retry`,
    inputs: (text) => [`/jobs/${text}/retry`],
  },
  "DELETE /media/:mediaId": {
    empty: true,
    about: "owned",
    path: ({ spareMediaId }) => `/media/${spareMediaId}`,
    inputs: (text) => [`/media/${text}`],
  },
  "GET /schedules": {
    schema: page(Schedule),
    adminOnly: true,
    path: () => "/schedules",
    inputs: (text) => [`/schedules?cursor=${text}`, `/schedules?limit=${text}`],
  },
  "GET /schedules/:name": {
    schema: Schedule,
    adminOnly: true,
    path: () => "/schedules/expire-tickets",
    inputs: (text) => [`/schedules/${text}`],
  },
  "PUT /schedules/:name": {
    schema: Schedule,
    adminOnly: true,
    path: () => "/schedules/hourly",
    body: { type: "expireTickets", every: "1 hour" },
  },
  "DELETE /schedules/:name": {
    empty: true,
    adminOnly: true,
    path: () => "/schedules/gone",
  },
  "GET /queues": { schema: page(Queue), adminOnly: true, path: () => "/queues" },
  "GET /queues/:name/dead-letters": {
    schema: DeadLetters,
    adminOnly: true,
    path: () => "/queues/email/dead-letters",
    inputs: (text) => [
      `/queues/${text}/dead-letters`,
      `/queues/email/dead-letters?cursor=${text}`,
      `/queues/email/dead-letters?limit=${text}`,
    ],
  },
  "GET /queues/:name/dead-letters/:messageId": {
    schema: DeadLetterInFull,
    adminOnly: true,
    path: () => `/queues/email/dead-letters/${deadLetterIds[0]}`,
    inputs: (text) => [
      `/queues/${text}/dead-letters/${deadLetterIds[0]}`,
      `/queues/email/dead-letters/${text}`,
    ],
  },
  "POST /queues/:name/redrive": {
    schema: Redriven,
    adminOnly: true,
    path: () => "/queues/email/redrive",
    body: { messages: [{ messageId: deadLetterIds[1] }] },
    inputs: (text) => [`/queues/${text}/redrive`],
  },
  "DELETE /queues/:name/redrive": {
    schema: Cancelled,
    adminOnly: true,
    path: () => "/queues/email/redrive",
    inputs: (text) => [`/queues/${text}/redrive`],
  },
  "DELETE /queues/:name/dead-letters/:messageId": {
    schema: Operation,
    adminOnly: true,
    path: () => `/queues/email/dead-letters/${deadLetterIds[2]}`,
    inputs: (text) => [`/queues/email/dead-letters/${text}`],
  },
  "GET /queues/:name/operations": {
    schema: page(Operation),
    adminOnly: true,
    path: () => "/queues/email/operations",
    inputs: (text) => [`/queues/${text}/operations`, `/queues/email/operations?cursor=${text}`],
  },
  "POST /realtime/tickets": { schema: Ticket, path: () => "/realtime/tickets" },
};
