import * as aws from "../aws/index.ts";
import { config } from "../config/index.ts";
import type { UploadForm } from "./types.ts";

export interface Presigned {
  key: string;
  contentType: string;
  /** Bytes, exactly. */
  size: number;
  seconds: number;
}

/**
 * A form with which S3 takes one object: of this key, type and size, until it expires, with the rights of who signs.
 * Nothing is sent to make it. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
 */
export async function presign({ key, contentType, size, seconds }: Presigned): Promise<UploadForm> {
  const { name, region } = config("HomeBucket");
  const [client, { createPresignedPost }] = await Promise.all([
    aws.s3(region),
    import("@aws-sdk/s3-presigned-post"),
  ]);
  const { url, fields } = await createPresignedPost(client, {
    Bucket: name,
    Key: key,
    // Each field is a condition of its own; S3 refuses fields that no condition names.
    Fields: { "Content-Type": contentType, success_action_status: "201" },
    Conditions: [["content-length-range", size, size]],
    Expires: seconds,
  });
  return { method: "POST", url, fields };
}
