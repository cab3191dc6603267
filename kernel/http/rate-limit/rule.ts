/** How often somebody may do something: a token bucket. Pure arithmetic, in thousandths of a token. */
export interface RateRule {
  /** Part of the bucket's key: `sign-in`, `requests`. */
  readonly name: string;
  readonly perMinute: number;
  /** What a bucket holds when full; defaults to a minute's worth. */
  readonly burst?: number;
}

export const capacityOf = (rule: RateRule): number => Math.max(1, rule.burst ?? rule.perMinute);

/**
 * How much one process may give out on its own, and how much it takes from the store at a time: 5 % of the bucket. Two
 * processes then overshoot by 10 % at most. Small limits (under 20) have no such share: each try asks the store.
 */
export const shareOf = (rule: RateRule): number => Math.floor(capacityOf(rule) / 20);

/** Milliseconds until one token has come back. */
export const msPerToken = (rule: RateRule): number => 60_000 / rule.perMinute;
