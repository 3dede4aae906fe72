/** DNS of the mail, and who may issue certificates for our names. */
import { ownName, record } from "./dns";
import { identities } from "./identities";
import { homeRegion, settings } from "./stage";

const { domain, mailDomain, mailRegion, dmarc } = settings;
/** As SES asks for it (https://docs.aws.amazon.com/ses/latest/dg/mail-from.html). */
const spf = "v=spf1 include:amazonses.com ~all";

record("MailDomainMx", mailDomain, {
  name: mailDomain,
  type: "MX",
  values: [`10 inbound-smtp.${mailRegion}.amazonaws.com`],
});
record("MailDomainSpf", mailDomain, { name: mailDomain, type: "TXT", values: [spf] });
// Of the mail domain alone: the Workspace domain's own MX, SPF and DMARC are the company's, and name Google.
record("MailDomainDmarc", mailDomain, {
  name: `_dmarc.${mailDomain}`,
  type: "TXT",
  values: [
    ["v=DMARC1", `p=${dmarc.policy}`, ...(dmarc.reports ? [`rua=mailto:${dmarc.reports}`] : [])].join("; "),
  ],
});

for (const { id, domain: verified, dkimTokens, mailFrom } of identities) {
  for (const index of [0, 1, 2]) {
    const token = dkimTokens.apply((tokens) => tokens[index] ?? "");
    record(`${id}Dkim${index}`, verified, {
      name: $interpolate`${token}._domainkey.${verified}`,
      type: "CNAME",
      values: [$interpolate`${token}.dkim.amazonses.com`],
    });
  }
  if (mailFrom === undefined) continue;
  record(`${id}MailFromMx`, verified, {
    name: mailFrom,
    type: "MX",
    values: [`10 feedback-smtp.${homeRegion}.amazonses.com`],
  });
  record(`${id}MailFromSpf`, verified, { name: mailFrom, type: "TXT", values: [spf] });
}

// Name by name: on the domain itself it would bind the company's other sites too.
for (const label of ["api", "ws", "cdn", "auth"]) {
  const name = ownName(label);
  if (name !== undefined && domain !== undefined)
    record(`${label}Caa`, domain, { name, type: "CAA", values: ['0 issue "amazon.com"', '0 issuewild ";"'] });
}
