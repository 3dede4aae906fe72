import * as queues from "@frontdesk/core/queues";
import * as z from "zod";
import { authenticated } from "../actor.ts";
import { notFoundProblem, Problem, problems } from "../problem.ts";
import { type Api, createRoute } from "../routing.ts";
import { ok, page, wire } from "../schemas.ts";
import { Cancelled, DeadLetterInFull, DeadLetters, Operation, Queue, Redriven } from "../schemas-queues.ts";

const name = queues.QueueNameSchema;
const messageId = queues.MessageId;

const list = createRoute({
  method: "get",
  path: "/queues",
  summary: "The work queues: how many messages wait, and how many are dead letters",
  description: "Counts are SQS's estimates. Administrators only, as everything below.",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  responses: { ...ok(page(Queue), "All of them."), ...problems },
});

export function listQueues(app: Api): void {
  app.openapi(list, async (c) => c.json(wire({ items: await queues.listQueues(), nextCursor: null }), 200));
}

const letters = createRoute({
  method: "get",
  path: "/queues/{name}/dead-letters",
  summary: "What a queue's consumer gave up on, the latest sent first",
  description:
    "The queue is looked into when nobody did in the last seconds. `complete` is false when one look did not reach all of them, or while they are being moved.",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { params: z.object({ name }), query: queues.ListDeadLetters },
  responses: {
    ...ok(DeadLetters, "A page."),
    ...problems,
    ...notFoundProblem,
  },
});

export function listDeadLetters(app: Api): void {
  app.openapi(letters, async (c) => {
    const found = await queues.list({ ...c.req.valid("param"), ...c.req.valid("query") });
    const { letters: items, cursor: nextCursor, lookedAt, complete } = found;
    return c.json(wire({ items, nextCursor, lookedAt, complete }), 200);
  });
}

const letter = createRoute({
  method: "get",
  path: "/queues/{name}/dead-letters/{messageId}",
  summary: "A dead letter with its body and every cause",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { params: z.object({ name, messageId }) },
  responses: { ...ok(DeadLetterInFull, "The dead letter."), ...problems, ...notFoundProblem },
});

export function getDeadLetter(app: Api): void {
  app.openapi(letter, async (c) => c.json(wire(await queues.get(c.req.valid("param"))), 200));
}

const remove = createRoute({
  method: "delete",
  path: "/queues/{name}/dead-letters/{messageId}",
  summary: "Give up on a dead letter",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { params: z.object({ name, messageId }) },
  responses: {
    ...ok(Operation, "It is gone, or was deleted before."),
    ...problems,
    ...notFoundProblem,
    409: {
      description: "It was sent back before.",
      content: { "application/problem+json": { schema: Problem } },
    },
  },
});

export function deleteDeadLetter(app: Api): void {
  app.openapi(remove, async (c) => c.json(wire(await queues.remove(c.req.valid("param"))), 200));
}

const redrive = createRoute({
  method: "post",
  path: "/queues/{name}/redrive",
  summary: "Send dead letters back: all, chosen ones, or those of a filter",
  description:
    "All go back as they are, by SQS's own move task, whose progress `GET /queues` shows. Chosen ones may get another body, which the queue's consumer must take; for a letter about a job it is the job's new payload. A letter that was sent back is not sent again.",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: {
    params: z.object({ name }),
    body: { required: true, content: { "application/json": { schema: queues.RedriveInput } } },
  },
  responses: { ...ok(Redriven, "What became of each."), ...problems, ...notFoundProblem },
});

export function redriveQueue(app: Api): void {
  app.openapi(redrive, async (c) => {
    const what = c.req.valid("json");
    return c.json(wire(await queues.redrive({ ...c.req.valid("param"), what })), 200);
  });
}

const cancel = createRoute({
  method: "delete",
  path: "/queues/{name}/redrive",
  summary: "Stop the move task; what was moved stays moved",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { params: z.object({ name }) },
  responses: {
    ...ok(Cancelled, "The task as it ended; null when none was running."),
    ...problems,
    ...notFoundProblem,
  },
});

export function cancelRedrive(app: Api): void {
  app.openapi(cancel, async (c) =>
    c.json(wire({ operation: await queues.cancelRedrive(c.req.valid("param")) }), 200),
  );
}

const operations = createRoute({
  method: "get",
  path: "/queues/{name}/operations",
  summary: "Who did what with a queue's dead letters, the latest first",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { params: z.object({ name }), query: queues.ListOperations },
  responses: { ...ok(page(Operation), "A page."), ...problems, ...notFoundProblem },
});

export function listQueueOperations(app: Api): void {
  app.openapi(operations, async (c) => {
    const found = await queues.listOperations({ ...c.req.valid("param"), ...c.req.valid("query") });
    return c.json(wire({ items: found.operations, nextCursor: found.cursor }), 200);
  });
}
