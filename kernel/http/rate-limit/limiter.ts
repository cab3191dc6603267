/**
 * Rate limits that hold across replicas. The bucket is a row in the store; a process takes tokens from it in batches and
 * lets a small share of each limit pass without asking at all, so an ordinary reader never costs a write. What one takes
 * and does not use within `leaseMs` is lost, so a batch cannot be saved up for later.
 */
import type { Clock } from "../../clock/index.ts";
import type { Store } from "../../database/index.ts";
import { quota } from "../../errors/index.ts";
import { capacityOf, msPerToken, shareOf, type RateRule } from "./rule.ts";
import { createRateStore } from "./store.ts";

const leaseMs = 2_000;
/** Buckets untouched for longer than this are forgotten, here and in the store. */
const idleMs = 10 * 60_000;

interface Bucket {
  /** What may pass without asking: refills with time, up to the share. */
  free: number;
  freeAt: number;
  /** Taken from the store and not used yet. */
  leased: number;
  leasedUntil: number;
  /** No token comes back before this time: asking again is of no use. */
  emptyUntil: number;
  asking: Promise<void> | undefined;
}

export interface RateLimiter {
  /**
   * Takes one token from the bucket `rule.name:key`, or throws `quota` / `rate_limited` with `details.retryAfterMs`.
   *
   *     await limiter.take({ name: "sign-in", perMinute: 10 }, remoteAddress);
   */
  take(rule: RateRule, key: string): Promise<void>;
}

export function createRateLimiter({ store, clock }: { store: Store; clock: Clock }): RateLimiter {
  const rows = createRateStore(store);
  const buckets = new Map<string, Bucket>();
  let sweepAt = clock.now() + idleMs;

  const bucketOf = (id: string, share: number, now: number): Bucket => {
    const found = buckets.get(id);
    if (found) return found;
    const made: Bucket = { free: share, freeAt: now, leased: 0, leasedUntil: 0, emptyUntil: 0, asking: undefined };
    buckets.set(id, made);
    return made;
  };

  const sweep = (now: number): void => {
    if (now < sweepAt) return;
    sweepAt = now + idleMs;
    for (const [id, bucket] of buckets) if (now - bucket.freeAt > idleMs) buckets.delete(id);
    // Lost when the database is away: the next sweep takes those rows too.
    void rows.forget(now - 24 * 3_600_000).catch(() => {});
  };

  const refill = (bucket: Bucket, rule: RateRule, share: number, now: number): void => {
    const elapsed = Math.max(0, now - bucket.freeAt);
    bucket.free = Math.min(share, bucket.free + (elapsed / msPerToken(rule)) * 0.05);
    bucket.freeAt = now;
  };

  const lease = async (bucket: Bucket, rule: RateRule, id: string, share: number): Promise<void> => {
    const now = clock.now();
    const { granted, left } = await rows.take(id, rule, Math.max(1, share), now);
    bucket.leased += granted;
    bucket.leasedUntil = now + leaseMs;
    if (granted === 0) bucket.emptyUntil = now + Math.ceil((1 - left) * msPerToken(rule));
  };

  const use = (bucket: Bucket, now: number): boolean => {
    if (bucket.leased >= 1 && now < bucket.leasedUntil) bucket.leased -= 1;
    else if (bucket.free >= 1) bucket.free -= 1;
    else return false;
    return true;
  };

  return {
    async take(rule, key) {
      const now = clock.now();
      sweep(now);
      const share = shareOf(rule);
      const id = `${rule.name}:${key}`;
      const bucket = bucketOf(id, share, now);
      refill(bucket, rule, share, now);
      if (now >= bucket.leasedUntil) bucket.leased = 0;
      while (!use(bucket, clock.now())) {
        const wait = bucket.emptyUntil - clock.now();
        if (wait > 0) throw limited(rule, wait);
        // One question at a time a bucket: those who wait share its answer.
        bucket.asking ??= lease(bucket, rule, id, share).finally(() => (bucket.asking = undefined));
        await bucket.asking;
      }
    },
  };
}

const limited = (rule: RateRule, retryAfterMs: number) =>
  quota(
    "rate_limited",
    `Too many requests: ${capacityOf(rule)} at once and ${rule.perMinute} a minute are accepted here. Try again in ${Math.ceil(retryAfterMs / 1000)} s.`,
    {
      details: { retryAfterMs, limit: rule.name },
    },
  );
