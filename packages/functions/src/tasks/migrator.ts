import { type Migrated, migrate } from "@frontdesk/core/migrations";
import type { Handler } from "aws-lambda";
import { asSystem } from "../system.ts";

/** Called by each deployment before traffic. A failure fails the deployment. */
export const handler: Handler<unknown, Migrated> = (_event, context) =>
  asSystem("migrator", context, migrate);
