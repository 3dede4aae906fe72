/** One mailbox of an address field (RFC 5322 §3.4). */
export interface Address {
  /** Display name, decoded; empty when the field gives none. */
  name: string;
  /** `local@domain`; a bare local name where the field has no domain; empty when the field names nobody. */
  address: string;
  /** Display name of the group that the mailbox stood in (`Team: a@x, b@x;`). */
  group?: string;
}

export interface Header {
  /** Name as it was written. */
  name: string;
  /** Name in lower case, for look-ups. */
  key: string;
  /** The bytes after the colon, folds included, each byte as one code unit (ISO 8859-1), but without NUL. */
  raw: string;
  /** Unfolded, RFC 2047 words and raw 8-bit bytes decoded. */
  value: string;
}

/** What is worth knowing of a message that lies inside another one. */
export interface MessageSummary {
  messageId?: string;
  subject: string;
  from: Address[];
  to: Address[];
  date?: Date;
}

export type Disposition = "attachment" | "inline";

export interface Attachment {
  /** Name to show and to store under: decoded, without any folder, without control characters. */
  filename?: string;
  /** `type/subtype` in lower case, as declared. The bytes may say otherwise. */
  contentType: string;
  disposition: Disposition;
  /** Content-ID without its angle brackets, for `cid:` links. */
  contentId?: string;
  /** Bytes of `content`. */
  size: number;
  /** Decoded bytes; a view on the message's own buffer where nothing had to be decoded. */
  content: Buffer;
  /** The part is a member of a multipart/related, that is: a piece of the HTML rather than a file sent along. */
  related: boolean;
  /** Place in the tree in IMAP's numbering ("1", "2.1"; RFC 3501 §6.4.5). */
  partPath: string;
  /** For message/rfc822 and the header copies of bounces: the message inside, which is not inlined. */
  message?: MessageSummary;
}

/** A text/calendar part (RFC 6047). It is among the attachments, too. */
export interface CalendarPart {
  /** iTIP method in upper case (REQUEST, REPLY, CANCEL ...). */
  method?: string;
  content: string;
  partPath: string;
}

export interface DeliveryStatusRecipient {
  originalRecipient?: string;
  finalRecipient?: string;
  /** failed, delayed, delivered, relayed or expanded, in lower case. */
  action?: string;
  /** RFC 3463 code such as `5.1.1`. */
  status?: string;
  remoteMta?: string;
  diagnosticCode?: string;
}

/** A delivery status notification (RFC 3464). */
export interface DeliveryStatus {
  reportingMta?: string;
  arrivalDate?: Date;
  originalEnvelopeId?: string;
  recipients: DeliveryStatusRecipient[];
  /** The message that bounced, from the copy or the header copy that came back. */
  returned?: MessageSummary;
}

/** A complaint in the Abuse Reporting Format (RFC 5965). */
export interface FeedbackReport {
  /** abuse, fraud, virus, not-spam, other ... */
  type: string;
  userAgent?: string;
  originalMailFrom?: string;
  originalRecipients: string[];
  sourceIp?: string;
  arrivalDate?: Date;
  /** The message that was complained about. */
  returned?: MessageSummary;
}

/** One `Received` field (RFC 5321 §4.4). */
export interface Received {
  from?: string;
  by?: string;
  with?: string;
  id?: string;
  /** Addresses of the `for` clause. */
  for: string[];
  date?: Date;
}

export interface AuthenticationMethod {
  /** spf, dkim, dmarc ... in lower case. */
  method: string;
  /** pass, fail, softfail, none, neutral, temperror, permerror ... in lower case. */
  result: string;
  /** `ptype.property` to value, for example `header.d`. */
  properties: Record<string, string>;
}

/** One `Authentication-Results` field (RFC 8601). */
export interface AuthenticationResults {
  /** Host that did the checks. */
  server: string;
  methods: AuthenticationMethod[];
}

/** Values of SES's verdict headers; a missing or unknown one is undefined and means untrusted. */
export type SesVerdict = "PASS" | "FAIL" | "GRAY" | "PROCESSING_FAILED" | "DISABLED";

/** What the Workspace routing rule adds. Anybody can write these: trust them only on mail proven to come from Google. */
export interface GoogleHeaders {
  originalTo: string[];
  spam?: boolean;
  phishy?: boolean;
}

/** Outlook's conversation index ([MS-OXOMSG] §2.2.1.3). */
export interface ThreadIndex {
  /** First 22 bytes as hex: the same in every message of the conversation. */
  root: string;
  /** 0 for the first message, one more for each reply. */
  depth: number;
}

export interface ParsedMail {
  /** All header fields of the message, in their order. */
  headers: Header[];
  /** Without angle brackets, like every identifier here (as in RFC 8621 §4.1.2.3). */
  messageId?: string;
  inReplyTo: string[];
  /** Oldest first, without repeats. */
  references: string[];
  from: Address[];
  sender?: Address;
  replyTo: Address[];
  to: Address[];
  cc: Address[];
  bcc: Address[];
  /** Empty when there is none. */
  subject: string;
  /** Undefined when missing or not a date. */
  date?: Date;
  /** Plain text to read; derived from the HTML where no text was sent. Undefined when the message has no readable part. */
  text?: string;
  /** As it was sent and NOT safe to show: sanitise first. Undefined when there is no HTML part. */
  html?: string;
  attachments: Attachment[];
  /** List-Id without brackets and description (RFC 2919). */
  listId?: string;
  /** Auto-Submitted keyword in lower case (RFC 3834). */
  autoSubmitted?: string;
  /** Precedence in lower case: bulk, list, junk ... */
  precedence?: string;
  /** The topmost Received field: the one that our own receiver wrote. */
  receivedTop?: Received;
  /** Topmost Authentication-Results only: those below are the sender's claim. */
  authenticationResults?: AuthenticationResults;
  sesVerdicts: { spam?: SesVerdict; virus?: SesVerdict };
  googleHeaders: GoogleHeaders;
  threadIndex?: ThreadIndex;
  calendars: CalendarPart[];
  deliveryStatus?: DeliveryStatus;
  feedbackReport?: FeedbackReport;
  /** What was wrong or had to be mended, as codes without repeats; empty for a clean message. */
  defects: string[];
}

/** Bounds; what lies beyond one is left out and named in `defects`. */
export interface Limits {
  /** Bytes of the message that are read. */
  messageBytes: number;
  /** Levels of multiparts. */
  depth: number;
  /** Leaves of the tree. */
  parts: number;
  /** Header fields of one part. */
  headers: number;
  /** Bytes of one part's header. */
  headerBytes: number;
  /** Mailboxes of one address field, and identifiers of one References field. */
  listEntries: number;
  /** Bytes of all decoded parts together. */
  decodedBytes: number;
  /** Code units of `text`, and of `html`. */
  textLength: number;
}

/**
 * SES hands over at most 40 MB, so the size bounds leave real mail alone. The others are far above the largest of
 * 6,800 real messages (11 levels, 62 parts, 98 fields) and keep the cost of an invented one linear and small.
 */
export const defaultLimits: Limits = {
  messageBytes: 64 * 1024 * 1024,
  depth: 32,
  parts: 1000,
  headers: 1000,
  headerBytes: 1024 * 1024,
  listEntries: 2000,
  decodedBytes: 128 * 1024 * 1024,
  textLength: 8 * 1024 * 1024,
};

/** Notes a defect by its code; repeats are dropped. */
export type Note = (defect: string) => void;
