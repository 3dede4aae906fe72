/** Settings of what everything else stands on: network, database, logs, alarms, deployment. */
import { z } from "zod";
import { isPrivate, parseRange } from "./cidr";
import { importable } from "./settings-import";

/** What CloudWatch Logs takes; S3 takes any number, and follows. */
const logDays = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827] as const;
const gitHubName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

export const foundation = {
  /**
   * The VPC's whole range, from /16 to /22; its subnets are eighths of it. Stages that must be peered need different
   * ones. `"10.12.0.0/16"`
   */
  vpcCidr: z
    .string()
    .refine((text) => {
      const range = parseRange(text);
      return isPrivate(text) && range !== undefined && range.length >= 16 && range.length <= 22;
    }, "must be a private range from /16 to /22 that begins at its first address, such as 10.12.0.0/16")
    .default("10.0.0.0/16"),
  /** Availability zones that the VPC spans. `3` */
  zones: z.int("must be 2, 3 or 4").min(2, "must be 2, 3 or 4").max(4, "must be 2, 3 or 4").default(2),
  /** Aurora capacity in ACU. Zero as the minimum lets it pause, which a proxied (permanent) stage cannot. `{"min": 0.5, "max": 4}` */
  databaseCapacity: z
    .strictObject({ min: z.number().min(0).max(256), max: z.number().min(1).max(256) })
    .optional(),
  /** Readers that take over when the writer fails. Default: one in production, none elsewhere. `1` */
  databaseReplicas: z.int("must be a whole number from 0 to 15").min(0).max(15).optional(),
  /**
   * Days back that the database can be restored to, and that replaced and deleted objects are kept for it. Default: 14 on
   * permanent stages; elsewhere 1, and no objects. `35`
   */
  backupDays: z
    .int("must be a whole number of days, 35 at most")
    .min(1)
    .max(35, "must be 35 days at most, which is all that Aurora keeps")
    .optional(),
  /** Days that logs are kept: of functions, APIs, database, network and access to objects. `90` */
  logDays: z
    .literal(logDays, `must be a number of days that CloudWatch Logs takes: ${logDays.join(", ")}`)
    .default(30),
  /**
   * Ports of this machine on which `npm run services` has Postgres and Redis for `sst dev`; a stage's own settings file
   * may name others. `{"databasePort": 5433, "cachePort": 6380}`
   */
  dev: z
    .strictObject({
      databasePort: z.int().min(1024, "must be a port from 1024 to 65535").max(65_535).default(54_329),
      cachePort: z.int().min(1024, "must be a port from 1024 to 65535").max(65_535).default(63_799),
    })
    .default({ databasePort: 54_329, cachePort: 63_799 }),
  /** Who hears alarms; confirms by a link in the first mail. Without it permanent stages have alarms that nobody hears. `"oncall@example.com"` */
  alarmEmail: z.email("must be an e-mail address such as oncall@example.com").optional(),
  /** Whether there is a host for database tunnels; without it nobody reaches the database from outside. `false` */
  bastion: z.boolean("must be true or false").default(true),
  /** Private ranges (an office by VPN, a peered VPC) that may reach the bastion by SSH. Session Manager needs none. `["10.8.0.0/16"]` */
  bastionSshCidrs: z
    .array(
      z
        .string()
        .refine(isPrivate, "must be a private range such as 10.8.0.0/16: the bastion has no public address"),
    )
    .default([]),
  /**
   * GitHub repository whose workflows may deploy this stage, when they run in the environment (default: the stage's
   * name), which GitHub protects. Without it there is no role for CI. `{"repository": "acme/frontdesk", "environment": "production"}`
   */
  deploy: z
    .strictObject({
      repository: z.string().refine((text) => {
        const parts = text.split("/");
        return parts.length === 2 && parts.every((part) => gitHubName.test(part));
      }, "must be owner/name, such as acme/frontdesk"),
      environment: z
        .string()
        .regex(gitHubName, "must be an environment's name such as production")
        .optional(),
    })
    .optional(),
  /**
   * What the company already runs and the first deployment takes over, by logical name: docs/importing.md.
   * `{"UsersUserPool": "ca-central-1_AbCdEfGhI"}`
   */
  import: z
    .record(z.string(), z.string().min(1, "must be the identifier that AWS gave it"))
    .superRefine((identifiers, context) => {
      for (const name of Object.keys(identifiers))
        if (!(name in importable))
          context.addIssue({
            code: "custom",
            path: [name],
            message: `cannot be imported: the names are ${Object.keys(importable).join(", ")}`,
          });
    })
    .default({}),
};
