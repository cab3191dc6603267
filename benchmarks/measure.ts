/** How every benchmark measures: both sides in one run, in turn, several rounds, medians. Pure but for the clock. */
export interface Row {
  readonly name: string;
  /** Our figure and the side it is held against: a peer, or a fixed limit. */
  readonly ours: number;
  readonly limit: number;
  /** ours / limit. */
  readonly ratio: number;
  readonly unit: string;
  /** The bound in words, as the table in README.md has it. */
  readonly bound: string;
  readonly pass: boolean;
  /** What else was seen: CPU, the parts of a sum. */
  readonly note?: string;
}

export interface Benchmark {
  readonly name: string;
  readonly about: string;
  /** Why it cannot run on this machine, in one sentence; undefined when it can. */
  readonly missing?: () => Promise<string | undefined>;
  readonly run: () => Promise<readonly Row[]>;
}

export const median = (values: readonly number[]): number => percentile(values, 50);

export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]!;
}

/** Runs each side once a round, in turn, so that a machine that slows down slows both. The first round is not counted. */
export async function inTurn<Side extends string>(
  sides: Readonly<Record<Side, () => Promise<number>>>,
  rounds: number,
): Promise<Record<Side, number[]>> {
  const names = Object.keys(sides) as Side[];
  const figures = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Side, number[]>;
  for (let round = 0; round <= rounds; round++)
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const figure = await sides[name]();
      if (round > 0) figures[name].push(figure);
    }
  return figures;
}

/** Ours must be at least `factor` of theirs. */
export const atLeast = (name: string, ours: number, theirs: number, factor: number, unit: string, bound: string): Row => ({
  name,
  ours,
  limit: theirs,
  ratio: ours / theirs,
  unit,
  bound,
  pass: ours >= theirs * factor,
});

/** Ours must be at most `limit`. */
export const atMost = (name: string, ours: number, limit: number, unit: string, bound: string): Row => ({
  name,
  ours,
  limit,
  ratio: ours / limit,
  unit,
  bound,
  pass: ours <= limit,
});
