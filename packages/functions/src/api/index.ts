import { config } from "@frontdesk/core/config";
import * as log from "@frontdesk/core/log";
import type { Context } from "aws-lambda";
import { handle, type LambdaEvent } from "hono/aws-lambda";
import { createApp } from "./app.ts";

/** Payload format 2.0. */
type HttpEvent = Extract<LambdaEvent, { rawPath: string }>;

const serve = handle(createApp());

export function handler(event: HttpEvent, context: Context) {
  log.configure({ level: config("Settings").logLevel });
  return serve(representable(event), context);
}

/**
 * The event without what a `Request` refuses to be made of, which Hono's adapter answers with a bare text: a body beside
 * GET or HEAD, which means nothing (RFC 9110 §9.3.1), and characters that are none of a header.
 */
function representable(event: HttpEvent): HttpEvent {
  const headers = Object.entries(event.headers).map(([name, value]) => [
    name,
    value?.replace(/[^\t\x20-\x7e\x80-\xff]/g, "?"),
  ]);
  const bodiless = /^(?:GET|HEAD)$/i.test(event.requestContext.http.method);
  return { ...event, headers: Object.fromEntries(headers), ...(bodiless && { body: null }) };
}
