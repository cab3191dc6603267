/** From looks to a judgement. Pure, so that flapping is tested without waiting for it. */
import type { Health, Look } from "./health.ts";

export interface Judgement extends Health {
  readonly good: number;
  readonly bad: number;
}

/** Two good looks in a row make it healthy; one is luck. */
const goodLooks = 2;
/** Three bad ones in a row make it unhealthy: a single slow answer takes nobody out of service. */
const badLooks = 3;

export const unjudged: Judgement = { isHealthy: undefined, good: 0, bad: 0 };
/** Settled, without a look: somebody else has looked, or its life is the proof. */
export const surelyHealthy: Judgement = { isHealthy: true, good: goodLooks, bad: 0 };
export const surelyDown: Judgement = { isHealthy: false, good: 0, bad: badLooks };

export function judge(before: Judgement, look: Look): Judgement {
  if (look.healthy) {
    const good = before.good + 1;
    const isHealthy = good >= goodLooks ? true : before.isHealthy;
    return { isHealthy, good, bad: 0, badLook: isHealthy === true ? undefined : before.badLook };
  }
  const bad = before.bad + 1;
  return { isHealthy: bad >= badLooks ? false : before.isHealthy, good: 0, bad, badLook: look };
}

/** True while one more look may turn the judgement: look again soon. */
export const isUndecided = (judgement: Judgement): boolean =>
  judgement.isHealthy === undefined || (judgement.isHealthy ? judgement.bad > 0 : judgement.good > 0);

/** How long to wait before the next look. Settled and healthy costs least; one that is down is looked at more often, so that it comes back soon. */
export function nextLookMs(judgement: Judgement, intervalMs: number): number {
  // One good look at an instance that nobody has judged: the second decides, so that a started server routes at once.
  if (judgement.isHealthy === undefined && judgement.good > 0) return Math.min(intervalMs, 25);
  if (isUndecided(judgement)) return Math.min(intervalMs, 250);
  return judgement.isHealthy ? intervalMs : Math.min(intervalMs, 2_000);
}
