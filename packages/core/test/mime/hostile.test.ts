import { defaultLimits, parseMail } from "@frontdesk/core/mime";
import { describe, expect, it } from "vitest";
import { bytes, parse, parseWith } from "./message.ts";

const mebibyte = 1 << 20;
const fill = (unit: string, size = mebibyte) => unit.repeat(Math.ceil(size / unit.length));

describe("bounds", () => {
  it("read no more of a message than allowed", () => {
    const mail = parseWith({ limits: { messageBytes: 20 } }, "Subject: s", "", "0123456789 and more");
    expect(mail).toMatchObject({ subject: "s", text: "012345" });
    expect(mail.defects).toContain("message-too-large");
  });

  it("keep the first parts and stop there", () => {
    const parts = Array.from({ length: 50 }, (_, i) => `--b\r\nContent-Type: application/x\r\n\r\n${i}`);
    const mail = parseWith(
      { limits: { parts: 10 } },
      "Content-Type: multipart/mixed; boundary=b",
      "",
      ...parts,
      "--b--",
    );
    expect(mail.attachments.map(({ content }) => content.toString())).toEqual(
      Array.from({ length: 10 }, (_, i) => `${i}`),
    );
    expect(mail.defects).toContain("too-many-parts");
  });

  it("go down a number of levels and keep what is deeper as one file", () => {
    const levels = Array.from(
      { length: 100 },
      (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}`,
    );
    const mail = parse(...levels, "Content-Type: text/plain", "", "deep");
    expect(mail.defects).toContain("nesting-too-deep");
    expect(mail.attachments).toHaveLength(1);
    expect(mail.attachments[0]?.partPath.split(".")).toHaveLength(defaultLimits.depth);
    expect(mail.attachments[0]?.content.toString()).toContain("deep");
  });

  it("keep the first header fields, and the body behind too many or too large ones", () => {
    expect(
      parseWith({ limits: { headers: 3 } }, "A: 1", "B: 2", "C: 3", "Subject: lost", "", "body"),
    ).toMatchObject({
      subject: "",
      text: "body",
      defects: ["too-many-headers"],
    });
    expect(parse("Subject: s", `X-Long: ${fill("x", 2 * mebibyte)}`, "Y: 1", "", "body")).toMatchObject({
      subject: "s",
      text: "body",
      defects: ["header-too-large"],
    });
  });

  it("decode no more than allowed and name what was left out", () => {
    const part = ["--b", "Content-Type: application/x", "", "0123456789"];
    const mail = parseWith(
      { limits: { decodedBytes: 15 } },
      "Content-Type: multipart/mixed; boundary=b",
      "",
      ...part,
      ...part,
      "--b--",
    );
    expect(mail.attachments.map(({ size }) => size)).toEqual([10, 0]);
    expect(mail.defects).toContain("decoded-size-exceeded");
  });

  it("cut texts, address lists and references", () => {
    expect(parseWith({ limits: { textLength: 5 } }, "", "0123456789")).toMatchObject({
      text: "01234",
      defects: expect.arrayContaining(["text-too-long"]),
    });
    expect(parseWith({ limits: { listEntries: 2 } }, "To: a@x, b@x, c@x", "", "t").to).toHaveLength(2);
    const mail = parseWith(
      { limits: { listEntries: 3 } },
      "References: <1@x> <2@x> <3@x> <4@x> <5@x>",
      "",
      "t",
    );
    expect(mail.references).toEqual(["1@x", "4@x", "5@x"]);
  });
});

/** Each costs quadratic time, or more, in a parser that is careless in one place; here each is done in a moment. */
describe("inputs made to be slow are read all the same", () => {
  const bombs: Record<string, string> = {
    "open angles": `To: ${fill("< ")}\n\n`,
    "open angles with addresses": `To: ${fill("<a@b ")}\n\n`,
    quotes: `To: ${fill('"a" ')}"\n\n`,
    "open comments": `To: ${fill("(")}\n\n`,
    "at-signs": `To: ${fill("a @ ")}\n\n`,
    blanks: `To: ${fill(" ")}x\n\n`,
    colons: `To: a@b${fill(":")}\n\n`,
    commas: `To: <${fill(",")}\n\n`,
    "unclosed encoded words": `Subject: ${fill("=?utf-8?Q?a", 262_144)}\n\n`,
    "encoded words in unknown charsets": `Subject: ${fill("=?a?Q?", 262_144)}\n\n`,
    "open references": `References: ${fill("< ")}>\n\n`,
    parameters: `Content-Type: text/plain; ${fill("name*1=b;")}\n\n`,
    "open comments in parameters": `Content-Type: text/plain ${fill("(")}\n\n`,
    "comments in Received": `Received: ${fill("(")}\n\n`,
    "authentication results": `Authentication-Results: x; ${fill("a")}\n\n`,
    "header lines": `${fill("a:\n", 4 * mebibyte)}\n`,
    "folds without content": `${fill(" \n", 4 * mebibyte)}`,
    "delimiters in a header": `Content-Type: multipart/mixed;\n${fill("--x\nA: b\n")}`,
    "nested multiparts whose boundaries must be guessed": `${Array.from({ length: 2000 }, (_, i) => `Content-Type: multipart/mixed; boundary=q\n\n--b${i}\n`).join("")}${fill("--x\n", 2 * mebibyte)}`,
    parts: `Content-Type: multipart/mixed; boundary=b\n\n${fill("--b\n\nx\n", 4 * mebibyte)}`,
    "near-delimiters": `Content-Type: multipart/mixed; boundary=b\n\n--b\n\n${fill("--x\n", 4 * mebibyte)}`,
    "padding in base64": `Content-Transfer-Encoding: base64\n\n${fill("YQ==\n", 2 * mebibyte)}`,
    "equals signs in quoted-printable": `Content-Transfer-Encoding: quoted-printable\n\n${fill("= ", 2 * mebibyte)}`,
    "open tags": `Content-Type: text/html\n\n${fill("<", 2 * mebibyte)}`,
    "heads without end": `Content-Type: text/html\n\n${fill("<head>", 2 * mebibyte)}`,
    "open HTML comments": `Content-Type: text/html\n\n${fill("<!--", 2 * mebibyte)}`,
    "delivery statuses": `Content-Type: message/delivery-status\n\n${fill("Action: failed\n\n", 2 * mebibyte)}`,
    "nothing but NUL": fill("\0", 4 * mebibyte),
    "nothing but CR": fill("\r", 4 * mebibyte),
  };

  it.each(Object.entries(bombs))("%s", (_, source) => {
    const mail = parseMail(Buffer.from(source, "latin1"));
    expect(mail.to.length).toBeLessThanOrEqual(defaultLimits.listEntries);
    expect(mail.headers.length).toBeLessThanOrEqual(defaultLimits.headers);
    expect(mail.attachments.length).toBeLessThanOrEqual(defaultLimits.parts + 1);
  });
});

describe("any bytes give a result", () => {
  const seedMessage = bytes(
    "Received: from a (b [1.2.3.4]) by c with ESMTP id d for <e@f>; Tue, 1 Jul 2003 10:52:37 +0200",
    "From: =?utf-8?Q?M=C3=BCller?= <a@x.org>",
    'To: "Doe, J" <b@x.org>, Team: c@x.org, d@x.org;',
    "Subject: =?iso-2022-jp?B?GyRCRnxLXBsoQg==?= and =?utf-8?B?w7w=?=",
    "References: <1@x> <2@x>",
    'Content-Type: multipart/mixed; boundary="outer"',
    "",
    "--outer",
    "Content-Type: multipart/alternative; boundary=inner",
    "",
    "--inner",
    "Content-Type: text/plain; charset=utf-7; format=flowed",
    "",
    "Gr+APwA3w-e ",
    "> x",
    "--inner",
    "Content-Type: text/html; charset=utf-8",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    "<p>=C3=BC &amp; =E2=82=AC</p><script>x</script>",
    "--inner--",
    "--outer",
    "Content-Type: application/pdf; name*0*=utf-8''a%C3; name*1*=%BC.pdf",
    "Content-Transfer-Encoding: base64",
    "",
    "SGVsbG8gV29ybGQ=",
    "--outer",
    "Content-Type: message/delivery-status",
    "",
    "Final-Recipient: rfc822; a@b",
    "Action: failed",
    "--outer",
    "Content-Type: message/rfc822",
    "",
    "Subject: inner",
    "",
    "--outer--",
  );
  const fragments = [
    "--outer",
    "--inner--",
    "\r",
    "\n",
    "\r\n",
    "\0",
    "=?",
    "?=",
    '"',
    "(",
    "<",
    ";",
    ":",
    "\x1b$B",
    "=\r\n",
    "+2D0-",
    "begin 644 x\n",
    "\xff\xfe",
    " ",
  ];

  /** Numbers that look random and are the same in every run (mulberry32). */
  const random = (seed: number) => (below: number) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };

  function mutate(source: Buffer, pick: (below: number) => number): Buffer {
    let result = Buffer.from(source);
    for (let edits = 1 + pick(8); edits > 0 && result.length > 0; edits--) {
      const at = pick(result.length);
      const from = pick(result.length);
      const head = result.subarray(0, at);
      switch (pick(5)) {
        case 0:
          result = Buffer.concat([head, Buffer.from([pick(256)]), result.subarray(at + 1)]);
          break;
        case 1:
          result = Buffer.concat([head, result.subarray(at + pick(200))]);
          break;
        case 2:
          result = Buffer.concat([head, result.subarray(from, from + pick(300)), result.subarray(at)]);
          break;
        case 3:
          result = Buffer.concat([
            head,
            Buffer.from(fragments[pick(fragments.length)] ?? "", "latin1"),
            result.subarray(at),
          ]);
          break;
        default:
          result = Buffer.from(head);
      }
    }
    return result;
  }

  it.each([1, 2, 3, 4])("however a message is damaged (seed %i), and what it gives can be stored", (seed) => {
    const pick = random(seed);
    for (let round = 0; round < 1000; round++) {
      const mail = parseMail(mutate(seedMessage, pick));
      const { attachments, ...rest } = mail;
      const stored = JSON.stringify([
        rest,
        attachments.map(({ content, ...attachment }) => [attachment, content.length]),
      ]);
      // What PostgreSQL refuses in text and jsonb.
      expect(stored).not.toMatch(/\\u0000|\\ud[89a-f]/i);
    }
  });

  it("down to none at all, and up to noise", () => {
    expect(parseMail(Buffer.alloc(0))).toMatchObject({
      subject: "",
      from: [],
      attachments: [],
      defects: ["empty", "header-missing"],
    });
    const pick = random(5);
    for (let round = 0; round < 300; round++) {
      const noise = Buffer.from(Array.from({ length: pick(2000) }, () => pick(256)));
      expect(parseMail(noise).defects).toContain(noise.length === 0 ? "empty" : "header-missing");
    }
  });

  it("and leaves the given bytes as they were", () => {
    const before = Buffer.from(seedMessage);
    parseMail(seedMessage);
    expect(seedMessage.equals(before)).toBe(true);
    expect(parseMail(seedMessage)).toEqual(parseMail(seedMessage));
  });
});
