import { aurora } from "./cluster";
import { database, databaseMaster, databaseReady, databaseSecrets } from "./database";
import { createFunction } from "./function";
import { connectTo, readSecret } from "./grants";
import { migratorVpc } from "./network";
import { appSecret, migratorSecret, migratorUser } from "./secrets";
import { settings } from "./stage";

export const migrator = createFunction("Migrator", {
  handler: "tasks/migrator.handler",
  description:
    "Makes the database's users, brings its schema up to date and the mailboxes of the settings into it",
  timeoutSeconds: 300,
  vpc: migratorVpc,
  links: [database, databaseMaster, ...(databaseSecrets ? [databaseSecrets] : [])],
  grants: [
    connectTo(migratorUser),
    ...[aurora.secretArn, appSecret?.arn, migratorSecret?.arn]
      .filter((arn) => arn !== undefined)
      .map(readSecret),
  ],
  layers: ["data"],
});

/**
 * Runs the migrator when its code or the settings changed. Whatever takes traffic depends on it, since SST on its own
 * would let new code meet the old schema.
 */
const migration = $dev
  ? undefined
  : new aws.lambda.Invocation(
      "Migration",
      {
        functionName: migrator.name,
        input: $jsonStringify({ mailboxes: settings.mailboxes }),
        // The key names the hash of the bundle, the migrations in it included.
        triggers: { code: migrator.nodes.function.apply((fn) => fn.s3Key.apply((key) => key ?? "")) },
      },
      { dependsOn: databaseReady },
    );

/** What must be there before code takes traffic. Under `sst dev` nothing: `npm run services` migrates what it starts. */
export const migrated = migration ? [migration] : [];
