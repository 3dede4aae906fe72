/** Object tags. https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html */
import { AwsError } from "../../cloud/errors.ts";
import { escapeXml } from "../../front-door/xml.ts";
import { document, malformedXml, parseXml } from "./xml.ts";

export type Tags = Record<string, string>;

/** `a=1&b=2` of `x-amz-tagging`. */
export function tagsOfHeader(header: string | undefined): Tags {
  return header === undefined ? {} : checkTags([...new URLSearchParams(header)]);
}

/** A `Tagging` document. */
export function tagsOfXml(body: Buffer): Tags {
  const root = parseXml(body).Tagging as
    | { TagSet?: { Tag?: { Key?: unknown; Value?: unknown }[] } | string }
    | undefined;
  if (root?.TagSet === undefined) throw malformedXml();
  const list = typeof root.TagSet === "string" ? [] : (root.TagSet.Tag ?? []);
  return checkTags(list.map(({ Key, Value }) => [String(Key ?? ""), String(Value ?? "")]));
}

export function taggingXml(tags: Tags): string {
  const set = Object.entries(tags).map(
    ([name, value]) => `<Tag><Key>${escapeXml(name)}</Key><Value>${escapeXml(value)}</Value></Tag>`,
  );
  return document("Tagging", `<TagSet>${set.join("")}</TagSet>`);
}

/** What policies may ask about the tags that a request brings. */
export function requestTagContext(tags: Tags): Record<string, string | string[]> {
  const keys = Object.keys(tags);
  return {
    ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`s3:RequestObjectTag/${key}`, value])),
    ...(keys.length > 0 && { "s3:RequestObjectTagKeys": keys }),
  };
}
/** What policies may ask about the tags that an object has. */
export function existingTagContext(tags: Tags | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tags ?? {}).map(([key, value]) => [`s3:ExistingObjectTag/${key}`, value]),
  );
}

/** Letters, digits and spaces of any script, and `+ - = . _ : / @`. */
const allowed = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

function checkTags(pairs: [string, string][]): Tags {
  if (pairs.length > 10) throw new AwsError("BadRequest", "Object tags cannot be greater than 10");
  const seen = new Set<string>();
  for (const [key, value] of pairs) {
    if (key === "" || key.length > 128 || !allowed.test(key) || /^aws:/i.test(key))
      throw new AwsError("InvalidTag", "The TagKey you have provided is invalid", 400, { TagKey: key });
    if (value.length > 256 || !allowed.test(value))
      throw new AwsError("InvalidTag", "The TagValue you have provided is invalid", 400, { TagKey: key });
    if (seen.has(key))
      throw new AwsError("InvalidTag", "Cannot provide multiple Tags with the same key", 400, {
        TagKey: key,
      });
    seen.add(key);
  }
  // Not by assignment: a tag may be called __proto__.
  return Object.fromEntries(pairs);
}
