/**
 * Other files hidden in a picture. What is served is made anew from pixels, so none of them ever gets out; but a file that
 * is a picture and an archive or a page at once was made to deceive somebody, and is refused. What phones and cameras
 * leave in and behind pictures (EXIF, XMP, previews, a film of the moment, padding) is merely left out.
 */
import { polyglot } from "./refusal.ts";
import type { Surrounding } from "./types.ts";

/** Anywhere: too long to be there by chance. */
const anywhere: readonly (readonly [string, string])[] = [
  ["%pdf-", "a PDF"],
  ["<script", "a script"],
  ["<?php", "a program"],
  ["<!doctype html", "a web page"],
  ["<html", "a web page"],
  ["<iframe", "a web page"],
  ["<svg", "an SVG"],
  // Local header and the end of the directory, which archivers look for.
  ["pk\x03\x04", "a ZIP archive"],
  ["pk\x05\x06", "a ZIP archive"],
  ["rar!\x1a\x07", "a RAR archive"],
  ["7z\xbc\xaf\x27\x1c", "a 7-Zip archive"],
  ["\x7felf", "a program"],
];
/** Only at the beginning of what follows the picture. */
const behind: readonly (readonly [RegExp, string])[] = [
  [/^MZ/, "a program"],
  [/^\xca\xfe\xba\xbe/, "a program"],
  [/^#!/, "a program"],
];

/** @throws Refusal `picture_polyglot` */
export function refuseHidden(surroundings: readonly Surrounding[]): void {
  for (const { kind, bytes } of surroundings) {
    const text = bytes.toString("latin1").toLowerCase();
    for (const [pattern, what] of anywhere) if (text.includes(pattern)) throw polyglot(what);
    if (kind !== "trailing") continue;
    const start = bytes.toString("latin1", 0, 16);
    for (const [pattern, what] of behind) if (pattern.test(start)) throw polyglot(what);
  }
}
