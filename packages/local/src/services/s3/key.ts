/** Object keys: any text of 1 to 1024 bytes in UTF-8. No key ever becomes a file's name. */
import { AwsError } from "../../cloud/errors.ts";

const LONGEST_BYTES = 1024;

/** Decodes what stands in a path. @throws AwsError InvalidURI. */
export function decodePath(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AwsError("InvalidURI", "Couldn't parse the specified URI.");
  }
}

/** @throws AwsError KeyTooLongError. */
export function checkKey(key: string): string {
  const size = Buffer.byteLength(key);
  if (size > LONGEST_BYTES)
    throw new AwsError("KeyTooLongError", "Your key is too long", 400, {
      Size: size,
      MaxSizeAllowed: LONGEST_BYTES,
    });
  return key;
}
