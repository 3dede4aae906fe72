/** What a queue's consumer does until its domain is built: no message pretends to have been handled. */
import { config, type Section } from "@frontdesk/core/config";
import { refuse } from "@frontdesk/core/failures";
import type { SQSHandler } from "aws-lambda";
import { asSystem } from "../system.ts";

type Queue = Extract<Section, `${string}Queue`>;

/**
 * @param what The missing part, for the cause.
 * @param isSetUp Whether a body is what AWS itself sends once when a source is set up; that is done with at once.
 */
export function refuseAll(
  name: string,
  queue: Queue,
  what: string,
  isSetUp: (body: string) => boolean = () => false,
): SQSHandler {
  return (event, context) =>
    asSystem(name, context, async () => {
      const received = event.Records.filter(({ body }) => !isSetUp(body)).map((record) => ({
        messageId: record.messageId,
        receiptHandle: record.receiptHandle,
        attempt: Number(record.attributes.ApproximateReceiveCount),
      }));
      const refused = await refuse(config(queue), received, {
        code: "not_implemented",
        cause: `${what} not built yet: redrive the message once it is`,
      });
      return { batchItemFailures: refused.map((itemIdentifier) => ({ itemIdentifier })) };
    });
}
