import { rule } from "../rule.ts";
import { isTrue, value, type World } from "../world.ts";

const pools = { absent: "no user pool", over: (world: World) => world.all("userPool") };

export const cognitoRules = [
  rule({
    name: "cognito.passwords",
    controls: ["AwsSolutions-COG1"],
    statement: "Passwords have at least 8 characters, with capitals, digits and symbols among them",
    mend: "set passwordPolicy",
    ...pools,
    wrong: (pool) => {
      const wanted = (key: string) => value(pool, `passwordPolicy.${key}`);
      return [
        !(Number(wanted("minimumLength")) >= 8) && "takes passwords shorter than 8 characters",
        !isTrue(wanted("requireUppercase")) && "takes passwords without capitals",
        !isTrue(wanted("requireNumbers")) && "takes passwords without digits",
        !isTrue(wanted("requireSymbols")) && "takes passwords without symbols",
      ];
    },
  }),
  rule({
    name: "cognito.mfa",
    controls: ["AwsSolutions-COG2"],
    statement: "Whoever signs in with a password shows a second factor",
    mend: 'set mfaConfiguration to "ON" with softwareTokenMfaConfiguration',
    ...pools,
    wrong: (pool) => value(pool, "mfaConfiguration") !== "ON" && "lets in by password alone",
  }),
  rule({
    name: "cognito.threats",
    controls: ["AwsSolutions-COG8", "Cognito.1"],
    statement: "Sign-ins that look like attacks are stopped (plus feature plan)",
    mend: 'set userPoolAddOns.advancedSecurityMode to "ENFORCED"',
    ...pools,
    wrong: (pool) =>
      value(pool, "userPoolAddOns.advancedSecurityMode") !== "ENFORCED" && "does not look for attacks",
  }),
  rule({
    name: "cognito.guests",
    controls: ["AwsSolutions-COG7", "CKV_AWS_366"],
    statement: "No identity pool gives AWS credentials to guests",
    mend: "leave allowUnauthenticatedIdentities off",
    absent: "no identity pool: nobody at a browser is given AWS credentials",
    over: (world) => world.all("identityPool"),
    wrong: (pool) =>
      isTrue(value(pool, "allowUnauthenticatedIdentities")) && "gives credentials to whoever asks",
  }),
];
