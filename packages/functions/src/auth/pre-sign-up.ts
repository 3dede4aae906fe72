import { checkSignUp } from "@frontdesk/core/identity/federation";
import type { PreSignUpTriggerHandler } from "aws-lambda";
import { asSystem } from "../system.ts";

/** Called by the user pool before it makes a user. A thrown error keeps it from being made. */
export const handler: PreSignUpTriggerHandler = (event, context) =>
  asSystem("pre-sign-up", context, async ({ workspaceDomain }) => {
    checkSignUp(event.triggerSource, event.request.userAttributes, workspaceDomain);
    return event;
  });
