/** Names: the hosted zone, and what of it this stage calls its own. Without a `domain` setting AWS's names stay. */
import { within } from "./settings-edge";
import { production, settings } from "./stage";

const { domain, zone: zoneName, zoneId } = settings;

const made =
  zoneName !== undefined && zoneId === undefined
    ? new aws.route53.Zone("Zone", { name: zoneName, comment: `${$app.name}: made by its deployment` })
    : undefined;
const hostedZoneId = made?.zoneId ?? zoneId;

/** `auth` -> `auth.desk.example.com`; undefined without a domain. */
export const ownName = (label: string) => (domain === undefined ? undefined : `${label}.${domain}`);

/** For SST's components: they make the certificate, its validation and the alias records. */
export function ownDomain(label: string) {
  const name = ownName(label);
  if (name === undefined || hostedZoneId === undefined) return {};
  return { domain: { name, dns: sst.aws.dns({ zone: hostedZoneId }) } };
}

/** Records that must be made by hand, since their domain's zone is not ours. */
const elsewhere: $util.Output<string>[] = [];

/**
 * Declares a record where the zone holds its domain; otherwise it is told at the end of the deployment.
 * @param owner The domain that it belongs to, which its name lies under.
 */
export function record(
  id: string,
  owner: string,
  { name, type, values }: { name: $util.Input<string>; type: string; values: $util.Input<string>[] },
): aws.route53.Record[] {
  if (hostedZoneId !== undefined && zoneName !== undefined && within(owner, zoneName))
    return [new aws.route53.Record(id, { zoneId: hostedZoneId, name, type, ttl: 300, records: values })];
  elsewhere.push($interpolate`${name} ${type} ${$util.all(values).apply((all) => all.join(" | "))}`);
  return [];
}

/** A name that stands for one of AWS's own. */
export function alias(
  id: string,
  name: string,
  target: $util.Input<string>,
  targetZone: $util.Input<string>,
) {
  if (hostedZoneId === undefined) return;
  for (const type of ["A", "AAAA"])
    new aws.route53.Record(`${id}${type}`, {
      zoneId: hostedZoneId,
      name,
      type,
      aliases: [{ name: target, zoneId: targetZone, evaluateTargetHealth: false }],
    });
}

/** A certificate in us-east-1, which CloudFront demands, and Cognito, whose sign-in pages stand behind it. */
export function certificateAbroad(id: string, name: string): $util.Output<string> {
  if (hostedZoneId === undefined) throw new Error(`${name} has no zone that could prove it ours`);
  const provider = new aws.Provider(`${id}Region`, {
    region: "us-east-1",
    defaultTags: { tags: { "sst:app": $app.name, "sst:stage": $app.stage } },
  });
  const certificate = new aws.acm.Certificate(
    `${id}Certificate`,
    { domainName: name, validationMethod: "DNS" },
    { provider },
  );
  const proof = certificate.domainValidationOptions.apply(([first]) => {
    if (!first) throw new Error(`the certificate of ${name} tells no record that would prove it`);
    return first;
  });
  const validation = new aws.route53.Record(`${id}Validation`, {
    zoneId: hostedZoneId,
    name: proof.resourceRecordName,
    type: proof.resourceRecordType,
    records: [proof.resourceRecordValue],
    ttl: 60,
  });
  return new aws.acm.CertificateValidation(
    `${id}Validated`,
    { certificateArn: certificate.arn, validationRecordFqdns: [validation.fqdn] },
    { provider },
  ).certificateArn;
}

/** What a person must still do: delegate a zone that was made, and add records to one that is not ours. */
export const dnsOutputs = () => ({
  ...(made && { nameServers: made.nameServers }),
  ...(production && elsewhere.length > 0 && { dnsRecordsToAdd: $util.all(elsewhere) }),
});
