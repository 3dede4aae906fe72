import * as messages from "@frontdesk/core/messages";
import * as z from "zod";
import { authenticated } from "../actor.ts";
import { notFoundProblem, problems } from "../problem.ts";
import { type Api, createRoute } from "../routing.ts";
import { Message, ok, wire } from "../schemas.ts";

const { messageId } = messages.get.schema.shape;
const { attachmentId } = messages.attachment.schema.shape;

const get = createRoute({
  method: "get",
  path: "/messages/{messageId}",
  summary: "A message",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { params: z.object({ messageId }) },
  responses: { ...ok(Message, "The message."), ...problems, ...notFoundProblem },
});

export function getMessage(app: Api): void {
  app.openapi(get, async (c) => {
    const { html, ...message } = await messages.get(c.req.valid("param"));
    return c.json(
      wire({
        ...message,
        details: { ...message.details },
        trust: { ...message.trust },
        hasHtml: html !== null,
      }),
      200,
    );
  });
}

/** Bytes do not pass through the API, whose answers end at 6 MB: it leads to where they can be had for five minutes. */
const redirect = {
  302: {
    description: "To a signed address, good for five minutes.",
    headers: z.object({ location: z.url() }),
  },
};

const raw = createRoute({
  method: "get",
  path: "/messages/{messageId}/raw",
  summary: "The message as SES wrote it",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { params: z.object({ messageId }) },
  responses: { ...redirect, ...problems, ...notFoundProblem },
});

export function getRawMessage(app: Api): void {
  app.openapi(raw, async (c) => c.redirect((await messages.raw(c.req.valid("param"))).url, 302));
}

const attachment = createRoute({
  method: "get",
  path: "/messages/{messageId}/attachments/{attachmentId}",
  summary: "An attachment, always as a download",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { params: z.object({ messageId, attachmentId }) },
  responses: { ...redirect, ...problems, ...notFoundProblem },
});

export function getAttachment(app: Api): void {
  app.openapi(attachment, async (c) =>
    c.redirect((await messages.attachment(c.req.valid("param"))).url, 302),
  );
}
