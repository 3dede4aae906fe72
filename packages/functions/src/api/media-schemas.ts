/** What answers about pictures look like. */
import { states, visibilities } from "@frontdesk/core/media";
import * as z from "zod";
import { id, int, moment, text, textOrNull } from "./schema-parts.ts";

const colour = text.meta({ example: "#a3b1c2", description: "Average colour." });
const placeholder = text.meta({ description: "A tiny picture as a data URL, to show meanwhile." });

export const Reason = z
  .object({ code: text, message: text.meta({ description: "For people." }) })
  .meta({ description: "Why it was refused." });

export const Picture = z
  .object({
    width: int.meta({ description: "As shown, in pixels." }),
    height: int,
    averageColour: colour,
    placeholder,
    sources: z
      .array(
        z.object({
          contentType: text.meta({ example: "image/avif" }),
          srcset: text.meta({ example: "https://cdn.example.com/media/…/320.avif 320w" }),
          sizes: z.array(z.object({ url: z.url(), width: int, height: int, size: int })),
        }),
      )
      .meta({ description: "Best compression first; every browser shows the last." }),
    expiresAt: moment
      .nullable()
      .meta({ description: "Until when the addresses work; null: for ever. Ask again then." }),
  })
  .meta({ id: "Picture" });

const shared = {
  id: id("med"),
  visibility: z.enum(visibilities),
  state: z.enum(states),
  filename: textOrNull,
  contentType: text.meta({ description: "As declared." }),
  size: int.meta({ description: "Of the file as it came, in bytes." }),
  reason: Reason.nullable(),
  createdAt: moment,
  updatedAt: moment,
};

export const Media = z
  .object({
    ...shared,
    picture: Picture.nullable().meta({ description: "Once it is ready." }),
    attachment: z
      .object({ id: id("att"), messageId: id("msg") })
      .nullable()
      .meta({ description: "Of mail." }),
    version: int,
  })
  .meta({ id: "Media" });

export const MediaSummary = z
  .object({
    ...shared,
    width: int.nullable(),
    height: int.nullable(),
    averageColour: colour.nullable(),
    placeholder: placeholder.nullable(),
  })
  .meta({ id: "MediaSummary" });

export const Upload = z
  .object({
    id: id("med"),
    visibility: z.enum(visibilities),
    expiresAt: moment.meta({ description: "Until when the form may be sent." }),
    upload: z
      .object({
        method: z.literal("POST"),
        url: z.url(),
        fields: z
          .record(text, text)
          .meta({ description: "In any order, before the file, which goes last as `file`." }),
      })
      .meta({ description: "multipart/form-data; S3 answers 201." }),
  })
  .meta({ id: "Upload" });
