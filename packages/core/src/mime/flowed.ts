/**
 * Joins the lines of a format=flowed text (RFC 3676): a line that ends in a blank goes on in the next line of the same
 * quote depth. Signatures ("-- ") stay lines of their own.
 * @param delSp the blank at the break is no part of the text (for scripts without blanks)
 */
export function unflow(text: string, delSp: boolean): string {
  const lines: string[] = [];
  let flowing = false;
  let previousDepth = 0;
  for (const line of text.split(/\r?\n/)) {
    const depth = /^>*/.exec(line)?.[0].length ?? 0;
    const stuffed = line.slice(depth);
    const content = stuffed.startsWith(" ") ? stuffed.slice(1) : stuffed;
    const isSignature = content === "-- ";
    const last = lines.length - 1;
    if (flowing && depth === previousDepth && !isSignature) {
      const before = lines[last] ?? "";
      lines[last] = (delSp ? before.slice(0, -1) : before) + content;
    } else {
      // A quote keeps the spacing that its sender gave it.
      lines.push(depth === 0 ? content : line);
    }
    flowing = content.endsWith(" ") && !isSignature;
    previousDepth = depth;
  }
  return lines.join("\n");
}
