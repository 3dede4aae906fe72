/** Pictures in: what was uploaded to the home bucket is told to the image queue. */
import { queuePolicy, queues } from "./queues";
import { homeBucket, tmpPrefix } from "./storage";

/** Where presigned uploads land; what nobody made something of expires with everything temporary. */
export const uploadPrefix = `${tmpPrefix}uploads/`;

const policy = queuePolicy("ImageQueuePolicy", queues.images.queue, [
  { service: "s3.amazonaws.com", sourceArn: homeBucket.arn },
]);

// Raw: SST's Bucket.notify would write a second queue policy over ours, without the account. A bucket has one
// notification configuration: another target for this bucket belongs in here.
new aws.s3.BucketNotification(
  "HomeBucketNotification",
  {
    bucket: homeBucket.name,
    queues: [
      {
        id: "uploads",
        queueArn: queues.images.queue.arn,
        events: ["s3:ObjectCreated:*"],
        filterPrefix: uploadPrefix,
      },
    ],
  },
  // S3 sends a test message when the configuration is made.
  { dependsOn: [policy] },
);
