/** A media as it is answered: what a page needs to show it, at any size, in any browser. */
import * as cdn from "../cdn/index.ts";
import { now } from "../clock/index.ts";
import type { State, StoredVariant, Visibility } from "./types.ts";

export interface Size {
  url: string;
  width: number;
  height: number;
  /** Bytes. */
  size: number;
}

/** The sizes in one format: for `<source type srcset>`, the last one for `<img>` too. */
export interface Source {
  contentType: string;
  /** `https://… 320w, https://… 640w` */
  srcset: string;
  sizes: Size[];
}

export interface Picture {
  /** As shown. */
  width: number;
  height: number;
  /** `#rrggbb`, and a tiny picture as a data URL: to show until it is loaded. */
  averageColour: string;
  placeholder: string;
  /** The best one first; every browser shows the last. */
  sources: Source[];
  /** Until when the addresses work; null: for ever. */
  expiresAt: Date | null;
}

export interface Media {
  id: string;
  visibility: Visibility;
  state: State;
  filename: string | null;
  contentType: string;
  size: number;
  /** Why it was refused. */
  reason: { code: string; message: string } | null;
  /** Of the sizes, once it is ready. */
  picture: Picture | null;
  /** The attachment that it is of, with its message. */
  attachment: { id: string; messageId: string } | null;
  version: number;
  createdAt: Date;
  updatedAt: Date;
}

/** Columns of `m` and its content `c` that {@link view} takes. */
export const columns = `
  m.id, m.visibility, m.state, m.filename, m.content_type as "contentType", m.size, m.version,
  m.created_at as "createdAt", m.updated_at as "updatedAt",
  case when m.refusal_code is not null
       then json_build_object('code', m.refusal_code, 'message', m.refusal_message) end as reason,
  case when m.state = 'ready'
       then json_build_object('width', c.width, 'height', c.height, 'averageColour', c.average_colour,
                              'placeholder', c.placeholder, 'variants', c.variants) end as content`;

export interface Row extends Omit<Media, "picture" | "attachment"> {
  content: (Omit<Picture, "sources" | "expiresAt"> & { variants: StoredVariant[] }) | null;
}

/**
 * Addresses of private pictures work for 15 to 30 minutes, and are the same within each quarter of an hour (core/src/cdn),
 * so that browsers keep what they loaded.
 */
const stepMs = 15 * 60_000;

/** When addresses that are given out now end. */
export const addressesUntil = (at: number) => (Math.ceil(at / stepMs) + 1) * stepMs;

/** Best compression first; what is not among them comes last, in every browser. */
const order = ["avif", "webp"];
const rank = (format: string) => (order.includes(format) ? order.indexOf(format) : order.length);

/** A picture's addresses. All sizes of a private one share a signature; nothing is sent to make it. */
export async function pictureOf({
  content,
  visibility,
}: Pick<Row, "content" | "visibility">): Promise<Picture | null> {
  if (!content) return null;
  const { variants, ...rest } = content;
  const address = await addresses(visibility, variants);
  const formats = [...new Set(variants.map(({ format }) => format))].sort((a, b) => rank(a) - rank(b));
  const sources = formats.map((format): Source => {
    const ofFormat = variants
      .filter((variant) => variant.format === format)
      .sort((a, b) => a.width - b.width);
    const sizes = ofFormat.map(({ key, width, height, size }) => ({
      url: address(key),
      width,
      height,
      size,
    }));
    return {
      contentType: ofFormat[0]?.contentType ?? "",
      srcset: sizes.map(({ url, width }) => `${url} ${width}w`).join(", "),
      sizes,
    };
  });
  return { ...rest, sources, expiresAt: visibility === "public" ? null : new Date(addressesUntil(now())) };
}

async function addresses(
  visibility: Visibility,
  variants: readonly StoredVariant[],
): Promise<(key: string) => string> {
  const [first] = variants;
  if (visibility === "public" || !first) return cdn.publicUrl;
  return cdn.signedUrls(first.key.slice(0, first.key.lastIndexOf("/") + 1), stepMs / 1_000);
}
