import type { GraphResource } from "@frontdesk/local";
import { rule } from "../rule.ts";
import { blocks, isRecord, texts, value } from "../world.ts";

/** Whether AWS Backup takes the resource: named by ARN, `*` included, or by a tag. */
function selects(selection: GraphResource, resource: GraphResource): boolean {
  const arn = String(value(resource, "arn"));
  const tags = value(resource, "tags");
  return (
    texts(value(selection, "resources")).some((pattern) =>
      pattern.endsWith("*") ? arn.startsWith(pattern.slice(0, -1)) : arn === pattern,
    ) ||
    blocks(selection, "selectionTags").some(
      ({ key, value: wanted }) => isRecord(tags) && tags[String(key)] === wanted,
    )
  );
}

export const backupRules = [
  rule({
    name: "backup.plan",
    controls: ["CKV2_AWS_8", "EC2.28", "RDS.26"],
    statement: "Every database and every machine's volumes are covered by a plan of AWS Backup",
    mend: "select the resource in an aws.backup.Selection",
    absent: "no database and no EC2 instance",
    over: (world) => world.all("databaseCluster", "databaseInstance", "instance", "volume"),
    wrong: (resource, world) =>
      !world.all("backupSelection").some((selection) => selects(selection, resource)) &&
      "is covered by no plan of AWS Backup",
  }),
];
