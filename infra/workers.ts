import { database } from "./database";
import { createFunction } from "./function";
import {
  connectTo,
  consume,
  getObjects,
  listObjects,
  putObjects,
  sendTo,
  tagObjects,
  tellMissing,
} from "./grants";
import { migration } from "./migrations";
import { emailQueue, emailTimeoutSeconds } from "./queues";
import { push, realtime } from "./realtime";
import { appUser } from "./secrets";
import { attachmentPrefix, homeBucket, mailBucket, rawMailPrefix } from "./storage";

export const emailConsumer = createFunction("EmailConsumer", {
  handler: "queues/email.handler",
  description: "Takes raw mail in: parses, threads, stores and pushes it",
  timeoutSeconds: emailTimeoutSeconds,
  // Ten messages of 40 MB are not read at once; one of them, decoded, has room.
  memory: "1024 MB",
  links: [database, mailBucket, homeBucket, realtime],
  grants: [
    consume(emailQueue),
    getObjects(mailBucket, rawMailPrefix),
    tellMissing(mailBucket),
    tagObjects(mailBucket, rawMailPrefix),
    putObjects(homeBucket, attachmentPrefix),
    connectTo(appUser),
    push,
  ],
  after: [migration],
});

emailQueue.subscribe(emailConsumer.arn, {
  // A full batch costs one transaction; a lone message does not wait.
  batch: { size: 10, partialResponses: true },
  transform: {
    eventSourceMapping: (args) => {
      // Each invocation holds two connections: twenty stay far below the proxy's.
      args.scalingConfig = { maximumConcurrency: 10 };
    },
  },
});

const sweep = createFunction("OutboxSweep", {
  handler: "tasks/outbox-sweep.handler",
  description: "Delivers what the outbox still holds, and finds raw mail that nobody processed",
  timeoutSeconds: 50,
  links: [database, mailBucket, emailQueue, realtime],
  grants: [
    connectTo(appUser),
    push,
    listObjects(mailBucket, rawMailPrefix),
    tagObjects(mailBucket, rawMailPrefix),
    sendTo(emailQueue),
  ],
  after: [migration],
});
new sst.aws.Cron("OutboxSweepSchedule", { schedule: "rate(1 minute)", function: sweep.arn });
