import * as media from "@frontdesk/core/media";
import * as z from "zod";
import { authenticated } from "../actor.ts";
import { Media, MediaSummary } from "../media-schemas.ts";
import { goneProblem, notFoundProblem, problems } from "../problem.ts";
import { type Api, createRoute } from "../routing.ts";
import { ok, page, wire } from "../schemas.ts";

const { mediaId } = media.get.schema.shape;

const list = createRoute({
  method: "get",
  path: "/media",
  summary: "Pictures that you uploaded, the newest first",
  description: "Administrators see everybody's, and those among the attachments of mail.",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { query: media.ListMedia },
  responses: { ...ok(page(MediaSummary), "A page."), ...problems },
});

export function listMedia(app: Api): void {
  app.openapi(list, async (c) => {
    const found = await media.list(c.req.valid("query"));
    return c.json(wire({ items: found.media, nextCursor: found.cursor }), 200);
  });
}

const get = createRoute({
  method: "get",
  path: "/media/{mediaId}",
  summary: "A picture with the addresses of its sizes",
  description:
    "Public ones are good for ever; private ones are signed, and end at `picture.expiresAt`. With the `etag` of an earlier answer as If-None-Match: 304 while nothing changed and the addresses are the same.",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { params: z.object({ mediaId }) },
  responses: {
    ...ok(Media, "The picture."),
    304: { description: "As it was." },
    ...problems,
    ...notFoundProblem,
    ...goneProblem,
  },
});

export function getMedia(app: Api): void {
  app.openapi(get, async (c) => {
    const { etag, ...found } = await media.get(c.req.valid("param"));
    c.header("etag", etag);
    if (c.req.header("if-none-match") === etag) return c.body(null, 304);
    return c.json(wire(found), 200);
  });
}

const remove = createRoute({
  method: "delete",
  path: "/media/{mediaId}",
  summary: "Deletes a picture",
  description:
    "The file as it was sent goes within minutes, and its sizes, from the CDN too, unless somebody else uploaded the same picture. Repeating it changes nothing.",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { params: z.object({ mediaId }) },
  responses: { 204: { description: "It is." }, ...problems, ...notFoundProblem },
});

export function deleteMedia(app: Api): void {
  app.openapi(remove, async (c) => {
    await media.remove(c.req.valid("param"));
    return c.body(null, 204);
  });
}
