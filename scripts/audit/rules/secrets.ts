import { rule } from "../rule.ts";
import { isRecord, value } from "../world.ts";

export const secretRules = [
  rule({
    name: "secrets.rotation",
    controls: ["AwsSolutions-SMG4", "CKV2_AWS_57", "CKV_AWS_304", "SecretsManager.1", "SecretsManager.4"],
    statement: "Every secret is changed by itself, each 90 days or sooner",
    mend: "add an aws.secretsmanager.SecretRotation with automaticallyAfterDays of 90 or less",
    absent: "no secret",
    over: (world) => world.all("secret"),
    wrong: (secret, world) => {
      const [rotation] = world.about("secretRotation", "secretId", secret);
      if (!rotation) return "is never changed by itself";
      const rules = value(rotation, "rotationRules");
      const days = isRecord(rules)
        ? Number(rules.automaticallyAfterDays ?? daysOf(rules.scheduleExpression))
        : Number.NaN;
      return !(days <= 90) && "is changed less often than each 90 days";
    },
  }),
];

/** Days of `rate(4 hours)`, `rate(30 days)`; of a cron expression nothing is known. */
function daysOf(expression: unknown): number {
  const [, count, unit] = /^rate\((\d+) (hour|day)s?\)$/.exec(String(expression)) ?? [];
  return Number(count) / (unit === "hour" ? 24 : 1);
}
