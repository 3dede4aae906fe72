/** Address ranges of IPv4 in CIDR notation (RFC 4632), such as `10.0.0.0/16`. */
interface Range {
  /** First address as a number. */
  start: number;
  /** Leading bits that all addresses share. */
  length: number;
}

const size = ({ length }: Range) => 2 ** (32 - length);
const within = (outer: Range, inner: Range) =>
  inner.start >= outer.start && inner.start + size(inner) <= outer.start + size(outer);

/** @returns Undefined for what is no range, or whose address is not the first of its range (`10.0.0.1/16`). */
export function parseRange(text: string): Range | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (!match) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, length = 0] = match.slice(1).map(Number);
  const octets = [a, b, c, d];
  const range = { start: octets.reduce((sum, octet) => sum * 256 + octet, 0), length };
  if (octets.some((octet) => octet > 255) || length > 32 || range.start % size(range) !== 0) return undefined;
  return range;
}

function format({ start, length }: Range): string {
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256);
  return `${octets.join(".")}/${length}`;
}

/** Addresses that nobody on the internet has: RFC 1918, and RFC 6598 which AWS takes for a VPC too. */
const privateRanges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"].flatMap(
  (text) => parseRange(text) ?? [],
);
export function isPrivate(text: string): boolean {
  const range = parseRange(text);
  return range !== undefined && privateRanges.some((outer) => within(outer, range));
}

/** The `index`th of eight equal parts: room for a public and a private subnet in each of up to four zones. */
export function eighth(text: string, index: number): string {
  const range = parseRange(text);
  if (!range || index < 0 || index > 7) throw new Error(`${text} has no part ${index}`);
  const length = range.length + 3;
  return format({ start: range.start + index * 2 ** (32 - length), length });
}
