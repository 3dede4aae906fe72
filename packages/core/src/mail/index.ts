/** Mail in: from the records of the email queue to stored, threaded and announced messages. */
export { ingest } from "./ingest.ts";
export { MalformedNotice, type Notice, parseNotices, type Verdict, type Verdicts } from "./notices.ts";
export { largestObject, MemoryBudget, mailPrefix } from "./objects.ts";
export { correspondents, type Prepared, prepare } from "./prepare.ts";
export { type RecoverOptions, recover } from "./recover.ts";
export { type Addressed, mailboxesOf, recipientsOf } from "./routing.ts";
export { deliveredTag } from "./store.ts";
export { type Trust, trustOf } from "./trust.ts";
export { type Delivery, IngestFailure, type MessageDetails } from "./types.ts";
