/** Why a picture is not taken. Stable: clients branch on it. */
export type RefusalCode =
  /** No bytes. */
  | "picture_empty"
  /** Not a picture, or of a format that is not taken. */
  | "picture_unsupported"
  /** More bytes, pixels, frames or parts than is allowed; never decoded. */
  | "picture_too_large"
  /** The end is missing. */
  | "picture_truncated"
  /** Contradicts itself or cannot be decoded. */
  | "picture_corrupt"
  /** Another file is hidden in it. */
  | "picture_polyglot"
  /** Takes longer than is allowed. */
  | "picture_too_slow";

/** A picture that is not taken, and never will be: no further try helps. The message is for whoever sent it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export const unsupported = (message: string) => new Refusal("picture_unsupported", message);
export const tooLarge = (message: string) => new Refusal("picture_too_large", message);
export const truncated = (message = "The picture is incomplete: its end is missing. Please send it again.") =>
  new Refusal("picture_truncated", message);

/** @param what What is wrong, e.g. `its header names no size`. */
export const corrupt = (what: string, cause?: unknown) =>
  new Refusal(
    "picture_corrupt",
    `The picture is damaged: ${what}.`,
    cause === undefined ? undefined : { cause },
  );

/** @param what The other file, e.g. `a ZIP archive`. */
export const polyglot = (what: string) =>
  new Refusal(
    "picture_polyglot",
    `The picture hides ${what}. Please save the picture alone, or send the other file by itself.`,
  );
