/** An error as AWS would answer it; the front door gives it the protocol's shape. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;
  /** Extra members of the error's body, e.g. `BucketName`. */
  readonly details: Record<string, unknown>;

  /**
   * @param code AWS's error code, e.g. `NoSuchKey`, `ResourceNotFoundException`.
   * @param status HTTP status; 4xx is the caller's fault.
   */
  constructor(code: string, message: string, status = 400, details: Record<string, unknown> = {}) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

/** The caller's policies do not allow the call. */
export class AccessDenied extends AwsError {
  constructor(message: string) {
    super("AccessDenied", message, 403);
  }
}
