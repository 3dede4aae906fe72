/** What answers about pictures look like. */
import { states, visibilities } from "@frontdesk/core/media";
import { z } from "@hono/zod-openapi";
import { id, moment } from "./schema-parts.ts";

const colour = z.string().openapi({ example: "#a3b1c2", description: "Average colour." });
const placeholder = z.string().openapi({ description: "A tiny picture as a data URL, to show meanwhile." });

export const Reason = z
  .object({ code: z.string(), message: z.string().openapi({ description: "For people." }) })
  .openapi({ description: "Why it was refused." });

export const Picture = z
  .object({
    width: z.int().openapi({ description: "As shown, in pixels." }),
    height: z.int(),
    averageColour: colour,
    placeholder,
    sources: z
      .array(
        z.object({
          contentType: z.string().openapi({ example: "image/avif" }),
          srcset: z.string().openapi({ example: "https://cdn.example.com/media/…/320.avif 320w" }),
          sizes: z.array(z.object({ url: z.url(), width: z.int(), height: z.int(), size: z.int() })),
        }),
      )
      .openapi({ description: "Best compression first; every browser shows the last." }),
    expiresAt: moment
      .nullable()
      .openapi({ description: "Until when the addresses work; null: for ever. Ask again then." }),
  })
  .openapi("Picture");

const shared = {
  id: id("med"),
  visibility: z.enum(visibilities),
  state: z.enum(states),
  filename: z.string().nullable(),
  contentType: z.string().openapi({ description: "As declared." }),
  size: z.int().openapi({ description: "Of the file as it came, in bytes." }),
  reason: Reason.nullable(),
  createdAt: moment,
  updatedAt: moment,
};

export const Media = z
  .object({
    ...shared,
    picture: Picture.nullable().openapi({ description: "Once it is ready." }),
    attachment: z
      .object({ id: id("att"), messageId: id("msg") })
      .nullable()
      .openapi({ description: "Of mail." }),
    version: z.int(),
  })
  .openapi("Media");

export const MediaSummary = z
  .object({
    ...shared,
    width: z.int().nullable(),
    height: z.int().nullable(),
    averageColour: colour.nullable(),
    placeholder: placeholder.nullable(),
  })
  .openapi("MediaSummary");

export const Upload = z
  .object({
    id: id("med"),
    visibility: z.enum(visibilities),
    expiresAt: moment.openapi({ description: "Until when the form may be sent." }),
    upload: z
      .object({
        method: z.literal("POST"),
        url: z.url(),
        fields: z
          .record(z.string(), z.string())
          .openapi({ description: "In any order, before the file, which goes last as `file`." }),
      })
      .openapi({ description: "multipart/form-data; S3 answers 201." }),
  })
  .openapi("Upload");
