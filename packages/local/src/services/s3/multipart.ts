/** Multipart uploads. https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { XMLParser } from "fast-xml-parser";
import { AwsError } from "../../cloud/errors.ts";
import { createChecksum } from "../../front-door/checksums.ts";
import { escapeXml } from "../../front-door/xml.ts";
import { document } from "./list.ts";
import type { ObjectStore, StoredObject, Upload } from "./objects.ts";
import { receive } from "./receive.ts";

/** Every part but the last. */
const SMALLEST_PART = 5 * 1024 * 1024;
const MOST_PARTS = 10_000;

export function beginUpload(store: ObjectStore, upload: Omit<Upload, "id" | "parts">): string {
  const id = randomBytes(24).toString("base64url");
  store.begin({ ...upload, id, parts: new Map() });
  return id;
}

export function findUpload(store: ObjectStore, key: string, id: string | null): Upload {
  const upload = store.upload(id ?? "");
  if (!upload || upload.key !== key)
    throw new AwsError(
      "NoSuchUpload",
      "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
      404,
      { UploadId: id ?? "" },
    );
  return upload;
}

export async function uploadPart(
  store: ObjectStore,
  upload: Upload,
  partNumber: string | null,
  body: Buffer | Readable,
  headers: Record<string, string>,
  now: number,
): Promise<{ etag: string; checksum?: { header: string; value: string } }> {
  const number = Number(partNumber);
  if (!Number.isInteger(number) || number < 1 || number > MOST_PARTS)
    throw new AwsError(
      "InvalidArgument",
      `Part number must be an integer between 1 and ${MOST_PARTS}, inclusive`,
      400,
      { ArgumentName: "partNumber", ArgumentValue: partNumber ?? "" },
    );
  const wanted = upload.template.checksumHeader;
  const algorithm: Record<string, string> = wanted
    ? { "x-amz-checksum-algorithm": wanted.slice("x-amz-checksum-".length) }
    : {};
  const received = await receive(body, {
    path: (file) => store.path(file),
    headers: headersWith(headers, algorithm),
  });
  const etag = `"${received.md5}"`;
  // The upload may have been aborted while its part came in.
  findUpload(store, upload.key, upload.id);
  store.addPart(upload.id, number, {
    file: received.file,
    size: received.size,
    etag,
    modified: now,
    ...(received.checksum && { checksum: received.checksum.value }),
  });
  return { etag, ...(received.checksum && { checksum: received.checksum }) };
}

/** Trailing headers are added to the request's own object while it is read, so it must stay the same object. */
function headersWith(headers: Record<string, string>, more: Record<string, string>): Record<string, string> {
  for (const [name, value] of Object.entries(more)) headers[name] ??= value;
  return headers;
}

interface Completion {
  number: number;
  etag: string;
}
const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  isArray: (name) => name === "Part" || name === "Object" || name === "Tag",
});

export function parseXml(body: Buffer): Record<string, unknown> {
  try {
    return parser.parse(body.toString("utf8"), true) as Record<string, unknown>;
  } catch {
    throw malformedXml();
  }
}
export const malformedXml = () =>
  new AwsError(
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
    400,
  );

export function readCompletion(body: Buffer): Completion[] {
  const root = parseXml(body).CompleteMultipartUpload as
    | { Part?: { PartNumber?: unknown; ETag?: unknown }[] }
    | undefined;
  const parts = root?.Part?.map(({ PartNumber, ETag }) => ({
    number: Number(PartNumber),
    etag: String(ETag ?? "")
      .replaceAll("&quot;", "")
      .replaceAll('"', ""),
  }));
  if (!parts || parts.length === 0) throw malformedXml();
  return parts;
}

/** Joins the parts into one file. @throws AwsError InvalidPart, InvalidPartOrder, EntityTooSmall. */
export async function joinParts(
  store: ObjectStore,
  upload: Upload,
  wanted: Completion[],
): Promise<Pick<StoredObject, "file" | "size" | "etag" | "parts" | "checksum">> {
  const chosen = wanted.map(({ number, etag }, index) => {
    const part = upload.parts.get(number);
    if (!part || part.etag.replaceAll('"', "") !== etag)
      throw new AwsError(
        "InvalidPart",
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
        400,
        { PartNumber: number },
      );
    if (index > 0 && number <= (wanted[index - 1]?.number ?? 0))
      throw new AwsError(
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
        400,
      );
    if (index < wanted.length - 1 && part.size < SMALLEST_PART)
      throw new AwsError(
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        400,
        { PartNumber: number, ProposedSize: part.size, MinSizeAllowed: SMALLEST_PART },
      );
    return part;
  });
  async function* bytes() {
    for (const part of chosen) yield* createReadStream(store.path(part.file));
  }
  const received = await receive(Readable.from(bytes(), { objectMode: false }), {
    path: (file) => store.path(file),
    limit: 5 * 1024 ** 4,
  });
  const digests = Buffer.concat(chosen.map((part) => Buffer.from(part.etag.replaceAll('"', ""), "hex")));
  return {
    file: received.file,
    size: received.size,
    etag: `"${createHash("md5").update(digests).digest("hex")}-${chosen.length}"`,
    parts: chosen.map((part) => part.size),
    ...compositeChecksum(
      upload.template.checksumHeader,
      chosen.map((part) => part.checksum),
    ),
  };
}

/** A checksum of the parts' checksums, and how many there are. */
function compositeChecksum(
  header: string | undefined,
  values: (string | undefined)[],
): Pick<StoredObject, "checksum"> {
  const checksum = header && createChecksum(header);
  if (!header || !checksum || values.some((value) => value === undefined)) return {};
  for (const value of values) checksum.update(Buffer.from(value ?? "", "base64"));
  return { checksum: { header, value: `${checksum.digest()}-${values.length}` } };
}

export function listParts(upload: Upload, bucket: string): string {
  const parts = [...upload.parts].sort(([a], [b]) => a - b);
  return document(
    "ListPartsResult",
    `<Bucket>${bucket}</Bucket><Key>${escapeXml(upload.key)}</Key><UploadId>${upload.id}</UploadId><MaxParts>${MOST_PARTS}</MaxParts><IsTruncated>false</IsTruncated>${parts
      .map(
        ([number, part]) =>
          `<Part><PartNumber>${number}</PartNumber><LastModified>${new Date(part.modified).toISOString()}</LastModified><ETag>${escapeXml(part.etag)}</ETag><Size>${part.size}</Size></Part>`,
      )
      .join("")}`,
  );
}

export function listUploads(store: ObjectStore, bucket: string, prefix: string): string {
  const uploads = store.uploads().filter(({ key }) => key.startsWith(prefix));
  return document(
    "ListMultipartUploadsResult",
    `<Bucket>${bucket}</Bucket><Prefix>${escapeXml(prefix)}</Prefix><MaxUploads>1000</MaxUploads><IsTruncated>false</IsTruncated>${uploads
      .map(
        (upload) =>
          `<Upload><Key>${escapeXml(upload.key)}</Key><UploadId>${upload.id}</UploadId><StorageClass>STANDARD</StorageClass><Initiated>${new Date(upload.started).toISOString()}</Initiated></Upload>`,
      )
      .join("")}`,
  );
}
