import { refuseAll } from "./unbuilt.ts";

/** Makes the sizes of uploaded pictures, one day. */
export const handler = refuseAll("image-consumer", "ImageQueue", "picture sizes are", isTestEvent);

/** S3 sends it when the bucket's notifications are set up: `{"Service": "Amazon S3", "Event": "s3:TestEvent", …}`. */
function isTestEvent(body: string): boolean {
  return /"Event"\s*:\s*"s3:TestEvent"/.test(body) && !body.includes('"Records"');
}
