/** Conditional requests (RFC 9110 §13) and ranges (§14), as S3 reads them. */
import { AwsError } from "../../cloud/errors.ts";
import type { StoredObject } from "./objects.ts";

const failed = (condition: string) =>
  new AwsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412, {
    Condition: condition,
  });

/** @returns true when the answer is 304. @throws AwsError PreconditionFailed. */
export function checkRead(object: StoredObject, header: (name: string) => string | undefined): boolean {
  const modified = Math.floor(object.modified / 1000) * 1000;
  const match = header("if-match");
  if (match !== undefined) {
    if (!listed(match, object.etag)) throw failed("If-Match");
  } else {
    const unmodified = Date.parse(header("if-unmodified-since") ?? "");
    if (!Number.isNaN(unmodified) && modified > unmodified) throw failed("If-Unmodified-Since");
  }
  const none = header("if-none-match");
  if (none !== undefined) return listed(none, object.etag);
  const since = Date.parse(header("if-modified-since") ?? "");
  return !Number.isNaN(since) && modified <= since;
}

/** Conditional writes. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html */
export function checkWrite(
  current: StoredObject | undefined,
  header: (name: string) => string | undefined,
): void {
  if (header("if-none-match") === "*" && current) throw failed("If-None-Match");
  const match = header("if-match");
  if (match === undefined) return;
  if (!current) throw new AwsError("NoSuchKey", "The specified key does not exist.", 404);
  if (!listed(match, current.etag)) throw failed("If-Match");
}

function listed(header: string, etag: string): boolean {
  return (
    header.trim() === "*" ||
    header
      .split(",")
      .some((item) => item.trim().replace(/^W\//, "").replaceAll('"', "") === etag.replaceAll('"', ""))
  );
}

/** @returns The bytes wanted, both ends included, or undefined for the whole. @throws AwsError InvalidRange. */
export function readRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  const invalid = () =>
    new AwsError("InvalidRange", "The requested range is not satisfiable", 416, {
      RangeRequested: header ?? "",
      ActualObjectSize: size,
    });
  if (match[1] === "") {
    const length = Math.min(Number(match[2]), size);
    if (length === 0) throw invalid();
    return { start: size - length, end: size - 1 };
  }
  const start = Number(match[1]);
  const end = match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== "" && Number(match[2]) < start) return undefined;
  if (start >= size) throw invalid();
  return { start, end };
}
