const ascii = (bytes: Uint8Array, from: number, to: number) =>
  String.fromCharCode(...bytes.subarray(from, to));

/**
 * Whether bytes begin like a picture of a kind that is shown, or that people take for one (HEIC) and are told about. A
 * cheap sieve for the mail path: what they are is found out when they are inspected. https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern
 */
export function looksLikePicture(bytes: Uint8Array): boolean {
  const head = ascii(bytes, 0, 12);
  return (
    head.startsWith("\xff\xd8\xff") ||
    head.startsWith("\x89PNG\r\n\x1a\n") ||
    /^GIF8[79]a/.test(head) ||
    /^RIFF[\s\S]{4}WEBP/.test(head) ||
    /^(?:II\*\0|MM\0\*)/.test(head) ||
    // ISO base media with the brand of a still picture or a sequence of them: AVIF and HEIF.
    /^[\s\S]{4}ftyp(?:avi[fs]|hei[cfsx]|hev[cx]|mif1|msf1)/.test(head)
  );
}
