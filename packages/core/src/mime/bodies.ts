import type { Part } from "./structure.ts";

/** Which leaves are read as plain text, which as HTML, and which are files. A leaf may be in two lists. */
export interface Bodies {
  text: Part[];
  html: Part[];
  attachments: Part[];
}

interface Lists {
  text: Part[] | undefined;
  html: Part[] | undefined;
  attachments: Part[];
}

/**
 * Sorts the leaves as RFC 8621 §4.1.4 does, except that a picture or sound shown inline is always an attachment, too:
 * its bytes have to be kept wherever it is shown.
 */
export function selectBodies(root: Part): Bodies {
  const lists = { text: [], html: [], attachments: [] };
  sort([root], "mixed", false, lists);
  return lists;
}

function isBodyPart(part: Part, index: number, multipart: string): boolean {
  if (part.disposition === "attachment") return false;
  if (part.type !== "text/plain" && part.type !== "text/html") return false;
  const named = part.parameters.has("name") || part.dispositionParameters.has("filename");
  return index === 0 || (multipart !== "related" && !named);
}

function sort(parts: Part[], multipart: string, inAlternative: boolean, lists: Lists): void {
  const { text, html } = lists;
  const textBefore = text?.length ?? -1;
  const htmlBefore = html?.length ?? -1;
  for (const [index, part] of parts.entries()) {
    if (part.children.length > 0) {
      const inner = part.type.slice("multipart/".length);
      sort(part.children, inner, inAlternative || inner === "alternative", lists);
    } else if (!isBodyPart(part, index, multipart)) {
      lists.attachments.push(part);
    } else if (multipart === "alternative") {
      (part.type === "text/plain" ? lists.text : lists.html)?.push(part);
    } else {
      // Inside an alternative, a text that stands first decides which of the two its siblings belong to.
      if (inAlternative && part.type === "text/plain") lists.html = undefined;
      if (inAlternative && part.type === "text/html") lists.text = undefined;
      lists.text?.push(part);
      lists.html?.push(part);
    }
  }
  // The choice holds for this multipart only.
  lists.text = text;
  lists.html = html;
  if (multipart !== "alternative" || text === undefined || html === undefined) return;
  // An alternative with one form only serves for both.
  if (text.length === textBefore) text.push(...html.slice(htmlBefore));
  else if (html.length === htmlBefore) html.push(...text.slice(textBefore));
}
