/** Where the objects of pictures lie in the home bucket. */
import { createHash } from "node:crypto";
import * as id from "../id/index.ts";
import type { Visibility } from "./types.ts";

/** As infra/uploads.ts has it: S3 tells the image queue what is written here, and what nobody deletes expires. */
const uploadPrefix = "tmp/uploads/";

/** As infra/storage.ts has them: the CDN shows the first to everybody, the second by signed address. */
const prefixes: Record<Visibility, string> = { public: "media/", private: "private/" };

export const uploadKey = (mediaId: string) => `${uploadPrefix}${mediaId}`;

/** The media that an upload's key is for; undefined for a key that is not one of an upload. */
export function mediaOfUpload(key: string): string | undefined {
  const mediaId = key.startsWith(uploadPrefix) ? key.slice(uploadPrefix.length) : "";
  return id.is("media", mediaId) ? mediaId : undefined;
}

export interface Source {
  visibility: Visibility;
  sha256: string;
  recipe: string;
  generation: number;
}

/**
 * A content's identifier: it follows from the bytes, how sizes are made of them, who may see them, and how often the
 * same was there and removed before. So the same picture has one name while it is there, and a name that was given up
 * is never used again: what a cache, or a removal on its way, holds of the old one does not touch the new one.
 */
export function contentId({ visibility, sha256, recipe, generation }: Source): string {
  return createHash("sha256").update([visibility, sha256, recipe, generation].join("\n")).digest("hex");
}

export function variantKey(
  visibility: Visibility,
  content: string,
  variant: { width: number; format: string },
): string {
  return `${prefixes[visibility]}${content}/${variant.width}.${variant.format}`;
}

/** The content that an object belongs to; undefined for what is none of ours. */
export function contentOfKey(key: string): string | undefined {
  return /^(?:media|private)\/([0-9a-f]{64})\//.exec(key)?.[1];
}
