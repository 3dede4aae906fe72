import type { DeliveryStatus } from "../mime/index.ts";

/** What a message carries beyond what is searched and listed. */
export interface MessageDetails {
  listId?: string;
  autoSubmitted?: string;
  precedence?: string;
  replyTo?: string[];
  /** iTIP methods of calendar parts. */
  calendarMethods?: string[];
  /** Of a bounce. */
  deliveryStatus?: {
    recipients: DeliveryStatus["recipients"];
    returnedMessageId?: string;
  };
  /** Kind of a complaint. */
  feedbackType?: string;
  /** Codes of the parser. */
  defects: string[];
  /** The header asked for more references than are kept. */
  referencesCut?: boolean;
}

/** One SQS record, as far as the domain needs it. */
export interface Delivery {
  messageId: string;
  receiptHandle: string;
  body: string;
  /** ApproximateReceiveCount */
  attempt: number;
  /** ARN or name of the queue. */
  queue: string;
}

/** A reason why a message could not be taken in, for the table of failures. */
export class IngestFailure extends Error {
  override readonly name = "IngestFailure";
  /** notice_malformed, object_missing, object_too_large ... */
  readonly code: string;
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
