import { describe, expect, it } from "vitest";
import { aDatabase } from "@norns/adapters/stores/testing";
import type { Clock } from "../../clock/index.ts";
import { NornsError } from "../../errors/index.ts";
import { createRateLimiter, httpMigrations, type RateLimiter, type RateRule } from "./index.ts";

const aClock = (): Clock & { add(ms: number): void } => {
  let now = 1_000_000;
  return { now: () => now, sleep: async () => {}, add: (ms) => void (now += ms) };
};

/** How many of `tries` get through, one after another in turn over the replicas. */
async function through(replicas: RateLimiter[], rule: RateRule, tries: number): Promise<number> {
  let passed = 0;
  for (let index = 0; index < tries; index++)
    try {
      await replicas[index % replicas.length]!.take(rule, "203.0.113.9");
      passed += 1;
    } catch (error) {
      expect((error as NornsError).code).toBe("rate_limited");
    }
  return passed;
}

describe("rate limits", () => {
  it("hold across replicas, with at most a tenth too many", async () => {
    await using db = await aDatabase([httpMigrations]);
    const clock = aClock();
    const replicas = [createRateLimiter({ store: db.store, clock }), createRateLimiter({ store: db.openStore(), clock })];
    const rule = { name: "requests", perMinute: 600 };
    const passed = await through(replicas, rule, 1500);
    expect(passed).toBeGreaterThanOrEqual(600);
    expect(passed).toBeLessThanOrEqual(660);
    clock.add(30_000);
    const later = await through(replicas, rule, 1500);
    expect(later).toBeGreaterThanOrEqual(270);
    expect(later).toBeLessThanOrEqual(360);
  });

  it("are exact where they are small, also when many try at once", async () => {
    await using db = await aDatabase([httpMigrations]);
    const clock = aClock();
    const replicas = [createRateLimiter({ store: db.store, clock }), createRateLimiter({ store: db.openStore(), clock })];
    const tries = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) => replicas[index % 2]!.take({ name: "sign-in", perMinute: 10 }, "a")),
    );
    expect(tries.filter((one) => one.status === "fulfilled")).toHaveLength(10);
    await replicas[0]!.take({ name: "sign-in", perMinute: 10 }, "b");
  });

  it("say when to come back, and mean it", async () => {
    await using db = await aDatabase([httpMigrations]);
    const clock = aClock();
    const limiter = createRateLimiter({ store: db.store, clock });
    const rule = { name: "sign-in", perMinute: 6, burst: 1 };
    await limiter.take(rule, "a");
    const refused = await limiter.take(rule, "a").catch((error: NornsError) => error);
    expect(refused).toMatchObject({ kind: "quota", details: { retryAfterMs: 10_000 } });
    clock.add(10_000);
    await limiter.take(rule, "a");
  });

  it("cost an ordinary reader no write", async () => {
    await using db = await aDatabase([httpMigrations]);
    const limiter = createRateLimiter({ store: db.store, clock: aClock() });
    for (let index = 0; index < 1000; index++) await limiter.take({ name: "requests", perMinute: 300_000 }, "a");
    const { rows } = await db.store.pool.query("select count(*)::int as n from kernel.rate_limits");
    expect(rows).toEqual([{ n: 0 }]);
  });
});
