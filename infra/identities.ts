/** Domains and addresses verified with SES: one identity per account and region, so production's, which other stages use. */
import { accountId, homeRegion, mailProvider, ownsRuleSet, settings } from "./stage";

const { mailDomain, workspaceDomain, mailRegion } = settings;

/** An identity with what DNS must hold for it. */
export interface Identity {
  /** Its logical id. */
  id: string;
  domain: string;
  /** Easy DKIM's three, each region its own: CNAMEs `<token>._domainkey.<domain>`. */
  dkimTokens: $util.Output<string[]>;
  /** Envelope sender's domain of what SES sends, in the home region alone (its MX can name one region). */
  mailFrom?: string;
}

function verify(name: string, domain: string, options?: $util.CustomResourceOptions) {
  const identity = new aws.sesv2.EmailIdentity(
    name,
    { emailIdentity: domain, dkimSigningAttributes: { nextSigningKeyLength: "RSA_2048_BIT" } },
    options,
  );
  return {
    id: name,
    domain,
    dkimTokens: identity.dkimSigningAttributes.apply(({ tokens }) => tokens ?? []),
  };
}

/** Mail is sent from home. A MAIL FROM of our own lets SPF agree with the From header's domain (DMARC). */
function verifySender(name: string, domain: string): Identity {
  const mailFrom = `bounce.${domain}`;
  const identity = verify(`${name}SendingIdentity`, domain);
  new aws.sesv2.EmailIdentityMailFromAttributes(`${name}MailFrom`, {
    emailIdentity: domain,
    mailFromDomain: mailFrom,
    // While its MX record is missing, mail goes out with SES's own MAIL FROM rather than not at all.
    behaviorOnMxFailure: "USE_DEFAULT_VALUE",
  });
  return { ...identity, mailFrom };
}

function declareIdentities(): Identity[] {
  if (!ownsRuleSet) return [];
  const domains = { MailDomain: mailDomain, WorkspaceDomain: workspaceDomain };
  const sending = Object.entries(domains).map(([name, domain]) => verifySender(name, domain));
  for (const [index, email] of settings.sandboxAddresses.entries())
    new aws.sesv2.EmailIdentity(`SandboxAddress${index}`, { emailIdentity: email });
  // Where mail is received at home, the same identity serves both.
  if (mailRegion === homeRegion) return sending;
  const receiving = Object.entries(domains).map(([name, domain]) =>
    verify(`${name}Identity`, domain, { provider: mailProvider }),
  );
  return [...sending, ...receiving];
}
export const identities = declareIdentities();

/** A domain and what it lies under, top-level domains left out. */
function parents(domain: string): string[] {
  const labels = domain.split(".");
  return labels.slice(0, -1).map((_, index) => labels.slice(index).join("."));
}

/**
 * Identities that this stage's mail may be sent with. SES takes the nearest verified parent of the sender's domain, which
 * is production's: a stage of the same account names them without declaring any. In the sandbox SES asks for the
 * recipients' identities as well.
 */
export const sendingIdentityArns = [
  ...new Set([
    ...(ownsRuleSet ? settings.recipientDomains : settings.recipientDomains.flatMap(parents)),
    ...settings.sandboxAddresses,
  ]),
].map((identity) => $interpolate`arn:aws:ses:${homeRegion}:${accountId}:identity/${identity}`);
