/** What SES's authentication and scanning say of a message, and how a developer makes them say something else. */

export const statuses = ["PASS", "FAIL", "GRAY", "PROCESSING_FAILED"] as const;
export type VerdictStatus = (typeof statuses)[number];
const kinds = ["spam", "virus", "spf", "dkim", "dmarc"] as const;
export type VerdictKind = (typeof kinds)[number];
const policies = ["none", "quarantine", "reject"] as const;

export type Verdicts = Record<VerdictKind, VerdictStatus> & {
  /** What the sender's domain asks for; told only when DMARC fails. */
  dmarcPolicy: (typeof policies)[number];
};

/** Header by which a test or a developer sets the verdicts of one message; taken out before it is stored. */
export const OVERRIDE_HEADER = "X-Local-SES-Verdicts";

/** Text that content scanners agree to find, without being harmful: eicar.org and SpamAssassin's GTUBE. */
const eicar = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
const signs: { kind: "spam" | "virus"; pattern: Buffer }[] = [
  { kind: "virus", pattern: Buffer.from(eicar) },
  // As an attachment, on the first full line of its base64.
  { kind: "virus", pattern: Buffer.from(Buffer.from(eicar).toString("base64").slice(0, 76)) },
  {
    kind: "spam",
    pattern: Buffer.from("XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"),
  },
];
const longest = Math.max(...signs.map(({ pattern }) => pattern.length));

export interface Scanner {
  /** Chunks in order; a sign may lie across two. */
  scan(chunk: Buffer): void;
  found: { spam: boolean; virus: boolean };
}
export function createScanner(): Scanner {
  const found = { spam: false, virus: false };
  let tail = Buffer.alloc(0);
  return {
    found,
    scan(chunk) {
      const window = Buffer.concat([tail, chunk]);
      for (const { kind, pattern } of signs) if (!found[kind] && window.includes(pattern)) found[kind] = true;
      tail = window.subarray(Math.max(0, window.length - longest + 1));
    },
  };
}

/** Later sources win: SES's own view, the developer's settings for the run, the message's header. */
export function judge(found: Scanner["found"], ...overrides: Partial<Verdicts>[]): Verdicts {
  const own: Verdicts = {
    spam: found.spam ? "FAIL" : "PASS",
    virus: found.virus ? "FAIL" : "PASS",
    spf: "PASS",
    dkim: "PASS",
    dmarc: "PASS",
    dmarcPolicy: "none",
  };
  return Object.assign(own, ...overrides);
}

/** Reads `spam=FAIL; virus=PASS; dmarcPolicy=reject`. @throws Error naming the part that is wrong. */
export function parseOverrides(text: string): Partial<Verdicts> {
  const overrides: Partial<Verdicts> = {};
  for (const part of text.split(";").map((piece) => piece.trim())) {
    if (part === "") continue;
    const [name = "", value = ""] = part.split("=").map((piece) => piece.trim());
    const kind = kinds.find((known) => known === name.toLowerCase());
    const status = statuses.find((known) => known === value.toUpperCase());
    const policy = policies.find((known) => known === value.toLowerCase());
    if (kind && status) overrides[kind] = status;
    else if (name.toLowerCase() === "dmarcpolicy" && policy) overrides.dmarcPolicy = policy;
    else
      throw new Error(
        `${OVERRIDE_HEADER}: "${part}" must be one of ${kinds.join(", ")} = one of ${statuses.join(", ")}, or dmarcPolicy = one of ${policies.join(", ")}`,
      );
  }
  return overrides;
}
