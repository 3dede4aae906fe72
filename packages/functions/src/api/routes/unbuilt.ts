import { authenticated } from "../actor.ts";
import { problem } from "../problem.ts";
import type { Api } from "../routing.ts";

/**
 * The API's paths that are decided and not built, by what is missing. They answer 501 behind the same authentication as
 * the others, and are not in the OpenAPI document. Whoever builds one takes it out of here.
 */
export const unbuilt: Record<string, string[]> = {
  "Changing threads": ["PATCH /threads/{threadId}", "POST /threads/{threadId}/merge"],
  "Release from quarantine": ["POST /messages/{messageId}/release"],
  "Replay of raw mail": ["POST /messages/replay"],
  "Sending mail": [
    "POST /messages",
    "POST /messages/bulk",
    "POST /threads/{threadId}/replies",
    "DELETE /messages/{messageId}",
  ],
  "Mail templates": [
    "GET /templates/{name}",
    "PUT /templates/{name}",
    "DELETE /templates/{name}",
    "POST /templates/{name}/preview",
  ],
  "The suppression list": [
    "GET /suppressions",
    "GET /suppressions/{address}",
    "PUT /suppressions/{address}",
    "DELETE /suppressions/{address}",
    "POST /suppressions/import",
  ],
  "Signing in through the API": ["GET /auth/login", "GET /auth/callback", "POST /auth/logout"],
  "Google accounts": [
    "GET /google/connect",
    "GET /google/callback",
    "DELETE /google",
    "POST /google/notifications",
  ],
  Calendars: [
    "GET /calendar/events",
    "POST /calendar/events",
    "PATCH /calendar/events/{eventId}",
    "DELETE /calendar/events/{eventId}",
    "GET /calendar/free-busy",
  ],
  "The page to browse the API at": ["GET /docs"],
};

export function answerUnbuilt(app: Api): void {
  for (const [what, routes] of Object.entries(unbuilt))
    for (const route of routes) {
      const [method = "", path = ""] = route.split(" ");
      app.on(method, path.replaceAll(/\{(\w+)\}/g, ":$1"), authenticated, (c) =>
        problem(c, 501, "not_implemented", `${what}: not built yet.`),
      );
    }
}
