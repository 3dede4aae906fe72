/** Latin-1 entities in the order of their code points from U+00A0 on (HTML 4.01 §24.2). */
const latin1Entities =
  "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";

const entities = new Map<string, string>([
  ...latin1Entities
    .split(" ")
    .map((name, index): [string, string] => [name, String.fromCharCode(0xa0 + index)]),
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
  ["ndash", "–"],
  ["mdash", "—"],
  ["lsquo", "‘"],
  ["rsquo", "’"],
  ["sbquo", "‚"],
  ["ldquo", "“"],
  ["rdquo", "”"],
  ["bdquo", "„"],
  ["bull", "•"],
  ["hellip", "…"],
  ["lsaquo", "‹"],
  ["rsaquo", "›"],
  ["euro", "€"],
  ["trade", "™"],
  ["ensp", " "],
  ["emsp", " "],
  ["thinsp", " "],
  ["zwnj", ""],
  ["zwj", ""],
  ["OElig", "Œ"],
  ["oelig", "œ"],
  ["Scaron", "Š"],
  ["scaron", "š"],
  ["Yuml", "Ÿ"],
]);

/** Replaces character references; those that name nothing stay as they are. */
export function decodeEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,10}));?/g,
    (whole, decimal, hex, name) => {
      if (name !== undefined) return entities.get(String(name)) ?? whole;
      const code = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
      if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return "\ufffd";
      return String.fromCodePoint(code);
    },
  );
}

/** Elements whose content nobody reads. */
const hidden = new Map(
  ["style", "script", "head", "title", "template", "noframes"].map((tag) => [tag, `</${tag}`]),
);
/** Elements that start and end on a line of their own. */
const blocks = new Set(
  "address article aside blockquote center dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tr ul".split(
    " ",
  ),
);
const paragraphs = new Set(["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "table"]);

/** Text of the HTML as a reader sees it, roughly: for search, previews and mail that has no text of its own. Linear. */
export function htmlToText(html: string): string {
  const lines: string[] = [];
  let line = "";
  /** The line is empty or ends in a blank. Kept apart, since looking at a growing string copies it. */
  let blank = true;
  const breakLine = () => {
    lines.push(line.trimEnd());
    line = "";
    blank = true;
  };
  const startBlock = (spaced: boolean) => {
    if (line !== "") breakLine();
    if (spaced && lines.length > 0 && lines.at(-1) !== "") lines.push("");
  };
  const append = (text: string) => {
    const collapsed = decodeEntities(text).replace(/[\s\u00a0]+/g, " ");
    const added = blank ? collapsed.trimStart() : collapsed;
    if (added === "") return;
    line += added;
    blank = added.endsWith(" ");
  };
  /** Hidden elements that were found to have no end: not looked for again, or a page of them costs a search each. */
  const endless = new Set<string>();
  let position = 0;
  while (position < html.length) {
    const open = html.indexOf("<", position);
    if (open < 0) {
      append(html.slice(position));
      break;
    }
    if (open > position) append(html.slice(position, open));
    if (html.startsWith("<!--", open)) {
      const close = html.indexOf("-->", open + 4);
      if (close < 0) break;
      position = close + 3;
      continue;
    }
    const name = /^<(\/?)([a-zA-Z][a-zA-Z0-9:-]{0,40})|^<[!?]/.exec(html.slice(open, open + 45));
    if (name === null) {
      // A "<" that starts no tag is text.
      append("<");
      position = open + 1;
      continue;
    }
    const close = html.indexOf(">", open);
    if (close < 0) break;
    position = close + 1;
    const tag = name[2]?.toLowerCase();
    if (tag === undefined) continue;
    const closing = name[1] === "/";
    const endTag = closing ? undefined : hidden.get(tag);
    if (endTag !== undefined) {
      const pattern = new RegExp(endTag, "gi");
      pattern.lastIndex = position;
      const end = endless.has(tag) ? null : pattern.exec(html);
      if (end !== null) position = end.index;
      else if (tag === "head") endless.add(tag);
      // What an unclosed script or style swallows is not text.
      else break;
      continue;
    }
    if (tag === "br") breakLine();
    else if (tag === "td" || tag === "th") append(" ");
    else if (blocks.has(tag)) {
      startBlock(paragraphs.has(tag));
      if (tag === "li" && !closing) append("- ");
    }
  }
  if (line !== "") breakLine();
  return lines
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}
