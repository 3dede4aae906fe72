/** Settings of what the world outside sees: names, certificates, senders, the CDN, Google. Part of settings.ts. */
import { z } from "zod";

export const domain = z
  .string()
  .regex(/^(?!-)[a-z0-9-]+(\.[a-z0-9-]+)+$/, "must be a lower-case domain name such as example.com");
export const address = z
  .string()
  .transform((value) => value.toLowerCase())
  .pipe(z.email("must be an e-mail address such as jobs@example.com"));

const googleSettings = z
  .strictObject({
    /**
     * OAuth client, made by hand (docs/google.md): sign-in with Google and calendars. Its secret is set by
     * `sst secret set GoogleClientSecret`. `"1234-abc.apps.googleusercontent.com"`
     */
    clientId: z
      .string()
      .regex(
        /^[\w-]+\.apps\.googleusercontent\.com$/,
        "must be the id of an OAuth client such as 1234-abc.apps.googleusercontent.com",
      )
      .optional(),
    /** Project whose APIs (Calendar, Meet) the deployment enables; needs Google credentials. `"example-frontdesk"` */
    project: z
      .string()
      .regex(
        /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/,
        "must be the id of a Google Cloud project such as example-frontdesk",
      )
      .optional(),
    /** Organization that production makes the project in; without it the project exists. `"123456789012"` */
    organization: z
      .string()
      .regex(/^\d+$/, "must be the number of a Google Cloud organization such as 123456789012")
      .optional(),
  })
  .refine(
    ({ clientId, project }) => clientId !== undefined || project !== undefined,
    'must name a clientId, a project or both; leave "google" out to do without',
  );

export const edgeSettings = {
  /**
   * What the stage's own names lie under: `api.`, `ws.`, `cdn.` and `auth.` of it. `"desk.example.com"` Default: none,
   * everything keeps the name that AWS gives it.
   */
  domain: domain.optional(),
  /** Route 53 zone that holds `domain` and `mailDomain`. `"example.com"` Default: `domain`. */
  zone: domain.optional(),
  /** Id of that zone if it exists; otherwise production makes it. `"Z0123456789ABCDEFGHIJ"` */
  zoneId: z
    .string()
    .regex(/^Z[A-Z0-9]{1,31}$/, "must be the id of a hosted zone such as Z0123456789ABCDEFGHIJ")
    .optional(),
  /** Addresses that mail is sent from, besides the mailboxes. `["no-reply@in.example.com"]` Default: `no-reply@` of the mail domain. */
  senders: z.array(address).optional(),
  /**
   * Addresses verified one by one while the account is in SES's sandbox, which lets mail go to no others. Empty it when
   * AWS has moved the account out. `["someone@example.com"]`
   */
  sandboxAddresses: z.array(address).default([]),
  /** What receivers do with mail that claims the mail domain and fails DMARC, and where they report. `{"policy": "reject", "reports": "dmarc@example.com"}` */
  dmarc: z
    .strictObject({
      policy: z.enum(["none", "quarantine", "reject"]).default("quarantine"),
      reports: address.optional(),
    })
    .default({ policy: "quarantine" }),
  /** Where CloudFront keeps copies: `"PriceClass_100"` North America and Europe, `"PriceClass_200"`, `"PriceClass_All"`. */
  priceClass: z.enum(["PriceClass_100", "PriceClass_200", "PriceClass_All"]).default("PriceClass_100"),
  /** Number of the key that signs CDN addresses; the one before stays valid. One more rotates. `2` */
  cdnKey: z.int("must be a whole number from 1").min(1).default(1),
  /** Sign-in with Google, calendars and Meet; off by default. `{"clientId": "1234-abc.apps.googleusercontent.com", "project": "example-frontdesk"}` */
  google: googleSettings.optional(),
};

/** Whether a name is a zone's own or lies under it. */
export const within = (name: string, zone: string) => name === zone || name.endsWith(`.${zone}`);
export const domainOf = (text: string) => text.slice(text.lastIndexOf("@") + 1);

interface Edge {
  domain?: string | undefined;
  zone?: string | undefined;
  zoneId?: string | undefined;
  mailDomain: string;
  recipientDomains: string[];
  senders: string[];
  google?: { project?: string | undefined; organization?: string | undefined } | undefined;
  allowedOrigins: string[];
  callbackUrls: string[];
  logoutUrls: string[];
}

/** Rules between these settings, and those that keep stages of one account apart. */
export function edgeContradictions(settings: Edge, stage: string, ownsDomains: boolean): string[] {
  const { zone, zoneId, mailDomain, google } = settings;
  const wrong: string[] = [];
  if (!ownsDomains)
    for (const key of ["domain", "mailDomain"] as const)
      if (settings[key] !== undefined && !settings[key].startsWith(`${stage}.`))
        wrong.push(
          `${key} must begin with "${stage}.", or it would take what is another stage's of this account`,
        );
  if (zone === undefined && zoneId !== undefined)
    wrong.push("zoneId says which zone, and zone its name: give both");
  if (zone !== undefined) {
    for (const key of ["domain", "mailDomain"] as const)
      if (settings[key] !== undefined && !within(settings[key], zone))
        wrong.push(`${key} ${settings[key]} is not in the zone ${zone}: give a zone that holds it`);
    if (zoneId === undefined && !ownsDomains)
      wrong.push(`zoneId must be given: production alone makes the zone ${zone}`);
  }
  for (const [index, text] of settings.senders.entries())
    if (!settings.recipientDomains.includes(domainOf(text)))
      wrong.push(
        `senders.${index} ${text} is on none of the domains that this stage sends from (${settings.recipientDomains.join(", ")})`,
      );
  for (const key of ["allowedOrigins", "callbackUrls", "logoutUrls"] as const)
    for (const [index, text] of settings[key].entries()) {
      const { protocol, hostname } = new URL(text);
      if (protocol !== "https:" && !["localhost", "127.0.0.1"].includes(hostname))
        wrong.push(`${key}.${index} ${text} must be https (http is for localhost alone)`);
    }
  if (google?.organization !== undefined && google.project === undefined)
    wrong.push("google.project must name the project that google.organization is to hold");
  if (google?.organization !== undefined && !ownsDomains)
    wrong.push("google.organization belongs to production, which makes the project; others use it");
  if (mailDomain === settings.domain)
    wrong.push("mailDomain and domain must differ: the one receives mail, the other serves the web");
  return wrong;
}
