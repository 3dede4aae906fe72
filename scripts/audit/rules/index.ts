import type { Rule } from "../rule.ts";
import { apiRules } from "./api.ts";
import { backupRules } from "./backup.ts";
import { cacheRules } from "./cache.ts";
import { cdnRules } from "./cdn.ts";
import { cognitoRules } from "./cognito.ts";
import { databaseRules } from "./database.ts";
import { firewallRules } from "./firewall.ts";
import { functionRules } from "./functions.ts";
import { iamRules } from "./iam.ts";
import { instanceRules } from "./instances.ts";
import { keyRules } from "./keys.ts";
import { logRules } from "./logs.ts";
import { mailRules } from "./mail.ts";
import { networkRules } from "./network.ts";
import { portRules } from "./ports.ts";
import { queueRules } from "./queues.ts";
import { secretRules } from "./secrets.ts";
import { storageRules } from "./storage.ts";
import { topicRules } from "./topics.ts";

/** Every rule, by noun. */
export const rules: readonly Rule[] = [
  ...apiRules,
  ...backupRules,
  ...cacheRules,
  ...cdnRules,
  ...cognitoRules,
  ...databaseRules,
  ...firewallRules,
  ...functionRules,
  ...iamRules,
  ...instanceRules,
  ...keyRules,
  ...logRules,
  ...mailRules,
  ...networkRules,
  ...portRules,
  ...queueRules,
  ...secretRules,
  ...storageRules,
  ...topicRules,
];
