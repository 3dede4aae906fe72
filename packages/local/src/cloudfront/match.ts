/** Wildcards, as path patterns and policies have them, and the behaviour that a path falls to. */
import type { BehaviourSpec } from "../plan/cdn-types.ts";

/** `*` stands for any characters, none included, `?` for exactly one. Time grows with the product of the lengths. */
export function wildcard(pattern: string, text: string): boolean {
  let at = 0;
  let back = 0;
  let star = -1;
  for (let position = 0; position < text.length; ) {
    const wanted = pattern[at];
    if (wanted === "*") {
      star = at;
      at += 1;
      back = position;
    } else if (wanted !== undefined && (wanted === "?" || wanted === text[position])) {
      at += 1;
      position += 1;
    } else if (star >= 0) {
      at = star + 1;
      back += 1;
      position = back;
    } else return false;
  }
  while (pattern[at] === "*") at += 1;
  return at === pattern.length;
}

/**
 * The first behaviour whose pattern the path fits; case counts, a leading slash of the pattern does not.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html#DownloadDistValuesPathPattern
 */
export function behaviourFor(behaviours: readonly BehaviourSpec[], path: string): BehaviourSpec {
  const plain = normalisedPath(path);
  const found = behaviours.find(({ pattern }) =>
    wildcard(pattern.startsWith("/") || pattern.startsWith("*") ? pattern : `/${pattern}`, plain),
  );
  if (!found) throw new Error("a distribution without a default behaviour");
  return found;
}

/**
 * The path by which the behaviour is chosen: RFC 3986's (section 6.2.2) normal form, so that nobody gets around a
 * pattern by writing it in another way. The origin is asked for the path as it was sent.
 */
export function normalisedPath(path: string): string {
  const decoded = path.replace(/%[0-9a-f]{2}/gi, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : encoded.toUpperCase();
  });
  if (!/\/\.{1,2}(\/|$)/.test(decoded)) return decoded;
  const kept: string[] = [];
  const parts = decoded.split("/").slice(1);
  for (const part of parts) {
    if (part === "..") kept.pop();
    else if (part !== ".") kept.push(part);
  }
  const last = parts.at(-1);
  return `/${kept.join("/")}${(last === "." || last === "..") && kept.length > 0 ? "/" : ""}`;
}
