/** What this stage is, and its settings. The only place that looks at the stage's name. */
import { readSettings } from "./settings";

export const stage = $app.stage;
/** app() of sst.config.ts says which stages these are. */
export const production = $app.protect === true;
/** Stages that outlive a developer's branch: proxied database, managed NAT, backups, nothing destroyed with the stage. */
export const permanent = $app.removal === "retain-all";

/**
 * SES has one active receipt rule set per account and region. Production owns it and every other stage adds its rule;
 * `local` is alone in its account, which is a developer's machine.
 */
export const ownsRuleSet = production || stage === "local";

export const homeRegion = $app.providers?.aws?.region ?? "";
const given = readSettings(stage, { ownsDomains: ownsRuleSet });
export const settings = {
  ...given,
  homeRegion,
  backupDays: given.backupDays ?? (permanent ? 14 : 1),
};

/** `name` in production, `name-<stage>` elsewhere: for names that are shared by an account. */
export const perStage = (name: string) => (production ? name : `${name}-${stage}`);

/** Everything that mail arrives through lives in the mail region. */
export const mailProvider = new aws.Provider("MailRegion", {
  region: settings.mailRegion as aws.Region,
  // SST gives its tags to the default provider alone.
  defaultTags: { tags: { "sst:app": $app.name, "sst:stage": stage } },
});

export const accountId = aws.getCallerIdentityOutput({}).accountId;
