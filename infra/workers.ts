import type { LayerName } from "../layers/contents";
import { cdn, distributionArn } from "./cdn";
import { database } from "./database";
import { createFunction } from "./function";
import { googleClient } from "./google";
import {
  connectTo,
  consume,
  deleteObjects,
  type Grant,
  getObjects,
  invalidate,
  listObjects,
  manageSchedules,
  manageSuppressions,
  manageTemplates,
  putObjects,
  readSecret,
  sendBulk,
  sendMail,
  sendTo,
  showAgain,
  tagObjects,
  tellMissing,
} from "./grants";
import { sendingIdentityArns } from "./identities";
import { migrated } from "./migrations";
import { configurationSetArn, outbound, senderAddresses } from "./outbound";
import { queues, type WorkQueue } from "./queues";
import { push, realtime } from "./realtime";
import { scheduleGroup, scheduler, schedulerRole } from "./scheduler";
import { appUser } from "./secrets";
import {
  attachmentPrefix,
  claimCheckPrefix,
  homeBucket,
  mailBucket,
  privateMediaPrefix,
  publicMediaPrefix,
  rawMailPrefix,
} from "./storage";
import { uploadPrefix } from "./uploads";

/** A function that takes from a work queue, within what the queue gives it. */
function createConsumer(
  name: string,
  { queue, consumerSeconds, maximumConcurrency }: WorkQueue,
  options: {
    handler: string;
    description: string;
    memory?: `${number} MB`;
    links: unknown[];
    grants: Grant[];
    /** Beside those of the database. */
    layers?: LayerName[];
    batchSize?: number;
  },
) {
  const { links, grants, layers = [], batchSize = 10, ...rest } = options;
  const consumer = createFunction(name, {
    ...rest,
    timeoutSeconds: consumerSeconds,
    links: [database, ...links],
    grants: [consume(queue), connectTo(appUser), ...grants],
    layers: ["data", ...layers],
    after: migrated,
  });
  queue.subscribe(consumer.arn, {
    // A full batch costs one transaction; a lone message does not wait.
    batch: { size: batchSize, partialResponses: true },
    transform: {
      eventSourceMapping: (args) => {
        args.scalingConfig = { maximumConcurrency };
      },
    },
  });
  return consumer;
}

export const emailConsumer = createConsumer("EmailConsumer", queues.email, {
  handler: "queues/email.handler",
  description: "Takes raw mail in: parses, threads, stores and pushes it",
  // Ten messages of 40 MB are not read at once; one of them, decoded, has room.
  memory: "1024 MB",
  links: [queues.email.queue, mailBucket, homeBucket, queues.images.queue, realtime],
  grants: [
    showAgain(queues.email.queue),
    getObjects(mailBucket, rawMailPrefix),
    tellMissing(mailBucket),
    tagObjects(mailBucket, rawMailPrefix),
    putObjects(homeBucket, attachmentPrefix),
    // Pictures among the attachments get their sizes.
    sendTo(queues.images.queue),
    push,
  ],
  layers: ["mail"],
});

const sender = { identityArns: sendingIdentityArns, configurationSetArn, addresses: senderAddresses };

/** Below them objects go when nobody refers to them any more. */
const deletedPrefixes = [claimCheckPrefix, publicMediaPrefix, privateMediaPrefix, uploadPrefix];

/** The one that acts on the world for the others: it sends mail, makes schedules and deletes objects. */
export const jobsConsumer = createConsumer("JobsConsumer", queues.jobs, {
  handler: "queues/jobs.handler",
  description: "Runs jobs",
  memory: "1024 MB",
  links: [
    queues.jobs.queue,
    queues.jobs.deadLetterQueue,
    homeBucket,
    cdn,
    realtime,
    scheduler,
    outbound,
    ...(googleClient ? [googleClient.link] : []),
  ],
  grants: [
    showAgain(queues.jobs.queue),
    // Jobs that failed for good lie there, where people look.
    sendTo(queues.jobs.queue, queues.jobs.deadLetterQueue),
    sendMail(sender),
    sendBulk(sender),
    manageTemplates(),
    manageSuppressions(),
    ...manageSchedules(scheduleGroup, schedulerRole),
    getObjects(homeBucket, attachmentPrefix),
    getObjects(homeBucket, claimCheckPrefix),
    putObjects(homeBucket, claimCheckPrefix),
    // Finds what nobody refers to.
    listObjects(homeBucket, ...deletedPrefixes),
    ...deletedPrefixes.map((prefix) => deleteObjects(homeBucket, prefix)),
    invalidate(distributionArn),
    // Calendars are watched on people's behalf.
    ...(googleClient ? [readSecret(googleClient.secretArn)] : []),
    push,
  ],
});

export const imageConsumer = createConsumer("ImageConsumer", queues.images, {
  handler: "queues/images.handler",
  description: "Makes the sizes of pictures that were uploaded or came with mail",
  // 50 megapixels of AVIF take 1.3 GB: docs/decisions/0084.
  memory: "2048 MB",
  links: [queues.images.queue, queues.jobs.queue, homeBucket, realtime],
  grants: [
    showAgain(queues.images.queue),
    getObjects(homeBucket, uploadPrefix),
    getObjects(homeBucket, attachmentPrefix),
    putObjects(homeBucket, publicMediaPrefix),
    putObjects(homeBucket, privateMediaPrefix),
    // What was deleted while it was made is the jobs consumer's to delete.
    sendTo(queues.jobs.queue),
    push,
  ],
  layers: ["image"],
  batchSize: 2,
});

/** What follows from an event for SES's own list is the jobs consumer's to do. */
export const mailEventsConsumer = createConsumer("MailEventsConsumer", queues.mailEvents, {
  handler: "queues/mail-events.handler",
  description: "Takes in what SES tells about mail that was sent",
  links: [queues.mailEvents.queue, queues.jobs.queue, realtime],
  grants: [showAgain(queues.mailEvents.queue), sendTo(queues.jobs.queue), push],
});

const sweep = createFunction("OutboxSweep", {
  handler: "tasks/outbox-sweep.handler",
  description:
    "Delivers what the outbox still holds, queues jobs that are due, and finds raw mail that nobody processed",
  timeoutSeconds: 50,
  links: [
    database,
    mailBucket,
    queues.email.queue,
    queues.jobs.queue,
    queues.jobs.deadLetterQueue,
    queues.images.queue,
    realtime,
  ],
  grants: [
    connectTo(appUser),
    push,
    listObjects(mailBucket, rawMailPrefix),
    tagObjects(mailBucket, rawMailPrefix),
    sendTo(queues.email.queue, queues.jobs.queue, queues.jobs.deadLetterQueue, queues.images.queue),
  ],
  layers: ["data"],
  after: migrated,
});
new sst.aws.Cron("OutboxSweepSchedule", { schedule: "rate(1 minute)", function: sweep.arn });
