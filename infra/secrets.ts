import { permanent, perStage } from "./stage";

// SST deletes secrets at once; on permanent stages a mistake can be taken back for a month.
$transform(aws.secretsmanager.Secret, (args) => {
  if (!args) return;
  args.recoveryWindowInDays = permanent ? 30 : 0;
});

/** Database users behind the proxy, which logs in by password. Without a proxy they log in by IAM token and have none. */
function databaseUser(name: string, username: string) {
  if (!permanent) return undefined;
  const password = new random.RandomPassword(`${name}Password`, { length: 40, special: false });
  const secret = new aws.secretsmanager.Secret(`${name}Secret`, {
    name: perStage(`frontdesk/database/${username}`),
    description: `Password of ${username}, for the database proxy`,
  });
  const version = new aws.secretsmanager.SecretVersion(`${name}SecretVersion`, {
    secretId: secret.id,
    secretString: $jsonStringify({ username, password: password.result }),
  });
  return { arn: secret.arn, version };
}

export const appUser = "frontdesk_app";
export const migratorUser = "frontdesk_migrator";
export const appSecret = databaseUser("DatabaseApp", appUser);
export const migratorSecret = databaseUser("DatabaseMigrator", migratorUser);
