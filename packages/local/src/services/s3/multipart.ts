/** Multipart uploads. https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html */
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { AwsError } from "../../cloud/errors.ts";
import { createChecksum } from "../../front-door/checksums.ts";
import { escapeXml } from "../../front-door/xml.ts";
import type { ObjectStore, StoredObject, StoredPart, Upload } from "./objects.ts";
import { type ReceivedBody, receive } from "./receive.ts";
import { document, malformedXml, parseXml } from "./xml.ts";

/** Every part but the last. */
const SMALLEST_PART = 5 * 1024 * 1024;
const MOST_PARTS = 10_000;
const LARGEST_OBJECT = 5 * 1024 ** 4;
const PAGE = 1000;

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

/**
 * @param headers The request's own: trailing ones are added to it while the body is read, so it must stay the same object.
 */
export async function uploadPart(
  store: ObjectStore,
  upload: Upload,
  partNumber: string | null,
  body: Buffer | Readable,
  headers: Record<string, string>,
  now: () => number,
): Promise<{ etag: string; checksum?: ReceivedBody["checksum"] }> {
  const number = Number(partNumber);
  if (!Number.isInteger(number) || number < 1 || number > MOST_PARTS)
    throw new AwsError(
      "InvalidArgument",
      `Part number must be an integer between 1 and ${MOST_PARTS}, inclusive`,
      400,
      { ArgumentName: "partNumber", ArgumentValue: partNumber ?? "" },
    );
  const { checksumHeader } = upload.template;
  if (checksumHeader) headers["x-amz-checksum-algorithm"] ??= checksumHeader.slice("x-amz-checksum-".length);
  const received = await receive(body, { path: (file) => store.path(file), headers });
  const etag = `"${received.md5}"`;
  try {
    // The upload may have been aborted while its part came in.
    findUpload(store, upload.key, upload.id);
  } catch (error) {
    store.discard(received.file);
    throw error;
  }
  const { file, size, checksum } = received;
  store.addPart(upload.id, number, {
    file,
    size,
    etag,
    modified: now(),
    ...(checksum && checksum.header === checksumHeader && { checksum: checksum.value }),
  });
  return { etag, ...(checksum && { checksum }) };
}

interface Completion {
  number: number;
  etag: string;
}

export function readCompletion(body: Buffer): Completion[] {
  const root = parseXml(body).CompleteMultipartUpload as
    | { Part?: { PartNumber?: unknown; ETag?: unknown }[] }
    | undefined;
  const parts = root?.Part?.map(({ PartNumber, ETag }) => ({
    number: Number(PartNumber),
    etag: String(ETag ?? "").replaceAll('"', ""),
  }));
  if (!parts || parts.length === 0) throw malformedXml();
  return parts;
}

/** The parts that are named, in the order they are named. @throws AwsError InvalidPart, InvalidPartOrder, EntityTooSmall. */
export function chooseParts(upload: Upload, wanted: Completion[]): StoredPart[] {
  return wanted.map(({ number, etag }, index) => {
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
}

/** Joins the parts into one file: costs a copy of the bytes, and no memory. */
export async function joinParts(
  store: ObjectStore,
  upload: Upload,
  chosen: StoredPart[],
): Promise<
  Required<Pick<StoredObject, "file" | "size" | "etag" | "parts">> & Pick<StoredObject, "checksum">
> {
  const { checksumHeader, fullChecksum } = upload.template;
  async function* bytes() {
    for (const part of chosen) yield* store.read(part.file);
  }
  const joined = Readable.from(bytes(), { objectMode: false });
  try {
    const received = await receive(joined, {
      path: (file) => store.path(file),
      limit: LARGEST_OBJECT,
      headers:
        fullChecksum && checksumHeader
          ? { "x-amz-checksum-algorithm": checksumHeader.slice("x-amz-checksum-".length) }
          : {},
    });
    const digests = Buffer.concat(chosen.map((part) => Buffer.from(part.etag.replaceAll('"', ""), "hex")));
    const checksum = fullChecksum ? received.checksum : compositeChecksum(checksumHeader, chosen);
    return {
      file: received.file,
      size: received.size,
      etag: `"${createHash("md5").update(digests).digest("hex")}-${chosen.length}"`,
      parts: chosen.map((part) => part.size),
      ...(checksum && { checksum }),
    };
  } finally {
    joined.destroy();
  }
}

/** A checksum of the parts' checksums, and how many there are. */
function compositeChecksum(header: string | undefined, parts: StoredPart[]): StoredObject["checksum"] {
  const checksum = header && createChecksum(header);
  if (!header || !checksum) return undefined;
  for (const { checksum: value } of parts) {
    if (value === undefined) return undefined;
    checksum.update(Buffer.from(value, "base64"));
  }
  return { header, value: `${checksum.digest()}-${parts.length}`, composite: true };
}

export function listParts(upload: Upload, bucket: string, query: URLSearchParams): string {
  const marker = Number(query.get("part-number-marker") ?? 0);
  const max = Math.min(Number(query.get("max-parts") ?? PAGE), PAGE);
  if (!Number.isInteger(marker) || !Number.isInteger(max) || marker < 0 || max < 0)
    throw new AwsError("InvalidArgument", "part-number-marker and max-parts must be whole numbers");
  const left = [...upload.parts].filter(([number]) => number > marker).sort(([a], [b]) => a - b);
  const page = left.slice(0, max);
  const truncated = left.length > page.length;
  const checksum = (value: string | undefined) => {
    const element = checksumElement(upload.template.checksumHeader);
    return element && value ? `<${element}>${escapeXml(value)}</${element}>` : "";
  };
  return document(
    "ListPartsResult",
    `<Bucket>${bucket}</Bucket><Key>${escapeXml(upload.key)}</Key><UploadId>${upload.id}</UploadId><PartNumberMarker>${marker}</PartNumberMarker>${truncated ? `<NextPartNumberMarker>${page.at(-1)?.[0] ?? marker}</NextPartNumberMarker>` : ""}<MaxParts>${max}</MaxParts><IsTruncated>${truncated}</IsTruncated><StorageClass>${upload.template.storageClass ?? "STANDARD"}</StorageClass>${page
      .map(
        ([number, part]) =>
          `<Part><PartNumber>${number}</PartNumber><LastModified>${new Date(part.modified).toISOString()}</LastModified><ETag>${escapeXml(part.etag)}</ETag><Size>${part.size}</Size>${checksum(part.checksum)}</Part>`,
      )
      .join("")}`,
  );
}

const checksumElements = new Map(
  ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"].map((name) => [
    `x-amz-checksum-${name.toLowerCase()}`,
    `Checksum${name}`,
  ]),
);
/** `x-amz-checksum-crc32` -> `ChecksumCRC32`, as documents have it. */
export function checksumElement(header: string | undefined): string | undefined {
  return header === undefined ? undefined : checksumElements.get(header);
}

export function listUploads(store: ObjectStore, bucket: string, query: URLSearchParams): string {
  const prefix = query.get("prefix") ?? "";
  const keyMarker = query.get("key-marker") ?? "";
  const idMarker = query.get("upload-id-marker") ?? "";
  const max = Math.min(Number(query.get("max-uploads") ?? PAGE), PAGE);
  if (!Number.isInteger(max) || max < 0)
    throw new AwsError("InvalidArgument", "max-uploads must be a whole number");
  const after = ({ key, id }: Upload) =>
    key > keyMarker || (key === keyMarker && idMarker !== "" && id > idMarker);
  const left = store
    .uploads()
    .filter((upload) => upload.key.startsWith(prefix) && after(upload))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.id < b.id ? -1 : 1));
  const page = left.slice(0, max);
  const last = left.length > page.length ? page.at(-1) : undefined;
  return document(
    "ListMultipartUploadsResult",
    `<Bucket>${bucket}</Bucket><Prefix>${escapeXml(prefix)}</Prefix><KeyMarker>${escapeXml(keyMarker)}</KeyMarker><UploadIdMarker>${escapeXml(idMarker)}</UploadIdMarker>${last ? `<NextKeyMarker>${escapeXml(last.key)}</NextKeyMarker><NextUploadIdMarker>${last.id}</NextUploadIdMarker>` : ""}<MaxUploads>${max}</MaxUploads><IsTruncated>${last !== undefined}</IsTruncated>${page
      .map(
        (upload) =>
          `<Upload><Key>${escapeXml(upload.key)}</Key><UploadId>${upload.id}</UploadId><StorageClass>${upload.template.storageClass ?? "STANDARD"}</StorageClass><Initiated>${new Date(upload.started).toISOString()}</Initiated></Upload>`,
      )
      .join("")}`,
  );
}
