/** Where asynchronous events go that a function could not handle. */
import type { Cloud, InvokeResult, Ports, Principal } from "../cloud/types.ts";
import type { FunctionSpec } from "../plan/types.ts";
import type { StoredEvent } from "./journal.ts";

export type Condition = "RetriesExhausted" | "EventAgeExceeded";

/**
 * Sends the record to the failure destination, and the event itself to the dead-letter queue or topic, with the
 * function's role (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html). What cannot
 * be sent is lost, as on AWS, but said.
 */
export async function sendToFailureTargets(
  cloud: Cloud,
  ports: Ports,
  fn: FunctionSpec,
  failed: { event: StoredEvent; condition: Condition; result?: InvokeResult | undefined },
): Promise<void> {
  const { event } = failed;
  const principal: Principal = { kind: "role", roleArn: fn.roleArn, sessionName: fn.name };
  const sends: { arn: string; send: () => Promise<unknown> }[] = [];
  if (fn.onFailureArn) {
    const arn = fn.onFailureArn;
    sends.push({ arn, send: () => deliver(ports, principal, arn, failureRecord(cloud, fn, failed), event) });
  }
  if (fn.deadLetterArn) {
    const arn = fn.deadLetterArn;
    const messageAttributes = deadLetterAttributes(failed);
    sends.push({ arn, send: () => deliver(ports, principal, arn, event.payload, event, messageAttributes) });
  }
  if (sends.length === 0)
    cloud.log(
      `[${fn.name}] the asynchronous event ${event.id} is dropped (${failed.condition}): the function has neither a failure destination nor a dead-letter queue`,
    );
  for (const { arn, send } of sends)
    await send().catch((error: Error) =>
      cloud.log(
        `[${fn.name}] the failed event ${event.id} is lost, ${arn} does not take it: ${error.message}`,
      ),
    );
}

type Attributes = Record<string, { dataType: string; stringValue: string }>;

function deliver(
  ports: Ports,
  principal: Principal,
  arn: string,
  body: string,
  event: StoredEvent,
  messageAttributes: Attributes = {},
): Promise<unknown> {
  const trace = event.traces.length === 1 ? event.traces[0] : undefined;
  switch (arn.split(":")[2]) {
    case "sqs":
      return ports.sqs.send(principal, arn, { body, messageAttributes, trace });
    case "sns":
      return ports.sns.publish(principal, arn, { message: body, messageAttributes, trace });
    case "lambda":
      return ports.lambda.invokeAsync(principal, arn, JSON.parse(body), { traces: event.traces });
    default:
      return Promise.reject(new Error("only queues, topics and functions take failed events here"));
  }
}

function failureRecord(
  cloud: Cloud,
  fn: FunctionSpec,
  {
    event,
    condition,
    result,
  }: { event: StoredEvent; condition: Condition; result?: InvokeResult | undefined },
): string {
  return JSON.stringify({
    version: "1.0",
    timestamp: new Date(cloud.clock.now()).toISOString(),
    requestContext: {
      requestId: event.id,
      functionArn: `${fn.arn}:$LATEST`,
      condition,
      approximateInvokeCount: event.failures,
    },
    requestPayload: JSON.parse(event.payload),
    ...(result && {
      responseContext: {
        statusCode: 200,
        executedVersion: "$LATEST",
        ...(result.functionError && { functionError: result.functionError }),
      },
      responsePayload: JSON.parse(result.payload),
    }),
  });
}

function deadLetterAttributes({
  event,
  result,
}: {
  event: StoredEvent;
  result?: InvokeResult | undefined;
}): Attributes {
  const message = result && (JSON.parse(result.payload) as { errorMessage?: string }).errorMessage;
  return {
    RequestID: { dataType: "String", stringValue: event.id },
    ErrorCode: { dataType: "Number", stringValue: result ? "200" : "429" },
    // AWS keeps the first kilobyte.
    ErrorMessage: {
      dataType: "String",
      stringValue: (message || "the event was not handled in time").slice(0, 1024),
    },
  };
}
