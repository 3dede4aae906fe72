import { CreateUpload, createUpload, IdempotencyKey } from "@frontdesk/core/media";
import * as z from "zod";
import { authenticated } from "../actor.ts";
import { Upload } from "../media-schemas.ts";
import { conflictProblem, limitProblem, problems } from "../problem.ts";
import { type Api, createRoute } from "../routing.ts";
import { ok, wire } from "../schemas.ts";

const create = createRoute({
  method: "post",
  path: "/uploads",
  summary: "A form that takes one picture",
  description:
    "S3 takes exactly this many bytes under this type, for ten minutes; what they are is found out when they have come. Follow `media:{id}` or `user:{id}` on the socket, or ask `GET /media/{id}`. Repeated with the same Idempotency-Key and body, the answer is the same.",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: {
    headers: z.object({ "idempotency-key": IdempotencyKey.optional() }),
    body: { content: { "application/json": { schema: CreateUpload } }, required: true },
  },
  responses: { ...ok(Upload, "The form."), ...problems, ...conflictProblem, ...limitProblem },
});

export function createUploads(app: Api): void {
  app.openapi(create, async (c) => {
    const idempotencyKey = c.req.valid("header")["idempotency-key"];
    const upload = await createUpload({
      ...c.req.valid("json"),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    });
    return c.json(wire(upload), 200);
  });
}
