/** Finding secrets in text that is not the place for them. */

const kinds: [string, RegExp][] = [
  ["an AWS access key", /\b(AKIA|ASIA)[A-Z2-7]{16}\b/],
  ["a private key", /-----BEGIN [A-Z ]*PRIVATE KEY-----/],
  ["a password in a URL", /\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]+:[^\s:/@]+@/],
  [
    "a secret by its name",
    /\b\w*(password|passwd|secret_?key|api_?key|auth_?token|client_?secret)\w*["']?\s*[=:]\s*["']?[^\s"']{8,}/i,
  ],
  // 40 characters of base64 beside the words that AWS writes before it.
  ["an AWS secret key", /aws_?secret\w*["']?\s*[=:]\s*["']?[A-Za-z0-9/+]{40}/i],
];

/** @returns What kinds of secret the texts seem to hold, each once. Base64 is looked into. */
export function secretsIn(given: readonly unknown[]): string[] {
  const texts = given
    .filter((text) => typeof text === "string")
    .flatMap((text) => [text, Buffer.from(text, "base64").toString("latin1")]);
  return kinds.filter(([, pattern]) => texts.some((text) => pattern.test(text))).map(([kind]) => kind);
}
