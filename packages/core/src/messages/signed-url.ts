import * as aws from "../aws/index.ts";

export interface SignedObject {
  region: string;
  bucket: string;
  key: string;
  /** Ours, never a sender's. */
  contentType: string;
  /** Offered as the name to save under. */
  filename: string;
  seconds: number;
}

/** A GET that works without credentials for a while, with the rights of who signs. Nothing is sent to make it. */
export async function signedUrl(object: SignedObject): Promise<string> {
  const [client, { GetObjectCommand }, { getSignedUrl }] = await Promise.all([
    aws.s3(object.region),
    import("@aws-sdk/client-s3"),
    import("@aws-sdk/s3-request-presigner"),
  ]);
  const command = new GetObjectCommand({
    Bucket: object.bucket,
    Key: object.key,
    ResponseContentType: object.contentType,
    ResponseContentDisposition: contentDisposition(object.filename),
  });
  return getSignedUrl(client, command, { expiresIn: object.seconds });
}

/** RFC 6266 with RFC 8187's form for what is not ASCII. Header text, whatever the sender called the file. */
export function contentDisposition(filename: string): string {
  const ascii = filename.replace(/[^\x20-\x7e]|["\\%]/g, "_").slice(0, 150);
  const encoded = encodeURIComponent(filename.toWellFormed().slice(0, 150).toWellFormed()).replace(
    /['()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
