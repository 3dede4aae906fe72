/** Pictures: uploads, their sizes, and those among the attachments of mail. */
export { picturesOf } from "./attachments.ts";
export { contentOfKey, uploadKey, variantKey } from "./names.ts";
export { get, ListMedia, list, type MediaSummary } from "./read.ts";
export { remove } from "./remove.ts";
export { looksLikePicture } from "./signature.ts";
export {
  PermanentFailure,
  type State,
  type StoredVariant,
  states,
  type UploadForm,
  visibilities,
} from "./types.ts";
export {
  CreateUpload,
  createUpload,
  IdempotencyKey,
  mostPending,
  type Upload,
  uploadSeconds,
} from "./uploads.ts";
export type { Media, Picture, Source } from "./view.ts";
