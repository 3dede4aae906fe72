/** Listings: ListObjectsV2, ListObjects, ListObjectVersions. */
import { AwsError } from "../../cloud/errors.ts";
import { escapeXml } from "../../front-door/xml.ts";
import { compareUtf8 } from "./keys.ts";
import { checksumElement } from "./multipart.ts";
import type { ObjectStore, StoredObject } from "./objects.ts";
import { document } from "./xml.ts";

const LARGEST_PAGE = 1000;

interface Page {
  objects: StoredObject[];
  prefixes: string[];
  /** Last key or prefix of this page, when there is more. */
  next?: string;
}

/** Costs O(log n) a common prefix and O(1) an object: what lies under a prefix is jumped over. */
function page(
  store: ObjectStore,
  options: { prefix: string; delimiter: string; after: string; max: number },
): Page {
  const { prefix, delimiter, after, max } = options;
  const result: Page = { objects: [], prefixes: [] };
  let last = "";
  let from = compareUtf8(after, prefix) > 0 ? after : prefix;
  let exclusive = from === after && after !== "";
  // What lies under a common prefix that has been told is told no more.
  const told = delimiter !== "" && after.startsWith(prefix) ? after.indexOf(delimiter, prefix.length) : -1;
  if (told >= 0) {
    const beyond = store.keys.afterPrefix(after.slice(0, told + delimiter.length));
    if (beyond === undefined) return result;
    from = beyond;
    exclusive = false;
  }
  for (;;) {
    let jump: string | undefined;
    for (const key of store.keys.from(from, exclusive)) {
      if (!key.startsWith(prefix)) return result;
      const object = store.current(key);
      if (!object) continue;
      if (result.objects.length + result.prefixes.length >= max) {
        if (max > 0) result.next = last;
        return result;
      }
      const cut = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
      if (cut < 0) {
        result.objects.push(object);
        last = key;
        continue;
      }
      last = key.slice(0, cut + delimiter.length);
      result.prefixes.push(last);
      jump = last;
      break;
    }
    if (jump === undefined) return result;
    const beyond = store.keys.afterPrefix(jump);
    if (beyond === undefined) return result;
    from = beyond;
    exclusive = false;
  }
}

function readQuery(query: URLSearchParams) {
  const max = query.get("max-keys");
  if (max !== null && !/^\d+$/.test(max))
    throw new AwsError("InvalidArgument", "Provided max-keys not an integer or within integer range", 400, {
      ArgumentName: "max-keys",
      ArgumentValue: max,
    });
  const encoding = query.get("encoding-type");
  if (encoding !== null && encoding !== "url")
    throw new AwsError("InvalidArgument", "Invalid Encoding Method specified in Request", 400);
  const write = (text: string) =>
    escapeXml(
      encoding === "url" ? encodeURIComponent(text).replaceAll("%2F", "/").replaceAll("%20", "+") : text,
    );
  return {
    prefix: query.get("prefix") ?? "",
    delimiter: query.get("delimiter") ?? "",
    max: Math.min(max === null ? LARGEST_PAGE : Number(max), LARGEST_PAGE),
    encoding,
    write,
  };
}

const ownerXml = "<Owner><ID>local</ID><DisplayName>local</DisplayName></Owner>";

function contents(
  object: StoredObject,
  write: (text: string) => string,
  owner: boolean,
  element = "Contents",
): string {
  return `<${element}><Key>${write(object.key)}</Key><LastModified>${new Date(object.modified).toISOString()}</LastModified><ETag>${escapeXml(object.etag)}</ETag>${object.checksum ? `<ChecksumAlgorithm>${checksumElement(object.checksum.header)?.slice("Checksum".length)}</ChecksumAlgorithm><ChecksumType>${object.checksum.composite ? "COMPOSITE" : "FULL_OBJECT"}</ChecksumType>` : ""}<Size>${object.size}</Size>${owner ? ownerXml : ""}<StorageClass>${object.storageClass ?? "STANDARD"}</StorageClass></${element}>`;
}

export function listObjects(store: ObjectStore, bucket: string, query: URLSearchParams): string {
  const { prefix, delimiter, max, encoding, write } = readQuery(query);
  const second = query.get("list-type") === "2";
  const token = query.get("continuation-token");
  const after = second
    ? token === null
      ? (query.get("start-after") ?? "")
      : readToken(token)
    : (query.get("marker") ?? "");
  const found = page(store, { prefix, delimiter, after, max });
  const owner = !second || query.get("fetch-owner") === "true";
  const truncated = found.next !== undefined;
  const head = second
    ? `<KeyCount>${found.objects.length + found.prefixes.length}</KeyCount>${token === null ? "" : `<ContinuationToken>${escapeXml(token)}</ContinuationToken>`}${truncated ? `<NextContinuationToken>${writeToken(found.next ?? "")}</NextContinuationToken>` : ""}${query.has("start-after") ? `<StartAfter>${write(query.get("start-after") ?? "")}</StartAfter>` : ""}`
    : `<Marker>${write(after)}</Marker>${truncated && delimiter !== "" ? `<NextMarker>${write(found.next ?? "")}</NextMarker>` : ""}`;
  return document(
    "ListBucketResult",
    `<Name>${bucket}</Name><Prefix>${write(prefix)}</Prefix>${head}<MaxKeys>${max}</MaxKeys>${delimiter === "" ? "" : `<Delimiter>${write(delimiter)}</Delimiter>`}${encoding ? "<EncodingType>url</EncodingType>" : ""}<IsTruncated>${truncated}</IsTruncated>${found.objects.map((object) => contents(object, write, owner)).join("")}${found.prefixes.map((name) => `<CommonPrefixes><Prefix>${write(name)}</Prefix></CommonPrefixes>`).join("")}`,
  );
}

/** Versions by key, the newest first. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html */
export function listVersions(store: ObjectStore, bucket: string, query: URLSearchParams): string {
  const { prefix, delimiter, max, encoding, write } = readQuery(query);
  if (delimiter !== "")
    throw new AwsError("NotImplemented", "ListObjectVersions takes no delimiter on this machine.", 501);
  const marker = query.get("key-marker") ?? "";
  const idMarker = query.get("version-id-marker");
  let xml = "";
  let count = 0;
  let last: { key: string; versionId: string } | undefined;
  let truncated = false;
  const from = compareUtf8(marker, prefix) > 0 ? marker : prefix;
  pages: for (const key of store.keys.from(from, from === marker && marker !== "" && idMarker === null)) {
    if (!key.startsWith(prefix)) break;
    const versions = store.versions(key);
    const seen = key === marker ? versions.findIndex(({ versionId }) => versionId === idMarker) : -1;
    for (const [index, version] of versions.entries()) {
      if (index <= seen) continue;
      if (count >= max) {
        truncated = max > 0;
        break pages;
      }
      count += 1;
      last = version;
      const extra = `<VersionId>${version.versionId}</VersionId><IsLatest>${index === 0}</IsLatest>`;
      xml += version.deleteMarker
        ? `<DeleteMarker><Key>${write(key)}</Key>${extra}<LastModified>${new Date(version.modified).toISOString()}</LastModified>${ownerXml}</DeleteMarker>`
        : contents(version, write, true, "Version").replace("</Key>", `</Key>${extra}`);
    }
  }
  const next = truncated && last;
  return document(
    "ListVersionsResult",
    `<Name>${bucket}</Name><Prefix>${write(prefix)}</Prefix><KeyMarker>${write(marker)}</KeyMarker><MaxKeys>${max}</MaxKeys>${encoding ? "<EncodingType>url</EncodingType>" : ""}<IsTruncated>${truncated}</IsTruncated>${next ? `<NextKeyMarker>${write(next.key)}</NextKeyMarker><NextVersionIdMarker>${next.versionId}</NextVersionIdMarker>` : ""}${xml}`,
  );
}

/** Tokens are opaque: base64 keeps a client from putting a key there. */
const writeToken = (key: string) => Buffer.from(`1/${key}`).toString("base64");
function readToken(token: string): string {
  const text = Buffer.from(token, "base64").toString("utf8");
  if (!text.startsWith("1/"))
    throw new AwsError("InvalidArgument", "The continuation token provided is incorrect", 400, {
      ArgumentName: "continuation-token",
    });
  return text.slice(2);
}
