import { describe, expect, it } from "vitest";
import { parse } from "./message.ts";

const mixed = (boundary: string, ...parts: string[][]) => [
  `Content-Type: multipart/mixed; boundary="${boundary}"`,
  "",
  ...parts.flatMap((part) => [`--${boundary}`, ...part]),
  `--${boundary}--`,
];
const text = (value: string) => ["Content-Type: text/plain", "", value];
const file = (name: string, value = "x") => [
  "Content-Type: application/pdf",
  `Content-Disposition: attachment; filename=${name}`,
  "",
  value,
];

describe("multiparts", () => {
  it("leave out preamble and epilogue", () => {
    expect(
      parse(
        "Content-Type: multipart/mixed; boundary=b",
        "",
        "preamble",
        "--b",
        "",
        "text",
        "--b--",
        "epilogue",
      ).text,
    ).toBe("text");
  });

  it("number their parts as IMAP does", () => {
    const mail = parse(...mixed("o", [...mixed("i", text("t"), file("a.pdf"))], file("b.pdf")));
    expect(mail.attachments.map(({ filename, partPath }) => [filename, partPath])).toEqual([
      ["a.pdf", "1.2"],
      ["b.pdf", "2"],
    ]);
  });

  it("end at an outer boundary when their own closing one is missing", () => {
    const mail = parse(
      "Content-Type: multipart/mixed; boundary=o",
      "",
      "--o",
      "Content-Type: multipart/alternative; boundary=i",
      "",
      "--i",
      ...text("plain"),
      "--i",
      "Content-Type: text/html",
      "",
      "<p>html</p>",
      "--o",
      ...file("a.pdf"),
      "--o--",
    );
    expect(mail).toMatchObject({ text: "plain", html: "<p>html</p>", attachments: [{ filename: "a.pdf" }] });
    expect(mail.defects).toEqual(["multipart-unclosed"]);
  });

  it("show a text that was cut off, rather than hiding it as a file", () => {
    const mail = parse("Content-Type: multipart/mixed; boundary=b", "", "--b", ...text("cut o"));
    expect(mail).toMatchObject({ text: "cut o", attachments: [] });
    expect(mail.defects).toEqual(["multipart-unclosed"]);
  });

  it.each([
    ["is not declared", "Content-Type: multipart/mixed"],
    ["is declared wrongly", "Content-Type: multipart/mixed; boundary=other"],
    ["differs in case", "Content-Type: multipart/mixed; boundary=BBB"],
  ])("are read when their boundary %s", (_, header) => {
    const mail = parse(header, "", "--bbb", ...text("t"), "--bbb", ...file("a.pdf"), "--bbb--");
    expect(mail).toMatchObject({ text: "t", attachments: [{ filename: "a.pdf" }] });
    expect(mail.defects).toContain("boundary-guessed");
  });

  it("keep boundaries apart of which one is the beginning of the other", () => {
    const mail = parse(
      ...mixed("ab", mixed("a", text("inner"), file("1.pdf")), mixed("abc", text("second"), file("2.pdf"))),
    );
    expect(mail.attachments.map(({ filename }) => filename)).toEqual(["1.pdf", "2.pdf"]);
    expect(mail.text).toBe("inner\nsecond");
  });

  it("may use one boundary for two levels", () => {
    const mail = parse(...mixed("b", [...mixed("b", text("inner"))], file("outer.pdf")));
    expect(mail).toMatchObject({ text: "inner", attachments: [{ filename: "outer.pdf" }] });
  });

  it("take a boundary that ends in dashes, and blanks after a delimiter", () => {
    const mail = parse(
      'Content-Type: multipart/mixed; boundary="b--"',
      "",
      "--b--  ",
      ...text("one"),
      "--b--\t",
      ...text("two"),
      "--b----",
    );
    expect(mail.text).toBe("one\ntwo");
  });

  it("that have no parts are shown as text", () => {
    expect(parse("Content-Type: multipart/mixed; boundary=b", "", "just text").text).toBe("just text");
  });

  it("survive a missing blank line between a part's header and the next delimiter", () => {
    const mail = parse(
      "Content-Type: multipart/mixed; boundary=b",
      "--b",
      ...text("one"),
      "--b",
      "Content-Type: text/plain",
      "--b--",
    );
    expect(mail.text).toBe("one\n");
  });

  it("of kind digest have messages as parts", () => {
    const mail = parse(
      "Content-Type: multipart/digest; boundary=b",
      "",
      "--b",
      "",
      "Subject: one",
      "",
      "t",
      "--b",
      "",
      "Subject: two",
      "",
      "t",
      "--b--",
    );
    expect(mail.attachments.map(({ contentType, message }) => [contentType, message?.subject])).toEqual([
      ["message/rfc822", "one"],
      ["message/rfc822", "two"],
    ]);
  });
});

describe("the choice of text, HTML and attachments", () => {
  const alternative = (...parts: string[][]) => [
    "Content-Type: multipart/alternative; boundary=alt",
    "",
    ...parts.flatMap((part) => ["--alt", ...part]),
    "--alt--",
  ];
  const html = (value: string) => ["Content-Type: text/html", "", value];

  it("takes both forms of an alternative", () => {
    expect(parse(...alternative(text("plain"), html("<p>rich</p>")))).toMatchObject({
      text: "plain",
      html: "<p>rich</p>",
      attachments: [],
    });
  });

  it("makes text of HTML that comes alone, or beside an empty text", () => {
    expect(parse(...html("<p>Gr&uuml;&#xDF;e</p><br>x"))).toMatchObject({ text: "Grüße\n\nx" });
    expect(parse(...alternative(text(" "), html("<p>rich</p>"))).text).toBe("rich");
  });

  it("has no HTML when none was sent", () => {
    expect(parse(...text("t")).html).toBeUndefined();
  });

  it("puts a list's footer after both forms", () => {
    const mail = parse(...mixed("m", alternative(text("plain"), html("<p>rich</p>")), text("footer <1>")));
    expect(mail.text).toBe("plain\nfooter <1>");
    expect(mail.html).toBe('<p>rich</p>\n<pre style="white-space: pre-wrap">footer &lt;1&gt;</pre>');
  });

  it("makes an attachment of a later text with a name, of one marked so, and of every picture", () => {
    const mail = parse(
      ...mixed(
        "m",
        text("body"),
        ["Content-Type: text/plain; name=notes.txt", "", "notes"],
        ["Content-Type: text/html", "Content-Disposition: attachment", "", "<p>"],
        ["Content-Type: image/png", "Content-Disposition: inline", "", "png"],
      ),
    );
    expect(mail.text).toBe("body");
    expect(mail.attachments.map(({ contentType, disposition }) => [contentType, disposition])).toEqual([
      ["text/plain", "attachment"],
      ["text/html", "attachment"],
      ["image/png", "inline"],
    ]);
  });

  it("marks the pieces of a multipart/related, with their Content-ID", () => {
    const mail = parse(
      "Content-Type: multipart/related; boundary=r",
      "",
      "--r",
      ...html('<img src="cid:logo@x">'),
      "--r",
      "Content-Type: image/png",
      "Content-ID: <logo@x>",
      "",
      "png",
      "--r--",
    );
    expect(mail.attachments).toMatchObject([
      { related: true, disposition: "inline", contentId: "logo@x", size: 3 },
    ]);
  });

  it("has no text for a message that is one file", () => {
    const mail = parse(...file("cv.pdf"));
    expect(mail.text).toBeUndefined();
    expect(mail.attachments).toMatchObject([{ filename: "cv.pdf", partPath: "1" }]);
  });

  it("keeps an attached message whole, with its head, and does not mix its text into ours", () => {
    const inner = [
      "From: a@x",
      "Subject: =?utf-8?Q?=C3=BC?=",
      "Message-ID: <i@x>",
      "Date: 1 Jul 2003 10:00 +0000",
      "",
      "inner text",
    ];
    const mail = parse(...mixed("m", text("outer"), ["Content-Type: message/rfc822", "", ...inner]));
    expect(mail.text).toBe("outer");
    expect(mail.attachments[0]).toMatchObject({
      contentType: "message/rfc822",
      message: {
        subject: "ü",
        messageId: "i@x",
        from: [{ address: "a@x" }],
        date: new Date("2003-07-01T10:00:00Z"),
      },
    });
    expect(mail.attachments[0]?.content.toString()).toBe(inner.join("\r\n"));
  });

  it("reads rich text that has no better form", () => {
    expect(parse("Content-Type: text/enriched", "", "<bold>Hello</bold> there")).toMatchObject({
      text: "Hello there",
    });
  });
});
