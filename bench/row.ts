/** One comparison: the candidate's figure over the reference's, both measured in the same minute. */
export interface Row {
  /** What is measured. */
  name: string;
  /** The reference it is compared with. */
  against: string;
  /** What the ratio must reach, e.g. `>= 1.8`. */
  target: string;
  /** Median of the paired ratios. */
  ratio: number;
  /** Whether the ratio reaches the target. */
  reached: boolean;
  /** Figures behind the ratio, for the reader. */
  details: Record<string, number | string>;
  /** How the cost grows, measured (e.g. at ten times the input). */
  growth: string;
}

export function median(values: number[]): number {
  return quantile(values, 0.5);
}

/** @param q Between 0 and 1; linear interpolation between neighbours. */
export function quantile(values: number[], q: number): number {
  if (values.length === 0) throw new Error("no values to take a quantile of");
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? 0;
  const high = sorted[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
}

/**
 * Runs both sides in turn, A B A B, so that a machine whose speed drifts slows both.
 * @param measure Each returns its figure (seconds, messages per second ...).
 * @returns The figures of each side and the ratio candidate/reference of each pair.
 */
export async function pairs(
  count: number,
  candidate: () => Promise<number> | number,
  reference: () => Promise<number> | number,
): Promise<{ candidate: number[]; reference: number[]; ratios: number[] }> {
  const out = { candidate: [] as number[], reference: [] as number[], ratios: [] as number[] };
  for (let pair = 0; pair < count; pair++) {
    const a = await candidate();
    const b = await reference();
    out.candidate.push(a);
    out.reference.push(b);
    out.ratios.push(a / b);
  }
  return out;
}
