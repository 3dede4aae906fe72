import { describe, expect, it } from "vitest";
import { parse, utf8 } from "./message.ts";

const to = (value: string) =>
  parse(`To: ${value}`, "", "t").to.map(({ name, address, group }) =>
    group === undefined ? [name, address] : [name, address, group],
  );

describe("address lists", () => {
  it.each([
    [
      "plain",
      "a@x.org, b@y.org",
      [
        ["", "a@x.org"],
        ["", "b@y.org"],
      ],
    ],
    ["names", "Anna B <a@x.org>", [["Anna B", "a@x.org"]]],
    [
      "quoted names with commas, brackets and quotes",
      '"Doe, \\"J\\" <jr>" <a@x.org>',
      [['Doe, "J" <jr>', "a@x.org"]],
    ],
    ["comments as names", "a@x.org (Anna B)", [["Anna B", "a@x.org"]]],
    ["comments beside names", "Anna (in Bern) <a@x.org>", [["Anna", "a@x.org"]]],
    [
      "groups",
      "Team: Anna <a@x.org>, b@y.org;, c@z.org",
      [
        ["Anna", "a@x.org", "Team"],
        ["", "b@y.org", "Team"],
        ["", "c@z.org"],
      ],
    ],
    ["empty groups", "undisclosed-recipients:;", []],
    ["routes", "Anna <@relay.org,@other.org:a@x.org>", [["Anna", "a@x.org"]]],
    ["obsolete blanks", "a @ x . org", [["", "a@x.org"]]],
    [
      "empty elements",
      ", a@x.org,, b@x.org,",
      [
        ["", "a@x.org"],
        ["", "b@x.org"],
      ],
    ],
    ["encoded names", "=?utf-8?Q?M=C3=BCller=2C_Anna?= <a@x.org>", [["Müller, Anna", "a@x.org"]]],
    [
      "encoded names with commas in them",
      "=?utf-8?Q?M=C3=BCller,_Anna?= <a@x.org>, b@x.org",
      [
        ["Müller, Anna", "a@x.org"],
        ["", "b@x.org"],
      ],
    ],
    ["encoded names inside quotes", '"=?utf-8?Q?M=C3=BCller?=" <a@x.org>', [["Müller", "a@x.org"]]],
    ["raw UTF-8 names", `${utf8("Müller")} <a@x.org>`, [["Müller", "a@x.org"]]],
    ["raw windows-1252 names", '"M\xfcller" <a@x.org>', [["Müller", "a@x.org"]]],
    ["internationalised addresses", `<${utf8("anna@müller.ch")}>`, [["", "anna@müller.ch"]]],
    ["quoted local parts", '"anna b"@x.org', [["", '"anna b"@x.org']]],
    ["quoted local parts that need no quotes", '<"anna"@x.org>', [["", "anna@x.org"]]],
    [
      "semicolons between them",
      "a@x.org; b@y.org",
      [
        ["", "a@x.org"],
        ["", "b@y.org"],
      ],
    ],
    [
      "names with bare commas",
      "Müller, Anna <a@x.org>, b@y.org".replace("ü", "\xfc"),
      [
        ["Müller, Anna", "a@x.org"],
        ["", "b@y.org"],
      ],
    ],
    ["no brackets", "Anna B a@x.org", [["Anna B", "a@x.org"]]],
    [
      "a bracket that is not closed",
      "Anna <a@x.org, b@y.org",
      [
        ["Anna", "a@x.org"],
        ["", "b@y.org"],
      ],
    ],
    ["doubled brackets", "Anna <<a@x.org>>", [["Anna", "a@x.org"]]],
    ["mailto", "<mailto:a@x.org>", [["", "a@x.org"]]],
    ["an address as name of another", '"boss@x.org" <evil@y.org>', [["boss@x.org", "evil@y.org"]]],
    ["a local name alone", "root", [["", "root"]]],
    ["a name alone", "The whole team", [["The whole team", ""]]],
    [
      "an unclosed quote",
      '"Anna <a@x.org>, b@y.org',
      [
        ["Anna", "a@x.org"],
        ["", "b@y.org"],
      ],
    ],
    ["an unclosed comment", "Anna (B <a@x.org>", [["Anna B", "a@x.org"]]],
    ["a domain literal", "a@[192.0.2.1]", [["", "a@[192.0.2.1]"]]],
    ["a null sender", "<>", [["", ""]]],
    ["an at-sign inside a quoted local part", '"boss@x.org"@y.org', [["", '"boss@x.org"@y.org']]],
    [
      "an address in quotes",
      "'a@x.org', <'b@y.org'>",
      [
        ["", "a@x.org"],
        ["", "b@y.org"],
      ],
    ],
    [
      "an address with a bracket too many",
      "a@x.org], b@y.org",
      [
        ["", "a@x.org"],
        ["", "b@y.org"],
      ],
    ],
    ["words beside the address in brackets", "<Anna B a@x.org>", [["", "a@x.org"]]],
    ["an address as its own name", '"A@x.org" <a@x.org>', [["", "a@x.org"]]],
    ["hidden recipients", "<Undisclosed-Recipient:;>", []],
    ["hidden recipients without punctuation", "undisclosed-recipients", []],
  ])("reads %s", (_, value, expected) => {
    expect(to(value)).toEqual(expected);
  });

  it("joins repeated To and Cc fields", () => {
    const mail = parse("To: a@x", "To: b@x", "Cc: c@x", "Cc: d@x", "", "t");
    expect([...mail.to, ...mail.cc].map(({ address }) => address)).toEqual(["a@x", "b@x", "c@x", "d@x"]);
  });

  it("reads From, Sender, Reply-To, Cc and Bcc", () => {
    expect(
      parse("From: a@x, A2 <a2@x>", "Sender: S <s@x>", "Reply-To: r@x, q@x", "Cc: c@x", "Bcc: b@x", "", "t"),
    ).toMatchObject({
      from: [{ address: "a@x" }, { name: "A2", address: "a2@x" }],
      sender: { name: "S", address: "s@x" },
      replyTo: [{ address: "r@x" }, { address: "q@x" }],
      cc: [{ address: "c@x" }],
      bcc: [{ address: "b@x" }],
    });
  });

  it("does not take an address out of an encoded name: what the sender's server checked is the bare one", () => {
    expect(to("=?utf-8?Q?boss=40x=2Eorg_=3Cboss=40x=2Eorg=3E?= <evil@y.org>")).toEqual([
      ["boss@x.org <boss@x.org>", "evil@y.org"],
    ]);
  });
});
