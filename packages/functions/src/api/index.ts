import { config } from "@frontdesk/core/config";
import * as log from "@frontdesk/core/log";
import type { Context } from "aws-lambda";
import { handle, type LambdaEvent } from "hono/aws-lambda";
import { createApp } from "./app.ts";

const serve = handle(createApp());

export function handler(event: LambdaEvent, context: Context) {
  log.configure({ level: config("Settings").logLevel });
  return serve(event, context);
}
