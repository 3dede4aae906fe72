/** An authorizer that does not let a request through. */
export class Refusal extends Error {
  readonly status: 401 | 403 | 500;
  /** Value of `www-authenticate`, where the answer has one. */
  readonly challenge: string | undefined;
  /** @param reason For the local log; the client learns only the status. */
  constructor(status: 401 | 403 | 500, reason: string, challenge?: string) {
    super(reason);
    this.status = status;
    this.challenge = challenge;
  }
  /** What API Gateway says for the status. */
  get publicMessage(): string {
    return { 401: "Unauthorized", 403: "Forbidden", 500: "Internal Server Error" }[this.status];
  }
}
