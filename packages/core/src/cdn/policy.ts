/**
 * Texts that CloudFront checks to the letter.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-custom-policy.html
 */

/**
 * What is signed. For one object CloudFront writes it anew from the request, and the address need not carry it; for what
 * the resource's wildcards cover the address does.
 *
 * @param expires Seconds since the epoch.
 */
export function policyOf(resource: string, expires: number): string {
  return `{"Statement":[{"Resource":"${resource}","Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`;
}

/** An object's key as the path of an address. */
export const encodeKey = (key: string): string => key.split("/").map(encodePart).join("/");

/** A part of an address. `*` would be a wildcard in a policy. */
export function encodePart(part: string): string {
  return encodeURIComponent(part).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Base64 whose characters mean nothing in an address. */
export function toUrlText(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("+", "-").replaceAll("=", "_").replaceAll("/", "~");
}
