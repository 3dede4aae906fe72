import { htmlToText } from "@frontdesk/core/mime";
import iconv from "iconv-lite";
import { describe, expect, it } from "vitest";
import { parse } from "./message.ts";

const body = (encoding: string, ...lines: string[]) =>
  parse(`Content-Transfer-Encoding: ${encoding}`, "", ...lines);
const attached = (encoding: string, ...lines: string[]) => {
  const mail = parse(
    "Content-Type: application/octet-stream",
    `Content-Transfer-Encoding: ${encoding}`,
    "",
    ...lines,
  );
  return { content: mail.attachments[0]?.content.toString("latin1"), defects: mail.defects };
};

describe("transfer encodings", () => {
  it.each([
    ["base64", ["SGVs", "bG8="], "Hello"],
    ["BASE64 (comment)", ["SGVsbG8"], "Hello"],
    ["quoted-printable", ["a=3Db=", "c =E4  ", "d=\t"], "a=bc ä  \nd"],
    ["Quoted-Printable", ["100 % = all =zz"], "100 % = all =zz"],
    ["7bit", ["plain =3D"], "plain =3D"],
    ["x-unheard-of", ["plain"], "plain"],
  ])("%s", (encoding, lines, expected) => {
    expect(body(encoding, ...lines).text).toBe(expected);
  });

  it("base64 skips foreign characters, bridges padding in the middle and says so", () => {
    expect(attached("base64", "SGVs!bG8=")).toMatchObject({
      content: "Hello",
      defects: ["base64-illegal-characters"],
    });
    expect(attached("base64", "SGVsbG8gV29ybGQsIA==", "SGVsbG8gV29ybGQsIGFnYWlu")).toMatchObject({
      content: "Hello World, Hello World, again",
      defects: ["base64-concatenated"],
    });
    expect(attached("base64", "SGVsbG8= see above").content).toBe("Hello");
  });

  it("a text whose encoding cannot be undone is shown as it came, or attached when there is other text", () => {
    expect(body("base64", "This is not base64 at all, is it? No!")).toMatchObject({
      text: "This is not base64 at all, is it? No!",
    });
    const mail = parse(
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "--b",
      "",
      "fine",
      "--b",
      "Content-Transfer-Encoding: base64",
      "",
      "?garbage",
      "--b--",
    );
    expect(mail).toMatchObject({ text: "fine", attachments: [{ partPath: "2", size: 8 }] });
    expect(mail.defects).toContain("transfer-encoding-invalid");
  });

  it("uuencode, cut or whole", () => {
    const lines = ["begin 644 cat.txt", "#0V%T", "`", "end"];
    expect(attached("x-uuencode", ...lines)).toEqual({ content: "Cat", defects: [] });
    expect(attached("uuencode", ...lines.slice(0, 2))).toEqual({
      content: "Cat",
      defects: ["uuencode-truncated"],
    });
  });

  it("yEnc, with its escapes and its size", () => {
    const encoded = [..."Cat="].map((char) => String.fromCharCode(char.charCodeAt(0) + 42)).join("");
    expect(attached("yenc", "=ybegin line=128 size=4 name=cat", encoded, "=yend size=4")).toEqual({
      content: "Cat=",
      defects: [],
    });
    expect(attached("yenc", "=ybegin line=128 size=9 name=cat", "=}", "=yend size=9")).toEqual({
      content: String.fromCharCode((0x7d - 64 - 42) & 255),
      defects: ["yenc-size-mismatch"],
    });
  });

  it("an encoded file inside a text is pointed out", () => {
    expect(parse("", "hello", "begin 644 cat.txt", "#0V%T", "end").defects).toContain("inline-encoded-file");
  });
});

describe("charsets", () => {
  const decoded = (charset: string, bytes: Buffer) =>
    parse(`Content-Type: text/plain; charset=${charset}`, "", bytes.toString("latin1"));

  it.each([
    ["utf-8", Buffer.from("Grüße 日本")],
    ["windows-1251", iconv.encode("Привет", "windows-1251")],
    ["koi8-r", iconv.encode("Привет", "koi8-r")],
    ["gb2312", iconv.encode("中文", "gbk")],
    ["big5", iconv.encode("中文", "big5")],
    ["ks_c_5601-1987", iconv.encode("한국어", "euc-kr")],
    ["shift_jis", iconv.encode("日本", "shift_jis")],
    ["iso-2022-jp", Buffer.from("\x1b$BF|K\\\x1b(B", "latin1")],
    ["iso-2022-kr", Buffer.from("\x1b$)C\x0eGQ19\x0f!", "latin1")],
    ["hz-gb-2312", Buffer.from("~{VPND~}!", "latin1")],
    ["utf-7", Buffer.from("Gr+APwA3w-e")],
    ["utf-16", Buffer.from("\ufeffGrüße", "utf16le")],
    ["x-mac-roman", iconv.encode("Grüße", "macintosh")],
    ["utf8", Buffer.from("Grüße")],
    ['"iso-8859-1"', Buffer.from("Gr\xfc\xdfe \x80", "latin1")],
  ])("%s", (charset, bytes) => {
    const expected = {
      "iso-2022-jp": "日本",
      "iso-2022-kr": "한국!",
      "hz-gb-2312": "中文!",
      "utf-7": "Grüße",
      '"iso-8859-1"': "Grüße €",
    }[charset];
    const mail = decoded(charset, bytes);
    expect(mail.text).toBe(
      expected ??
        {
          "utf-8": "Grüße 日本",
          "windows-1251": "Привет",
          "koi8-r": "Привет",
          gb2312: "中文",
          big5: "中文",
          "ks_c_5601-1987": "한국어",
          shift_jis: "日本",
        }[charset] ??
        "Grüße",
    );
    expect(mail.defects.filter((defect) => defect.startsWith("charset"))).toEqual([]);
  });

  it("judges the bytes when the label is missing, unknown or wrong", () => {
    expect(decoded("x-nonsense", Buffer.from("Grüße"))).toMatchObject({
      text: "Grüße",
      defects: ["charset-unknown"],
    });
    expect(decoded("us-ascii", Buffer.from("Gr\xfc\xdfe", "latin1"))).toMatchObject({
      text: "Grüße",
      defects: ["charset-8bit-in-ascii"],
    });
    expect(decoded("utf-8", Buffer.from("Gr\xfc\xdfe", "latin1"))).toMatchObject({
      text: "Grüße",
      defects: ["charset-invalid-bytes"],
    });
    expect(decoded("utf-8", Buffer.concat([Buffer.from("Grü"), Buffer.from([0xff])])).text).toBe("Grü\ufffd");
    expect(parse("", Buffer.from("Grüße").toString("latin1")).text).toBe("Grüße");
  });

  it("follows the meta element of HTML that declares nothing", () => {
    const html = `<meta http-equiv="Content-Type" content="text/html; charset=koi8-r"><p>${iconv.encode("Привет", "koi8-r").toString("latin1")}`;
    expect(parse("Content-Type: text/html", "", html).text).toBe("Привет");
  });

  it("lets neither NUL nor a lone surrogate through: PostgreSQL stores neither", () => {
    expect(parse("", "a\x00b")).toMatchObject({
      text: "ab",
      defects: expect.arrayContaining(["nul-characters"]),
    });
    expect(decoded("utf-7", Buffer.from("+2D0-")).text).toBe("\ufffd");
  });
});

describe("format=flowed", () => {
  const flowed = (parameters: string, ...lines: string[]) =>
    parse(`Content-Type: text/plain; format=flowed${parameters}`, "", ...lines).text;

  it("joins flowed lines, unstuffs, and keeps quotes and signatures", () => {
    expect(flowed("", "one ", "two", "  stuffed", "> quoted ", "> on", "> > deeper", "-- ", "Anna")).toBe(
      "one two\n stuffed\n> quoted on\n> > deeper\n-- \nAnna".replace("> > deeper", "> > deeper"),
    );
  });

  it("takes the blank at the break away with DelSp", () => {
    expect(flowed("; delsp=yes", "日 ".replace("日", "x"), "y")).toBe("xy");
  });
});

describe("text made of HTML", () => {
  it.each([
    ["<p>one</p><p>two<br>three</p>", "one\n\ntwo\nthree"],
    ["<head><title>t</title><style>p{}</style></head><body>b<script>x</script></body>", "b"],
    ["<ul><li>a<li>b</ul>", "- a\n- b"],
    ["<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"],
    ["a &amp; b &lt;c&gt; &#8364;&#x20AC; &unknown; &nbsp;d", "a & b <c> €€ &unknown; d"],
    ["1 < 2 <!-- no > --> yes", "1 < 2 yes"],
    ["cut <a href", "cut"],
    ["<script>never closed", ""],
  ])("%s", (html, expected) => {
    expect(htmlToText(html)).toBe(expected);
  });
});
