/** The ways in which things go wrong, numbered as in the list that they come from. Each injection is counted. */
export const faultClasses = {
  1: "server killed between any two steps",
  2: "server killed after an outside effect, before its record",
  3: "database connection lost, outcome of the commit unknown",
  4: "lease over while the worker still runs",
  5: "clock jumps, or the server pauses longer than a lease",
  6: "engine answers 429 or 5xx, or times out although it did it",
  7: "partial list, or a stale read that lacks one's own writes",
  9: "gap in the engine's watch stream",
  10: "disk full",
  11: "image pull hangs",
  12: "health flaps",
  13: "two control planes at once",
  14: "upgrade or downgrade under way",
  15: "a person cancels at any moment",
  0: "wake-up lost, late or delivered twice",
} as const;

export type FaultClass = keyof typeof faultClasses;

export type FaultCounts = Record<FaultClass, number>;

export const noFaults = (): FaultCounts => ({
  0: 0,
  1: 0,
  2: 0,
  3: 0,
  4: 0,
  5: 0,
  6: 0,
  7: 0,
  9: 0,
  10: 0,
  11: 0,
  12: 0,
  13: 0,
  14: 0,
  15: 0,
});

/** How likely each is in one run: a seed picks some and leaves others out, so that they meet in all combinations. */
export type FaultRates = Record<FaultClass, number>;

export function chooseRates(random: { chance(p: number): boolean; next(): number }): FaultRates {
  const most: FaultRates = {
    0: 0.5,
    1: 0.02,
    2: 0.15,
    3: 0.04,
    4: 0.02,
    5: 0.02,
    6: 0.2,
    7: 0.3,
    9: 0.3,
    10: 0.01,
    11: 0.1,
    12: 0.3,
    13: 0.9,
    14: 0.7,
    15: 0.6,
  };
  return Object.fromEntries(Object.entries(most).map(([key, rate]) => [key, random.chance(0.6) ? rate * random.next() : 0])) as FaultRates;
}
