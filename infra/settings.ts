/**
 * Every setting, with its default; the home region alone is in sst.config.ts, which SST reads first. A stage
 * overrides them in `settings/<stage>.json`; a wrong one stops the synthesis.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { address, domain, domainOf, edgeContradictions, edgeSettings } from "./settings-edge";
import { foundation } from "./settings-foundation";

const region = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "must be an AWS region such as ca-central-1");
const origin = z
  .url("must be an origin such as https://desk.example.com")
  .refine(
    (value) => new URL(value).origin === value,
    "must be an origin without a path, such as https://desk.example.com",
  );

const schema = z.strictObject({
  ...foundation,
  /** Where SES receives. `"us-east-1"` */
  mailRegion: region.default("us-east-1"),
  /**
   * Receiving subdomain, whose MX leads to SES. `"in.example.com"` Default: `in.` of the Workspace domain, and
   * `<stage>.in.` for a stage that shares its account with production.
   */
  mailDomain: domain.optional(),
  /** Google Workspace domain: our people's addresses, and mail that Workspace forwards. `"example.com"` */
  workspaceDomain: domain.default("frontdesk.example"),
  /**
   * The company's mailboxes, and the addresses of the people who may read each, from their first sign-in on (admins read
   * all). `[{"address": "jobs@example.com", "name": "Jobs", "members": ["someone@example.com"]}]`
   */
  mailboxes: z
    .array(
      z.strictObject({
        address,
        name: z.string().min(1, "must be a name that people recognise, such as Jobs"),
        members: z.array(address).default([]),
      }),
    )
    .min(1, 'must name at least one mailbox, such as {"address": "jobs@example.com", "name": "Jobs"}')
    .optional(),
  /** Web origins that may call the API and open sockets. `["https://desk.example.com"]` */
  allowedOrigins: z.array(origin).default(["http://localhost:5173"]),
  /** Where the hosted sign-in page may return to. `["https://desk.example.com/auth/callback"]` */
  callbackUrls: z
    .array(z.url("must be a URL such as https://desk.example.com/auth/callback"))
    .min(1)
    .default(["http://localhost:5173/auth/callback"]),
  /** Where it may return to after signing out. `["https://desk.example.com"]` */
  logoutUrls: z
    .array(z.url("must be a URL such as https://desk.example.com"))
    .min(1)
    .default(["http://localhost:5173"]),
  /** Days that a delivered message's raw object is kept. `90` */
  rawMailDays: z.int("must be a whole number of days").min(1).max(3650).default(90),
  /** Days that a job that has ended is kept, with its history. `30` */
  jobHistoryDays: z.int("must be a whole number of days").min(1).max(3650).default(30),
  /**
   * Bytes of JSON above which a job's payload or result is put into the home bucket instead of the database, from 1 KiB to
   * the 1 MiB that a message of SQS has since August 2025. `262144`
   */
  claimCheckBytes: z
    .int("must be a whole number of bytes")
    .min(1024, "must be at least 1024 bytes")
    .max(1024 * 1024, "must be at most 1048576 bytes, which is what a message of SQS takes")
    .default(128 * 1024),
  /** Least severe line that is logged. `"info"` */
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
  ...edgeSettings,
});

/** Mailboxes of a stage that names none; people as `npm run token` makes them. */
function defaultMailboxes(domain: string, people: string) {
  const [recruiter, viewer] = [`recruiter@${people}`, `viewer@${people}`];
  return [
    { address: `jobs@${domain}`, name: "Jobs", members: [recruiter, viewer] },
    { address: `payroll@${domain}`, name: "Payroll", members: [recruiter] },
    { address: `hello@${domain}`, name: "Hello", members: [recruiter] },
  ];
}

export type Settings = ReturnType<typeof complete>;

/** Fills in what follows from other settings. */
function complete(given: z.output<typeof schema>, stage: string, ownsDomains: boolean) {
  const { workspaceDomain } = given;
  const mailDomain = given.mailDomain ?? `${ownsDomains ? "" : `${stage}.`}in.${workspaceDomain}`;
  return {
    ...given,
    mailDomain,
    zone: given.zone ?? given.domain,
    senders: given.senders ?? [`no-reply@${mailDomain}`],
    mailboxes: given.mailboxes ?? [
      ...defaultMailboxes(ownsDomains ? workspaceDomain : mailDomain, workspaceDomain),
      { address: `support@${mailDomain}`, name: "Support", members: [] },
    ],
    /**
     * Whose mail the receipt rule takes. Every rule of the shared set sees every message, so another stage must not
     * name the domains that production receives for.
     */
    recipientDomains: ownsDomains ? [mailDomain, workspaceDomain] : [mailDomain],
  };
}

/** Rules between settings. */
function contradictions(settings: Settings, stage: string, ownsDomains: boolean): string[] {
  const { mailboxes, databaseCapacity, recipientDomains } = settings;
  const wrong = edgeContradictions(settings, stage, ownsDomains);
  const seen = new Set<string>();
  for (const [index, { address: text }] of mailboxes.entries()) {
    if (!recipientDomains.includes(domainOf(text)))
      wrong.push(
        `mailboxes.${index}.address ${text} is on none of the domains that this stage receives for (${recipientDomains.join(", ")}), so no mail would reach it`,
      );
    if (seen.has(text)) wrong.push(`mailboxes.${index}.address ${text} is there twice`);
    seen.add(text);
  }
  if (databaseCapacity && databaseCapacity.min > databaseCapacity.max)
    wrong.push(`databaseCapacity.min must not be above max (${databaseCapacity.max})`);
  return wrong;
}

/**
 * @param ownsDomains The stage receives for the company's own domains: production, or a machine of its own.
 * @param folder Where `<stage>.json` is looked for: `SETTINGS_FOLDER`, else `settings`. A stage without a file has the
 *   defaults.
 * @throws Error that names each wrong setting and says how it should be.
 */
export function readSettings(
  stage: string,
  {
    ownsDomains,
    folder = process.env.SETTINGS_FOLDER ?? join(process.cwd(), "settings"),
  }: { ownsDomains: boolean; folder?: string },
): Settings {
  const file = join(folder, `${stage}.json`);
  const parsed = schema.safeParse(existsSync(file) ? readJson(file) : {});
  const settings = parsed.success ? complete(parsed.data, stage, ownsDomains) : undefined;
  const wrong = settings
    ? contradictions(settings, stage, ownsDomains)
    : (parsed.error?.issues ?? []).map((issue) => `${issue.path.join(".") || "(the file)"} ${issue.message}`);
  if (settings && wrong.length === 0) return settings;
  throw new Error(
    `settings of stage "${stage}" (${file}) are wrong:\n${wrong.map((line) => `  ${line}`).join("\n")}`,
  );
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file} is not JSON: ${(error as Error).message}`);
  }
}
