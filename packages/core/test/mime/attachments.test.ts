import { describe, expect, it } from "vitest";
import { parse, utf8 } from "./message.ts";

const named = (...header: string[]) =>
  parse("Content-Type: application/octet-stream", ...header, "", "x").attachments[0]?.filename;
const disposition = (parameters: string) => named(`Content-Disposition: attachment; ${parameters}`);

describe("file names", () => {
  it.each([
    ["plain", "filename=a.pdf", "a.pdf"],
    ["quoted, with blanks and semicolons", 'filename="a b; c.pdf"', "a b; c.pdf"],
    ["unquoted with blanks", "filename=annual report (2).pdf", "annual report (2).pdf"],
    ["RFC 2231 with a charset", "filename*=iso-8859-1'de'Gr%FC%DFe.pdf", "Grüße.pdf"],
    ["RFC 2231 continuations", 'filename*0="long "; filename*1="name"; filename*2=.pdf', "long name.pdf"],
    ["RFC 2231 continuations out of order", "filename*1=b.pdf; filename*0=a", "ab.pdf"],
    [
      "RFC 2231 charset, continuations, a character split",
      "filename*0*=utf-8''Gr%C3; filename*1*=%BC%C3%9Fe; filename*2=.pdf",
      "Grüße.pdf",
    ],
    ["both forms", "filename=Gr__e.pdf; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf", "Grüße.pdf"],
    ["percent signs without a charset", "filename*=Gr%C3%BC%C3%9Fe.pdf", "Grüße.pdf"],
    ["RFC 2047 in quotes", 'filename="=?utf-8?Q?Gr=C3=BC=C3=9Fe.pdf?="', "Grüße.pdf"],
    ["RFC 2047 without quotes", "filename==?utf-8?B?R3LDvMOfZS5wZGY=?=", "Grüße.pdf"],
    ["RFC 2047 in several words", 'filename="=?utf-8?Q?Gr=C3=BC?=\r\n =?utf-8?Q?=C3=9Fe.pdf?="', "Grüße.pdf"],
    ["raw UTF-8", `filename="${utf8("Grüße.pdf")}"`, "Grüße.pdf"],
    ["raw windows-1252", 'filename="Gr\xfc\xdfe.pdf"', "Grüße.pdf"],
    ["an unclosed quote", 'filename="a.pdf', "a.pdf"],
    ["a missing semicolon", "filename=a.pdf size=3", "a.pdf"],
    ["a Unix path", "filename=../../etc/passwd", "passwd"],
    ["a Windows path", 'filename="C:\\Users\\a\\cv.doc"', "cv.doc"],
    ["an encoded path", "filename*=utf-8''..%2F..%2Fetc%2Fpasswd", "passwd"],
    ["control and direction characters", `filename="${utf8("cv\u202efdp.exe")}"`, "cvfdp.exe"],
    ["a NUL", "filename*=utf-8''cv%00.pdf", "cv.pdf"],
    ["dots only", "filename=..", undefined],
    ["nothing", 'filename=""', undefined],
  ])("reads %s", (_, parameters, expected) => {
    expect(disposition(parameters)).toBe(expected);
  });

  it("takes the Content-Type's name when the disposition has none", () => {
    expect(parse("Content-Type: application/pdf; name=a.pdf", "", "x").attachments[0]?.filename).toBe(
      "a.pdf",
    );
  });

  it("cuts endless ones and keeps their ending", () => {
    const name = disposition(`filename=${"a".repeat(500)}.pdf`);
    expect(name).toHaveLength(200);
    expect(name?.endsWith("a.pdf")).toBe(true);
  });
});

describe("content types", () => {
  it.each([
    ["Application/PDF", "application/pdf"],
    ["application / pdf ; x=y", "application/pdf"],
    ["application/pdf (comment)", "application/pdf"],
    ["image/svg+xml", "image/svg+xml"],
  ])("reads %s", (value, expected) => {
    expect(
      parse(`Content-Type: ${value}`, "Content-Disposition: attachment", "", "x").attachments[0]?.contentType,
    ).toBe(expected);
  });

  it.each(["", "text", "nonsense", "a/b/c", "<script>"])("%j is text", (value) => {
    expect(parse(`Content-Type: ${value}`, "", "x").text).toBe("x");
  });

  it("an unknown disposition is an attachment", () => {
    expect(parse("Content-Disposition: form-data", "", "x").attachments).toMatchObject([
      { disposition: "attachment" },
    ]);
  });

  it("gives the bytes of a binary part unchanged", () => {
    const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");
    expect(
      parse("Content-Type: application/octet-stream", "", all).attachments[0]?.content.equals(
        Buffer.from(all, "latin1"),
      ),
    ).toBe(true);
  });
});
