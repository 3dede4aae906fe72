import { refuseAll } from "./unbuilt.ts";

/** Takes in what SES tells about mail that was sent, one day: deliveries, bounces, complaints. */
export const handler = refuseAll("mail-events-consumer", "MailEventsQueue", "delivery events are", isSetUp);

/** SES tries a configuration set's topic by a message of its own, which is no event. */
function isSetUp(body: string): boolean {
  return body.includes("Successfully validated SNS topic for Amazon SES event publishing");
}
