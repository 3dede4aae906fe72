import { checkSignIn } from "@frontdesk/core/identity/federation";
import type { PreTokenGenerationTriggerHandler } from "aws-lambda";
import { asSystem } from "../system.ts";

/** Called by the user pool before it gives tokens, at sign-in and at each refresh. A thrown error means none. */
export const handler: PreTokenGenerationTriggerHandler = (event, context) =>
  asSystem("pre-token-generation", context, async ({ workspaceDomain }) => {
    checkSignIn(event.request.userAttributes, workspaceDomain);
    return event;
  });
