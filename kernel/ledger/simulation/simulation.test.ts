import { expect, test } from "vitest";
import { faultClasses, type FaultClass } from "./faults.ts";
import { openSimulatedDatabase, runSeed } from "./run-seed.ts";
import { simulate } from "./simulate.ts";

test(
  "it keeps every promise in 1,000 seeds, or as many as 60 s hold, with every class of faults injected",
  { timeout: 120_000 },
  async () => {
    const seeds = Array.from({ length: 1_000 }, (_, index) => index + 1);
    const summary = await simulate(seeds, performance.now() + 60_000);
    expect(summary.failures).toEqual([]);
    expect(summary.seeds).toBeGreaterThan(100);
    for (const fault of Object.keys(faultClasses).map(Number) as FaultClass[])
      expect.soft(summary.counts[fault], faultClasses[fault]).toBeGreaterThan(0);
  },
);

test("it runs a seed the same way each time", async () => {
  const database = await openSimulatedDatabase();
  try {
    for (const seed of [3, 7, 74]) {
      const first = await runSeed(seed, database, { trace: true });
      expect(await runSeed(seed, database, { trace: true })).toEqual(first);
      expect(first.trace.length).toBeGreaterThan(10);
    }
  } finally {
    database.close();
  }
});
