/** What media are, in the words that everybody here uses. */

export const visibilities = ["public", "private"] as const;
export type Visibility = (typeof visibilities)[number];

/**
 * `pending`: waits for its bytes. `processing`: they are there. `ready`: its sizes are. `refused`: it never will be, and
 * says why. `expired`: nothing came in time. `deleted`: on request.
 */
export const states = ["pending", "processing", "ready", "refused", "expired", "deleted"] as const;
export type State = (typeof states)[number];

/** One size of a picture, as it lies in the home bucket. */
export interface StoredVariant {
  key: string;
  format: string;
  contentType: string;
  width: number;
  height: number;
  /** Bytes. */
  size: number;
}

/** What a browser's form must send, and where to: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html */
export interface UploadForm {
  method: "POST";
  url: string;
  /** Before the file itself, which goes last, as `file`. */
  fields: Record<string, string>;
}

/** A reason why a message of the image queue can never succeed, for the table of failures. */
export class PermanentFailure extends Error {
  override readonly name = "PermanentFailure";
  /** notice_foreign, upload_unknown, attachment_unknown ... */
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
