import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Look } from "./health.ts";
import { isUndecided, judge, nextLookMs, unjudged, type Judgement } from "./judge.ts";

const good: Look = { healthy: true, at: 1, durationMs: 1, status: 200 };
const bad: Look = { healthy: false, at: 1, durationMs: 1, status: 503, body: "starting" };
const after = (...looks: Look[]): Judgement => looks.reduce(judge, unjudged);

describe("judge", () => {
  it("takes two good looks in a row for healthy, not one", () => {
    expect(after(good).isHealthy).toBeUndefined();
    expect(after(good, bad, good).isHealthy).toBeUndefined();
    expect(after(good, good).isHealthy).toBe(true);
  });

  it("takes three bad looks in a row for unhealthy and keeps what the last one saw", () => {
    expect(after(good, good, bad, bad).isHealthy).toBe(true);
    expect(after(good, good, bad, bad, bad)).toMatchObject({ isHealthy: false, badLook: bad });
  });

  it("forgets the evidence when it has recovered", () => {
    expect(after(bad, bad, bad, good, good)).toMatchObject({ isHealthy: true, badLook: undefined });
  });

  it("never turns on one look, whatever came before", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 20 }), fc.boolean(), (history, last) => {
        const before = after(...history.map((ok) => (ok ? good : bad)));
        const now = judge(before, last ? good : bad);
        if (before.isHealthy !== now.isHealthy) {
          const needed = now.isHealthy ? 2 : 3;
          expect(history.slice(1 - needed).every((ok) => ok === last)).toBe(true);
        }
      }),
    );
  });

  it("looks again soon while one more look may turn it, and rarely when all is well", () => {
    expect(nextLookMs(unjudged, 10_000)).toBe(250);
    expect(nextLookMs(after(good), 10_000)).toBe(25);
    expect(nextLookMs(after(good, good), 10_000)).toBe(10_000);
    expect(nextLookMs(after(good, good, bad), 10_000)).toBe(250);
    expect(nextLookMs(after(bad, bad, bad), 10_000)).toBe(2_000);
    expect(isUndecided(after(bad, bad, bad, good))).toBe(true);
  });
});
