/** S3's documents: reading those of requests, writing those of answers. */
import { XMLParser } from "fast-xml-parser";
import { AwsError } from "../../cloud/errors.ts";

const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  // Numeric references, which clients write for line breaks and control characters in keys.
  htmlEntities: true,
  isArray: (name) => name === "Part" || name === "Object" || name === "Tag",
});

/** @throws AwsError MalformedXML. */
export function parseXml(body: Buffer): Record<string, unknown> {
  const text = body.toString("utf8");
  // Documents of S3 have none, and it could define entities.
  if (/<!DOCTYPE/i.test(text)) throw malformedXml();
  try {
    return parser.parse(text, true) as Record<string, unknown>;
  } catch {
    throw malformedXml();
  }
}
export function malformedXml(): AwsError {
  return new AwsError(
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
  );
}

export function document(root: string, body: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${body}</${root}>`;
}
